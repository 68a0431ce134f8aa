"""The loop over epochs: `fit` once for each, everything on disk between two of them."""

import contextlib
import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cxr._support.disk.archives import check_model_archive
from keras_cxr._support.disk.file_names import LAST_MODEL_FILE
from keras_cxr.errors import TrainingError
from keras_cxr.keras_graph.unpublished import (
    build_metrics,
    optimized_variables,
    sync_weights,
    without_optimizer,
)
from keras_cxr.training.callbacks import EpochCallbacks
from keras_cxr.training.checkpoint import RunFolder, read_arrays
from keras_cxr.training.interruption import interrupt_held_back
from keras_cxr.training.precision import Policies
from keras_cxr.training.progress import Progress
from keras_cxr.training.state import (
    Arrays,
    assign_generators,
    assign_variables,
    from_bytes,
    read_callbacks,
    read_generators,
    read_variables,
    restore_callbacks,
    to_bytes,
    warn_about_lost_state,
)

# Trains a part of the model and returns what the record says of it; is given the record of a run
# before its first epoch, and what raises KeyboardInterrupt after Ctrl-C.
FirstStage = Callable[[dict[str, Any], Callable[[], None]], dict[str, Any]]


class Loop:
    """One run on its way, from its record to the last epoch.

    The data are a `Datasets`, or what gives a head its features in the same way.

    Attributes:
        record: the JSON document that `run.json` holds, kept up to date.
        policies: the dtype policies the model trains with.
    """

    def __init__(
        self,
        model: keras.Model,
        datasets: Any,
        *,
        record: dict[str, Any],
        folder: RunFolder | None,
        callbacks: Sequence[Any],
        class_weight: dict[int, float] | None,
        progress: Progress,
        first_stage: FirstStage | None = None,
    ) -> None:
        self.record = record
        self.policies = Policies(model, record["precision"])
        self._model = model
        self._datasets = datasets
        self._folder = folder
        self._user_callbacks = list(callbacks)
        self._class_weight = class_weight
        self._progress = progress
        self._first_stage = first_stage

    def run(self, epochs: int, *, resumed: bool) -> None:
        """Train up to `epochs` epochs; the model is compiled, its policies are applied."""
        with interrupt_held_back(self._progress) as check_interrupt:
            self._run(epochs, resumed=resumed, check_interrupt=check_interrupt)

    def run_within(self, epochs: int, check_interrupt: Callable[[], None]) -> None:
        """Train as a stage of another run, which answers errors and Ctrl-C."""
        self._prepare(epochs, check_interrupt)
        try:
            self._callbacks.begin()
            self._train_epochs(epochs)
        finally:
            self._callbacks.close()

    def _run(self, epochs: int, *, resumed: bool, check_interrupt: Callable[[], None]) -> None:
        self._prepare(epochs, check_interrupt)
        if resumed and self._is_done(epochs):
            self._return_finished()
            return
        if self._folder is not None:
            warn_about_lost_state(self._user_callbacks)
        try:
            self._callbacks.begin()
            if resumed:
                self._resume()
            else:
                self._commit(save_best=False)
            self._train_to(epochs, check_interrupt)
        finally:
            self._callbacks.close()

    def _prepare(self, epochs: int, check_interrupt: Callable[[], None]) -> None:
        _build(self._model.optimizer, self._model)
        self._build_metrics()
        self._callbacks = EpochCallbacks(
            self._user_callbacks,
            policies=self.policies,
            progress=self._progress,
            check_interrupt=check_interrupt,
            model=self._model,
            epochs=epochs,
            steps=len(self._datasets.train),
            verbose=0,
        )

    def _train_epochs(self, epochs: int) -> None:
        with _average_kept_apart(self._model.optimizer):
            while self.record["epochs_trained"] < epochs and not self.record["stopped"]:
                self._train_epoch(self.record["epochs_trained"])
        self._finish()

    def _train_to(self, epochs: int, check_interrupt: Callable[[], None]) -> None:
        try:
            # until the first epoch of all layers is on disk, the state there is the one before this
            if self._first_stage is not None and not self.record["epochs_trained"]:
                self.record["head"] = self._first_stage(copy.deepcopy(self.record), check_interrupt)
            self._train_epochs(epochs)
        except (KeyboardInterrupt, TrainingError) as error:
            text = self._fall_back(epochs, interrupted=isinstance(error, KeyboardInterrupt))
            if isinstance(error, KeyboardInterrupt):
                self._progress.close()
                self._progress.say(text)
                raise KeyboardInterrupt(text) from error
            raise TrainingError(f"{error} {text}".rstrip()) from error

    def _build_metrics(self) -> None:
        """Build them before the first batch, by which Keras would.

        On TensorFlow variables that appear while the first step is traced make Keras trace it a
        second time. On JAX and torch the look at a first batch leaves a threaded PyDataset one
        batch ahead: the first `fit` of a process would see batches 1, 2, … and then 0, the later
        ones 0, 1, 2, …
        """
        images = np.zeros((1, *self._datasets.input_shape), "float32")
        labels = np.zeros((1, self._datasets.num_classes), "float32")
        build_metrics(self._model, images, labels)

    def _train_epoch(self, epoch: int) -> None:
        model, record = self._model, self.record
        model.fit(
            self._datasets.at_epoch(epoch).train,
            validation_data=self._datasets.val,
            initial_epoch=epoch,
            epochs=epoch + 1,
            callbacks=self._callbacks,
            class_weight=self._class_weight,
            shuffle=False,  # the order is the datasets'; Keras would shuffle batches globally
            verbose=0,
        )
        history = self._callbacks.history.history
        record["history"] = {k: [float(v) for v in values] for k, values in history.items()}
        record["seconds_per_epoch"].append(self._callbacks.training_seconds)
        record["validation_seconds"].append(self._callbacks.validation_seconds)
        record["epochs_trained"] = epoch + 1
        record["stopped"] = bool(model.stop_training)
        record["finished"] = False
        record["best_epoch"] = _best_epoch(record["history"])
        self._commit(save_best=record["best_epoch"] == epoch)
        # only now: an epoch that a person has read of is on disk
        logs = {name: values[-1] for name, values in record["history"].items()}
        self._progress.end_epoch(epoch, logs, self._callbacks.training_seconds)

    def _commit(self, *, save_best: bool) -> None:
        if self._folder is None:
            return
        document, arrays = read_callbacks(self._user_callbacks)
        arrays |= read_variables(self._model.variables, "model")
        arrays |= read_variables(self._model.optimizer.variables, "optimizer")
        arrays |= read_generators()
        arrays["callbacks"] = to_bytes(document)
        self._folder.commit(self.record, arrays, self._save if save_best else None)

    def _resume(self) -> None:
        record = self.record
        here = {"keras_version": keras.version(), "backend": keras.backend.backend()}
        changed = [f"{k} {record[k]}, now {v}" for k, v in here.items() if record[k] != v]
        if changed:
            warnings.warn(
                f"The run was started with another {'; '.join(changed)}: it goes on, but not "
                "bit for bit as it would have.",
                stacklevel=4,
            )
        arrays = self._assign_state()
        self._restore_history()
        restore_callbacks(self._user_callbacks, _callback_states(arrays), arrays)
        self._progress.say(f"resuming after epoch {record['epochs_trained']}")

    def _restore_history(self) -> None:
        history = self._callbacks.history
        history.history = {k: list(v) for k, v in self.record["history"].items()}
        history.epoch = list(range(self.record["epochs_trained"]))

    def _assign_state(self) -> Arrays:
        if self._folder is None:
            raise TrainingError("There is no checkpoint without a run_dir.")
        arrays = read_arrays(self._folder.path / self.record["state"])
        assign_variables(self._model.variables, arrays, "model")
        assign_variables(self._model.optimizer.variables, arrays, "optimizer")
        assign_generators(arrays)
        return arrays

    def _is_done(self, epochs: int) -> bool:
        record = self.record
        return bool(record["finished"]) and (
            record["stopped"] or record["epochs_trained"] >= epochs
        )

    def _return_finished(self) -> None:
        self._assign_state()
        self._restore_history()
        if self.record["changed_at_end"] and self._folder is not None:
            self._load_last(self._folder.path / LAST_MODEL_FILE)
        self._progress.say(f"the run is done: {self.record['epochs_trained']} epochs")

    def _load_last(self, file: Path) -> None:
        try:
            check_model_archive(file)
            with without_optimizer(self._model):
                self._model.load_weights(file)
        except Exception as error:  # of a damaged file Keras raises nearly anything
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"{file} is missing or damaged ({reason}): pass resume=False to begin anew, or "
                "another run_dir."
            ) from error

    def _finish(self) -> None:
        model, record = self._model, self.record
        before = [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]
        with self.policies.paused():
            model.optimizer.finalize_variable_values(model.trainable_variables)
            self._callbacks.end({k: v[-1] for k, v in record["history"].items()})
        record["finished"] = True
        record["changed_at_end"] = not all(
            np.array_equal(old, keras.ops.convert_to_numpy(v), equal_nan=old.dtype.kind == "f")
            for old, v in zip(before, model.variables, strict=True)
        )
        if self._folder is not None:
            self._folder.finish(record, self._save)

    def _fall_back(self, epochs: int, *, interrupted: bool) -> str:
        """Return to the last complete epoch; what happened and how to go on, in words."""
        if self._folder is None:
            sync_weights(self._model)
            return "Without run_dir nothing was saved."
        record = self._folder.read()  # what is on disk counts, not what was about to be
        if record is None:
            return ""
        self.record = record
        self._assign_state()
        done = record["epochs_trained"]
        if interrupted and done:
            self._folder.finish(record, self._save)
        kept = f"Epoch {done} of {epochs} is kept" if done else "No epoch was complete"
        text = f"{kept} in {self._folder.path}"
        if interrupted:
            text += ": the same call, or command, goes on from there"
        return f"{text}."

    def _save(self, path: Path) -> None:
        """Write the model as it was built: its own policies, without the optimizer."""
        with self.policies.paused(), without_optimizer(self._model):
            self._model.save(path)


def _build(optimizer: Any, model: keras.Model) -> None:
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
        return
    known = optimized_variables(optimizer)
    if known is not None and [id(v) for v in known] != [id(v) for v in model.trainable_variables]:
        raise TrainingError(
            f"This {type(optimizer).__name__} was used with another model or other trainable "
            "layers before: pass a new optimizer."
        )


def _best_epoch(history: dict[str, list[float]]) -> int:
    values = history.get("val_loss", history["loss"])
    return min(range(len(values)), key=lambda i: values[i] if math.isfinite(values[i]) else 1e999)


def _callback_states(arrays: Arrays) -> dict[str, Any]:
    try:
        return from_bytes(arrays["callbacks"])
    except (KeyError, ValueError) as error:
        raise TrainingError(
            f"The checkpoint's callbacks are damaged ({error}): pass resume=False to begin anew, "
            "or another run_dir."
        ) from error


@contextlib.contextmanager
def _average_kept_apart(optimizer: Any) -> Iterator[None]:
    """Keep `fit` from replacing the weights by their moving average after every epoch."""
    object.__setattr__(optimizer, "finalize_variable_values", lambda variables: None)
    try:
        yield
    finally:
        object.__delattr__(optimizer, "finalize_variable_values")
