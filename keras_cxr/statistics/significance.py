"""p values of differences, and their correction for how many there are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest, permutation_test

SIGN_FLIPS = 1999  # all of them where there are no more, that is up to 10 differences
_LARGEST_SUM = 10_000_000  # of whole numbers, whose sums are counted one by one


def sign_flip_p(differences: NDArray[np.float64], *, seed: int = 0) -> float:
    """Return the two-sided p of the sum of differences, each of which could have had either sign.

    Were two models (or a heat map and a control) alike, the sign of each difference would be a
    coin's: how often would the sum then be as far from 0? Of whole numbers that is computed
    exactly: the distribution over all signs is a convolution of binomials, one for each size of
    difference. Of others, all signs are tried for up to 10 of them, else 1,999 drawn.

    Args:
        differences: `(groups,)`, such as right answers of one model minus the other's.
        seed: of the drawn signs, where not all are tried.
    """
    moved = differences[differences != 0]
    if len(moved) == 0:
        return 1.0
    if (moved == np.rint(moved)).all() and np.abs(moved).sum() <= _LARGEST_SUM:
        return _exact(moved.astype(np.int64))
    found = permutation_test(
        (differences,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        n_resamples=SIGN_FLIPS,
        vectorized=True,
        batch=1000,
        random_state=np.random.default_rng(seed),  # called rng from SciPy 1.15 on
    )
    return float(found.pvalue)


def _exact(whole: NDArray[np.int64]) -> float:
    sizes, counts = np.unique(np.abs(whole), return_counts=True)
    chances = np.ones(1)  # of each sum of the differences that have a plus
    for size, count in zip(sizes, counts, strict=True):
        step = np.zeros(size * count + 1)
        step[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, step)
    totals = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return float(min(1.0, chances[np.abs(totals) >= abs(whole.sum())].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p corrected for their number, in the same order (Holm 1979)."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def mcnemar_p(only_one: int, only_other: int) -> float:
    """Return McNemar's exact two-sided p (1947) of images that only one of two models got right."""
    discordant = only_one + only_other
    return float(binomtest(only_one, discordant).pvalue) if discordant else 1.0
