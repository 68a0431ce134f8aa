"""What labels and scores of findings must be, and which of them are known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError

Floats = NDArray[np.float64]


def checked_findings(
    labels: ArrayLike, scores: ArrayLike, finding_names: Sequence[str] | None
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return labels, scores and names, once they are what they should be.

    Args:
        labels: `(images, findings)` of 0, 1 and NaN for what is not known; booleans too.
        scores: `(images, findings)` finite numbers, higher where a finding is likelier.
        finding_names: in the order of the columns; "0", "1", … by default.

    Raises:
        InvalidArgumentError: (a ValueError) shapes or values that cannot be what they should.
    """
    real, given = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if real.ndim != 2 or real.shape != given.shape or not real.size:
        raise InvalidArgumentError(
            "Expected labels and scores of shape (images, findings) for at least one image, "
            f"received {real.shape} and {given.shape}."
        )
    if not (np.isnan(real) | (real == 0) | (real == 1)).all():
        raise InvalidArgumentError(
            "labels of findings are 1 (there), 0 (not there) or NaN (not known); received "
            f"{np.unique(real[~np.isin(real, (0, 1)) & ~np.isnan(real)])[:5].tolist()} too."
        )
    if not np.isfinite(given).all():
        raise InvalidArgumentError(
            "The scores hold NaN or infinite values: the training diverged or weights are damaged."
        )
    names = tuple(finding_names or map(str, range(real.shape[1])))
    if len(names) != real.shape[1] or len(set(names)) != len(names):
        raise InvalidArgumentError(
            f"finding_names has {len(names)} names, {len(set(names))} of them different, and the "
            f"labels have {real.shape[1]} findings."
        )
    return real, given, names


def checked_probabilities_of(scores: Floats) -> Floats:
    """Return scores that lie in [0, 1].

    Raises:
        InvalidArgumentError: (a ValueError) they do not, such as logits.
    """
    if scores.min() < 0 or scores.max() > 1:
        raise InvalidArgumentError(
            f"probabilities must lie in [0, 1], received {scores.min():.3g} to "
            f"{scores.max():.3g}: logits need a sigmoid first."
        )
    return scores
