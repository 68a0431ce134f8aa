"""p values of differences between models, and their correction for how many there are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest


def sign_flip_p(differences: NDArray[np.float64]) -> float:
    """Two-sided p of a sum of differences, each of which could have had the other sign.

    Exact, without drawing: the distribution of the sum over all signs is a convolution of
    binomials, one for each size of difference.

    Args:
        differences: `(groups,)` whole numbers: right answers of one model minus the other's.
    """
    whole = np.rint(differences[differences != 0]).astype(np.int64)
    sizes, counts = np.unique(np.abs(whole), return_counts=True)
    chances = np.ones(1)  # of each sum of the differences that have a plus
    for size, count in zip(sizes, counts, strict=True):
        step = np.zeros(size * count + 1)
        step[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, step)
    totals = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return float(min(1.0, chances[np.abs(totals) >= abs(whole.sum())].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p corrected for their number, in the same order (Holm 1979)."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def mcnemar_p(only_one: int, only_other: int) -> float:
    """McNemar's exact two-sided p (1947) of images that only one of two models got right."""
    discordant = only_one + only_other
    return float(binomtest(only_one, discordant).pvalue) if discordant else 1.0
