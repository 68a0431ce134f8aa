"""`evaluate`: what a model answers on images whose classes are known."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr._support.ranges import check_range_for
from keras_cxr._support.text.prediction_tables import probability_columns
from keras_cxr.data import Datasets
from keras_cxr.data.labels import check_class_names
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation.labelled_batches import (
    LabelledBatches,
    array_batches,
    dataset_batches,
    indices_with,
    part_batches,
)
from keras_cxr.evaluation.result import Evaluation
from keras_cxr.keras_graph.interface import check_model_fits, num_outputs, predict_probabilities
from keras_cxr.statistics.intervals.resampling import group_codes
from keras_cxr.statistics.metrics import compute_metrics


def evaluate(
    model: keras.Model,
    data: Datasets | tuple[Any, Any] | Iterable[Any],
    *,
    part: str = "test",
    class_names: Sequence[str] | None = None,
    groups: Sequence[Any] | ArrayLike | None = None,
    batch_size: int = 32,
) -> Evaluation:
    """Return the evaluation of a model on images whose classes are known.

    Each prediction is taken together with its label from the same batch, so the table, the
    confusion matrix and the figures agree even for a dataset that shuffles.

    Args:
        model: a classifier from `(batch, height, width, channels)` in [0, 255] to
            `(batch, classes)`. A softmax is applied where the model's head has none.
        data: the `Datasets` of `make_datasets` (rows in the order of its files, never
            augmented), or any dataset of `(images, labels)` batches, or a pair of arrays
            `(images, labels)`. Labels are class indices `(n,)` or `(n, 1)`, one-hot rows
            `(n, classes)`, or names out of `class_names`; anything else is refused.
        part: which part of a `Datasets`: "train", "val" or "test".
        class_names: in the order of the outputs; taken from a `Datasets`, else "0", "1", ….
            For a `Datasets` that holds only some of the model's classes, those of the model.
        groups: `(images,)` patients or groups of copies in the order of the images, `""` for an
            image alone: the intervals count each once. Of a `Datasets` its own column `group`.
        batch_size: images per forward pass for `Datasets` and arrays.

    Raises:
        DataError: (a ValueError) the labels are not as said above, or not as many as the images.
        InvalidArgumentError: (a ValueError) the model does not fit the data, the part is empty,
            the outputs are no probabilities of two classes or more, or the model does not say
            what it returns, as subclassed ones do not.

    Examples:
        >>> import keras_cxr, numpy as np
        >>> model = keras_cxr.build_lenet5((32, 32, 1), 2)
        >>> images = np.zeros((3, 32, 32, 1), "float32")
        >>> keras_cxr.evaluate(model, (images, [0, 1, 1])).confusion.shape
        (2, 2)
    """
    batch_size = check_integer("batch_size", batch_size, least=1)
    count = num_outputs(model)
    files: list[str] | None = None
    if isinstance(data, Datasets):
        names = _names_for(data, class_names, count)
        check_model_fits(model, data.input_shape, len(names))
        files = data.files(part)
        if groups is None:
            groups = data.table["group"][data.table["part"] == part].to_numpy(str)
        batches = part_batches(data, part, batch_size, names)
    else:
        names = _class_names(class_names, count)
        read_labels = indices_with(names)
        batches = (
            array_batches(data, batch_size, read_labels)
            if isinstance(data, tuple)
            else dataset_batches(data, read_labels)
        )
    known = files if files is not None else data[0] if isinstance(data, tuple) else None
    if known is not None:
        group_codes(groups, len(known))  # refuses another number of them before the work
    labels, probabilities = _predict(model, batches, len(names))
    predicted = probabilities.argmax(axis=1)
    table = pd.DataFrame(
        {
            "file": files if files is not None else [f"image {i}" for i in range(len(labels))],
            "real": [names[index] for index in labels],
            "predicted": [names[index] for index in predicted],
            "correct": labels == predicted,
            **dict(zip(probability_columns(names), probabilities.T, strict=True)),
        }
    )
    metrics = compute_metrics(labels, probabilities, groups=groups)
    return Evaluation(metrics, names, table, None if groups is None else np.asarray(groups))


def _predict(
    model: keras.Model, batches: LabelledBatches, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    labels: list[NDArray[np.int64]] = []
    outputs: list[NDArray[np.float64]] = []
    for images, batch_labels in batches:
        if not outputs:
            check_model_fits(model, images.shape[1:], num_classes)
            check_range_for(model, images, InvalidArgumentError)
        outputs.append(predict_probabilities(model, images))
        labels.append(batch_labels)
    if not outputs:
        raise InvalidArgumentError("There are no images to evaluate: the dataset is empty.")
    return np.concatenate(labels), np.concatenate(outputs)


def _names_for(data: Datasets, given: Sequence[str] | None, count: int) -> tuple[str, ...]:
    held = tuple(data.class_names)
    if given is None:
        if len(held) < count:
            raise InvalidArgumentError(
                f"The model tells {count} classes apart, the data hold {len(held)} "
                f"({', '.join(held)}). Pass class_names= the model's classes in the order of its "
                f"outputs to test it on some of them, or build it with num_classes={len(held)}."
            )
        return held
    names = check_class_names(given, count)
    strange = [name for name in held if name not in names]
    if strange:
        raise DataError(
            f"The data hold images of {', '.join(map(repr, strange))}, none of the model's classes "
            f"{', '.join(names)}. Name them as these classes or leave them out."
        )
    return names


def _class_names(given: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(str(index) for index in range(count))
    return check_class_names(given, count)
