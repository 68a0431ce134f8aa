"""Keras' callback list for a training that calls `fit` once per epoch."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_cxr.errors import TrainingError
from keras_cxr.keras_graph.unpublished import close_workers
from keras_cxr.training.precision import Policies
from keras_cxr.training.progress import Progress

# Reading the loss waits for the device; on a CPU it costs nothing.
_BATCHES_PER_LOOK = 10


class EpochCallbacks(keras.callbacks.CallbackList):
    """Callbacks that see one training, however many times `fit` is called.

    `begin` and `end` are called by the training loop; what `fit` sends at its own begin and end
    is held back, since EarlyStopping and others would start over with each epoch. It measures
    the two passes, shows progress, and stops at a loss that is no number and, between two batches,
    at Ctrl-C.

    Attributes:
        training_seconds: wall-clock seconds of the last training pass.
        history: the History callback, which `fit` also leaves in `model.history`.
        validation_seconds: wall-clock seconds of the last validation pass, 0 without one.
    """

    def __init__(
        self,
        callbacks: Sequence[Any],
        *,
        policies: Policies,
        progress: Progress,
        check_interrupt: Callable[[], None],
        **params: Any,
    ) -> None:
        kept = [one for one in callbacks if isinstance(one, keras.callbacks.History)]
        self.history = kept[-1] if kept else keras.callbacks.History()
        super().__init__([*callbacks, *([] if kept else [self.history])], **params)
        self._check_interrupt = check_interrupt
        self._policies = policies
        self._progress = progress
        self._epoch = 0
        self._started = self._validation_started = 0.0
        self.training_seconds = self.validation_seconds = 0.0

    def begin(self) -> None:
        """Training begins."""
        super().on_train_begin()

    def end(self, logs: dict[str, float] | None) -> None:
        """Training ends."""
        super().on_train_end(logs)

    def close(self) -> None:
        """Let go of Keras' worker threads, also after an error."""
        close_workers(self)

    def on_train_begin(self, logs: Any = None) -> None:
        """Held back: `begin` has told the callbacks."""

    def on_train_end(self, logs: Any = None) -> None:
        """Held back: `end` will tell the callbacks."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock after the callbacks had their turn."""
        super().on_epoch_begin(epoch, logs)
        self._epoch = epoch
        self.training_seconds = self.validation_seconds = 0.0
        self._progress.begin_epoch(epoch)
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss now and then."""
        super().on_train_batch_end(batch, logs)
        loss = None
        if logs and batch % _BATCHES_PER_LOOK == 0:
            loss = self._look(logs, f"batch {batch + 1} of epoch {self._epoch + 1}")
        self._progress.end_batch(batch, loss)
        self._check_interrupt()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Let Ctrl-C through: this is a good moment."""
        super().on_test_batch_end(batch, logs)
        self._check_interrupt()

    def on_test_begin(self, logs: Any = None) -> None:
        """Note that the training pass is over."""
        self._validation_started = time.perf_counter()
        self.training_seconds = self._validation_started - self._started
        super().on_test_begin(logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Note that the validation pass is over."""
        super().on_test_end(logs)
        self.validation_seconds = time.perf_counter() - self._validation_started

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell the callbacks; a model they save keeps its own dtype policies."""
        self.training_seconds = self.training_seconds or time.perf_counter() - self._started
        self._look(logs, f"epoch {epoch + 1}")
        with self._policies.paused():
            super().on_epoch_end(epoch, logs)

    def _look(self, logs: Any, where: str) -> float:
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at {where}: the weights are lost. Lower the learning "
                "rate (for example optimizer=keras.optimizers.Adam(1e-4)), clip the gradients "
                "(clipnorm=1.0), or look for images or class weights that are not numbers"
                '; with mixed_bfloat16 also try precision="float32".'
            )
        return loss
