"""`load_export`: an export that answers in its own runtime, whichever that is."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.exports.record import Export, read_export
from keras_cxr.runtimes.formats import Runtime

BATCH_SIZE = 32


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """An export in its runtime, made by `load_export`: a model without its training.

    Several threads may ask it, one after the other; it can be pickled, as the folder that is
    loaded again. ONNX and LiteRT answer without Keras and TensorFlow.

    Attributes:
        record: what `export.json` says of it.
        runtime: the loaded file itself, which takes what it is given.
    """

    record: Export
    runtime: Runtime
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the probabilities; "lung" alone for a segmenter."""
        return self.record.class_names

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of its images."""
        return self.record.image_size

    @property
    def color_mode(self) -> str:
        """How images are read: "grayscale", one channel, or "rgb", the grey value three times."""
        return self.record.color_mode

    @property
    def intensity(self) -> str:
        """How files become grey, as `read_image` takes it."""
        return self.record.intensity

    def predict(self, images: Any, *, batch_size: int = BATCH_SIZE) -> NDArray[np.float32]:
        """Return what the export answers for images of its size.

        Args:
            images: `(batch, height, width, channels)` uint8 in [0, 255], as
                `keras_cxr.data.read_image` reads files; of films with one channel
                `(batch, height, width)` too.
            batch_size: how many the runtime takes at once.

        Returns:
            `(batch, classes)` float32 in [0, 1], or `(batch, height, width)` of a segmenter.

        Raises:
            InvalidArgumentError: (a ValueError) the images are not uint8, or of another shape.
        """
        pixels = self._checked(images)
        step = check_integer("batch_size", batch_size, least=1)
        found = np.empty((len(pixels), *self.record.output["shape"][1:]), np.float32)
        for start in range(0, len(pixels), step):
            with self._lock:  # between batches another thread has its turn
                found[start : start + step] = self.runtime.predict(pixels[start : start + step])
        return found

    def _checked(self, images: Any) -> NDArray[np.uint8]:
        pixels = np.asarray(images)
        shape = tuple(self.record.input["shape"][1:])
        if pixels.ndim == 3 and shape[2] == 1:
            pixels = pixels[..., np.newaxis]
        if pixels.ndim != 4 or pixels.shape[1:] != shape:
            raise InvalidArgumentError(
                f"images must be (batch, {', '.join(map(str, shape))}), received shape "
                f"{np.shape(images)}: read files with keras_cxr.data.read_image(file, "
                f"{self.image_size}, {self.color_mode!r}, intensity={self.intensity!r}) and stack "
                "them."
            )
        if pixels.dtype != np.uint8:
            raise InvalidArgumentError(
                f"images must be uint8 in [0, 255], received {pixels.dtype}: scale them to that "
                "range, round, and convert them."
            )
        return np.ascontiguousarray(pixels)

    def __reduce__(self) -> tuple[Callable[[Path], "ExportedModel"], tuple[Path]]:
        return load_export, (self.record.folder.absolute(),)


def load_export(folder: str | os.PathLike[str]) -> ExportedModel:
    """Return the model of an export in its own runtime, once the SHA-256 of its files is right.

    Args:
        folder: that `export` or `keras-cxr export` wrote.

    Raises:
        NotFoundError: (a FileNotFoundError) it holds no `export.json`.
        DataError: (a ValueError) that or another file is damaged, or the runtime here cannot read
            it.
        MissingExtraError: (an ImportError) the runtime is not installed.

    Examples:
        >>> model = load_export("my-onnx")  # doctest: +SKIP
        >>> model.predict(pixels).shape, model.class_names  # doctest: +SKIP
        ((1, 2), ('ill', 'well'))
    """
    record = read_export(folder)
    return ExportedModel(record, record.load())
