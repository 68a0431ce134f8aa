"""The classes of images as indices: one reader for every form in which labels are passed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import DataError, InvalidArgumentError

_NAMED = 5  # values that an error shows


def check_class_names(names: Any, count: int | None = None) -> tuple[str, ...]:
    """Return class names as a tuple of different texts.

    Args:
        names: one name for each class, by index.
        count: how many there must be; None for any number.

    Raises:
        InvalidArgumentError: There are too few or too many, one stands there twice or is empty,
            or it is no list of texts.
    """
    if isinstance(names, str | bytes) or not np.iterable(names):
        raise InvalidArgumentError(f"class_names must be a list of names, received {names!r}")
    found = tuple(names)
    odd = [name for name in found if not isinstance(name, str) or not name]
    if odd:
        raise InvalidArgumentError(
            f"class_names must hold a text for each class, received {odd[0]!r} among them"
        )
    if count is not None and len(found) != count:
        raise InvalidArgumentError(
            f"class_names has {len(found)} names, the model has {count} outputs."
        )
    if len(set(found)) < len(found):
        raise InvalidArgumentError(f"class_names holds a name twice: {', '.join(found)}")
    return found


def class_indices(
    labels: Any, *, num_classes: int | None = None, class_names: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """Return the class index of each image, (n,) int64.

    Nothing is guessed: whole numbers are indices from 0, a single column is read as what stands
    in it (Keras' `label_mode="binary"`), rows of several columns must be one-hot, texts must be
    class names.

    Args:
        labels: (n,) or (n, 1) whole numbers, of any type; (n, classes) one-hot, whole or float;
            or (n,) texts, where `class_names` are known.
        num_classes: how many classes there are; None where the labels alone tell.
        class_names: the classes by index; sets `num_classes`.

    Raises:
        DataError: Labels are something else; the text says what, and how to turn it into these.
    """
    if class_names is not None:
        num_classes = len(class_names)
    try:
        values = np.asarray(labels)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"labels must be one for each image; these cannot be made an array: {error}"
        ) from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise DataError(
            "labels must be (n,) or (n, 1) class indices, or (n, classes) one-hot rows, received "
            f"shape {values.shape}"
        )
    if values.dtype.kind in "OSU":
        values = _numbers(values, class_names)
    if values.dtype.kind not in "biuf":
        raise DataError(f"labels must be class indices or one-hot rows, received {values.dtype}")
    if values.ndim == 2:
        return _from_one_hot(values, num_classes)
    return _from_indices(values, num_classes)


def _numbers(values: NDArray[Any], names: Sequence[str] | None) -> NDArray[Any]:
    """Return objects and texts as numbers: texts are looked up among the class names."""
    cells = [cell.decode(errors="replace") if isinstance(cell, bytes) else cell
             for cell in values.ravel().tolist()]  # fmt: skip
    if not any(isinstance(cell, str) for cell in cells):
        try:
            return np.array(cells, np.float64).reshape(values.shape)
        except (TypeError, ValueError):
            raise DataError(
                f"labels must be class indices or class names, received {_shown(cells)}"
            ) from None
    known = "unknown" if names is None else ", ".join(names)
    strange = [cell for cell in cells if names is None or cell not in names]
    if values.ndim == 2 or strange:
        raise DataError(
            f"labels hold {_shown(strange or cells)}, the classes are {known}. Pass one class "
            "index or class name for each image; class_names= names the classes by index."
        )
    index_of = {name: index for index, name in enumerate(names or ())}
    return np.array([index_of[cell] for cell in cells], np.int64)


def _from_one_hot(rows: NDArray[Any], num_classes: int | None) -> NDArray[np.int64]:
    width = rows.shape[1]
    if num_classes is not None and width != num_classes:
        raise DataError(
            f"labels are rows of {width} columns, but there are {num_classes} classes: pass "
            "one-hot rows with a column for each class, or class indices."
        )
    wrong = np.flatnonzero(~(((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)))
    if len(wrong):
        raise DataError(
            "labels with two dimensions must be one-hot: one 1 per row, else 0. "
            f"{len(wrong):,} of {len(rows):,} rows are not, such as row {wrong[0]} with "
            f"{rows[wrong[0]][:_NAMED].tolist()}. Each image has one class here: for soft labels "
            "pass labels.argmax(axis=1); images with none or several classes cannot take part."
        )
    return np.asarray(rows.argmax(axis=1), np.int64)


def _from_indices(values: NDArray[Any], num_classes: int | None) -> NDArray[np.int64]:
    if len(values) == 0:
        return np.zeros(0, np.int64)
    finite = bool(np.isfinite(values).all())
    if not finite or (values != np.floor(values)).any():
        odd = values[~np.isfinite(values)] if not finite else values[values != np.floor(values)]
        raise DataError(
            f"labels must be whole class indices from 0, received {_shown(odd.tolist())} among "
            "them. Pass the index of one class for each image; scores need a threshold first."
        )
    least, most = int(values.min()), int(values.max())
    if least >= 0 and (num_classes is None or most < num_classes):
        return values.astype(np.int64)
    held = f"labels must be class indices from 0{_up_to(num_classes)}, received"
    if least == -1 and most == 1 and not (values == 0).any():
        raise DataError(f"{held} -1 and 1. Pass (labels > 0).astype(int).")
    if least == 1 and most == num_classes:
        raise DataError(f"{held} {least} to {most}: they count from 1. Pass labels - 1.")
    raise DataError(
        f"{held} {least} to {most}. Number the classes 0, 1, 2, ... in the order of the class "
        "names."
    )


def _up_to(num_classes: int | None) -> str:
    return "" if num_classes is None else f" to {num_classes - 1}"


def _shown(values: Sequence[Any]) -> str:
    different = list(dict.fromkeys(map(repr, values)))
    return ", ".join(different[:_NAMED]) + (", ..." if len(different) > _NAMED else "")
