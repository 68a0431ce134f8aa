"""What labels and probabilities must be before anything is computed from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError


def checked_predictions(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels as int64 and probabilities as float64, once they are what they should be.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) shapes or values that cannot be what they should.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    real = np.asarray(labels)
    if scores.ndim != 2 or real.shape != scores.shape[:1] or len(real) == 0:
        raise InvalidArgumentError(
            "Expected labels of shape (images,) and probabilities of shape (images, classes) for "
            f"at least one image, received {real.shape} and {scores.shape}."
        )
    if not np.issubdtype(real.dtype, np.integer) or real.min() < 0 or real.max() >= scores.shape[1]:
        raise InvalidArgumentError(
            f"labels must be whole numbers from 0 to {scores.shape[1] - 1}, the class indices."
        )
    return real.astype(np.int64), checked_probabilities(scores)


def checked_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the same probabilities as float64 whose rows add up to 1 exactly.

    Args:
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1 within a hundredth.

    Raises:
        InvalidArgumentError: (a ValueError) they are something else, such as logits.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2:
        raise InvalidArgumentError(
            f"Expected probabilities of shape (images, classes), received {scores.shape}."
        )
    if not np.isfinite(scores).all():
        raise InvalidArgumentError(
            "The model's outputs hold NaN or infinite values: its training diverged or its "
            "weights are damaged."
        )
    if (scores < -1e-6).any() or not np.allclose(scores.sum(axis=1), 1, atol=1e-2):
        raise InvalidArgumentError(
            "probabilities must lie in [0, 1] and add up to 1 for each image. Logits and "
            "independent (sigmoid) scores need a softmax first."
        )
    # float16 and bfloat16 outputs add up to 1 within a hundredth only; log_loss warns of that
    scores = np.clip(scores, 0, None)
    normalized: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return normalized


def checked_names(class_names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return the class names, or "0", "1", … where none are given.

    Raises:
        InvalidArgumentError: (a ValueError) there are more or fewer than classes.
    """
    names = tuple(class_names) if class_names is not None else tuple(map(str, range(count)))
    if len(names) != count:
        raise InvalidArgumentError(
            f"class_names has {len(names)} names, the probabilities have {count} classes."
        )
    return names
