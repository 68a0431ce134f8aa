"""Images with their class indices, batch by batch, from whatever `evaluate` takes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.data import Datasets
from keras_cxr.data.labels import class_indices
from keras_cxr.errors import DataError, InvalidArgumentError

LabelledBatches = Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]
ReadLabels = Callable[[Any], NDArray[np.int64]]

_TAKES = (
    "evaluate takes a Datasets, a pair of arrays (images, labels), or a dataset of "
    "(images, labels) batches"
)


def part_batches(
    data: Datasets, part: str, batch_size: int, names: Sequence[str]
) -> LabelledBatches:
    """Yield a part of a `Datasets` in the order of its files, never augmented.

    The class indices are those of `names`, which hold all classes of the data.
    """
    count = len(data.files(part))
    index_of = np.array([list(names).index(name) for name in data.class_names], np.int64)
    for start in range(0, count, batch_size):
        images, labels = data.load(part, np.arange(start, min(start + batch_size, count)))
        yield images, index_of[labels]


def array_batches(
    data: tuple[Any, ...], batch_size: int, read_labels: ReadLabels
) -> LabelledBatches:
    """Yield slices of two arrays (images, labels), checked before the first one.

    Raises:
        DataError: the labels are none, or not as many as the images.
        InvalidArgumentError: there are not two arrays.
    """
    if len(data) != 2:
        raise InvalidArgumentError(f"{_TAKES}; received a tuple of {len(data)}")
    images, labels = _array(data[0]), read_labels(_array(data[1]))
    if images.ndim == 0 or len(images) != len(labels):
        count = len(images) if images.ndim else 0
        raise DataError(f"There are {count:,} images but {len(labels):,} labels.")
    for start in range(0, len(images), batch_size):
        stop = start + batch_size
        yield _pixels(images[start:stop]), labels[start:stop]


def dataset_batches(data: Any, read_labels: ReadLabels) -> LabelledBatches:
    """Yield what a `tf.data.Dataset`, `PyDataset` or any other iterable of batches yields.

    Raises:
        DataError: a batch has no labels, or not as many as images.
        InvalidArgumentError: it is no such iterable, or has more than images and labels.
    """
    if isinstance(data, str | bytes | os.PathLike) or not isinstance(data, Iterable):
        named = f"{data!r}: read a folder with make_datasets first"
        shown = named if isinstance(data, str | os.PathLike) else type(data).__name__
        raise InvalidArgumentError(f"{_TAKES}; received {shown}")
    batches: Iterable[Any] = data
    if isinstance(data, keras.utils.PyDataset):
        batches = (data[index] for index in range(len(data)))
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            raise InvalidArgumentError(
                f"{_TAKES}; this dataset yields {_described(batch)}. Let it yield (images, labels)."
            )
        if len(batch) > 2:
            raise InvalidArgumentError(
                f"This dataset yields {len(batch)} items a batch, and an evaluation has no use for "
                "sample weights. Let it yield (images, labels), such as "
                "dataset.map(lambda images, labels, weights: (images, labels))."
            )
        images, labels = _pixels(_array(batch[0])), _array(batch[1])
        if images.ndim and labels.ndim == 0:
            raise InvalidArgumentError(
                f"This dataset yields single images, {images.shape}, with their labels. Let it "
                "yield batches: dataset.batch(32)."
            )
        indices = read_labels(labels)
        if images.ndim == 0 or len(images) != len(indices):
            raise DataError(
                f"A batch holds images of shape {images.shape} but {len(indices):,} labels."
            )
        yield images, indices


def indices_with(names: tuple[str, ...]) -> ReadLabels:
    """Return a function that turns labels into indices of these classes."""

    def read(labels: Any) -> NDArray[np.int64]:
        return class_indices(labels, class_names=names)

    return read


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    try:
        if keras.ops.is_tensor(values):
            return np.asarray(keras.ops.convert_to_numpy(values))
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"Images and labels must be arrays: {error}") from error


def _pixels(images: NDArray[Any]) -> NDArray[np.float32]:
    if images.dtype.kind not in "biuf":
        raise DataError(
            f"images must be numbers in [0, 255], received {images.dtype} of shape {images.shape}"
        )
    return images.astype(np.float32, copy=False)


def _described(batch: Any) -> str:
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return f"arrays of shape {tuple(shape)}"
    is_several = isinstance(batch, tuple | list)
    return f"{type(batch).__name__} of {len(batch)}" if is_several else type(batch).__name__
