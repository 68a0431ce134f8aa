"""Means over images with intervals, and whether a method beats a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import permutation_test, t

Doubles = NDArray[np.float64]
RESAMPLES = 2000
SIGN_FLIPS = 1999  # all of them where there are no more, that is up to 10 images
# Even if the method wins on every image, a sign test of five images gives p = 2 / 2^5 > 0.05.
MIN_IMAGES = 6

BETTER, WORSE, OPEN, TOO_FEW = "better", "worse", "not told apart", "too few images"
SIGNS = {BETTER: "+", WORSE: "-", OPEN: "?", TOO_FEW: "?"}


@dataclass(frozen=True)
class Estimate:
    """A mean over images with its interval; NaN where there are no images, or too few.

    Attributes:
        mean: Over the images that have a value.
        low: Lower limit.
        high: Upper limit.
        num_images: That have a value.
    """

    mean: float
    low: float
    high: float
    num_images: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def estimate(values: Doubles, *, confidence: float, seed: int) -> Estimate:
    """Return the mean with its expanded percentile interval (Hesterberg 2015), NaN left out.

    Images are drawn anew, with replacement, 2,000 times, and the means' percentiles taken further
    out than (1 - confidence) / 2: at Phi(-sqrt(n / (n - 1)) t), t being Student's quantile, as
    wide as the t interval of n normal values. Plain percentiles are as narrow as if the standard
    deviation of few images were known. The interval speaks of further images of the same kind,
    taken as independent.

    Args:
        values: (images,), NaN where an image has none.
        confidence: Of the interval, in (0, 1).
        seed: Of the drawing.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        mean = float(known[0]) if len(known) else float("nan")
        return Estimate(mean, float("nan"), float("nan"), len(known))
    rng = np.random.default_rng(seed)
    means = [
        known[rng.integers(0, len(known), (RESAMPLES // 20, len(known)))].mean(axis=1)
        for _ in range(20)  # in parts, which bounds the memory
    ]
    count = len(known)
    reach = np.sqrt(count / (count - 1)) * t.ppf((1 + confidence) / 2, count - 1)
    low, high = np.quantile(means, [ndtr(-reach), ndtr(reach)])
    return Estimate(float(known.mean()), float(low), float(high), len(known))


@dataclass(frozen=True)
class Comparison:
    """A method beside a control, on the images where both have a value.

    Attributes:
        control: The control's own mean.
        difference: Mean of method - control, image by image.
        verdict: For the method: "better" or "worse" where the interval of the difference leaves
            0 out and p is below 1 - confidence, else "not told apart"; "too few images" below
            six.
        p: Of the sign-flip test, NaN below six images: were method and control alike, each
            image's difference could as well have had the other sign. How often would the mean
            difference then be as far from 0? All sign flips up to 10 images, else 1,999 drawn.
    """

    control: Estimate
    difference: Estimate
    verdict: str
    p: float = float("nan")

    def __str__(self) -> str:
        return f"{self.control.mean:.2f}; difference {self.difference}"


def compare(
    method: Doubles, control: Doubles, *, lower_is_better: bool, confidence: float, seed: int
) -> Comparison:
    """Return how the method does against the control.

    Args:
        method: (images,), NaN where there is none.
        control: (images,).
        lower_is_better: Which way is good.
        confidence: Of the intervals.
        seed: Of the bootstrap.
    """
    own = estimate(control, confidence=confidence, seed=seed)
    gaps = method - control
    difference = estimate(gaps, confidence=confidence, seed=seed)
    if difference.num_images < MIN_IMAGES:
        return Comparison(own, difference, TOO_FEW)
    p = sign_flip_p(gaps[~np.isnan(gaps)], seed=seed)
    if difference.low <= 0 <= difference.high or p >= 1 - confidence:
        return Comparison(own, difference, OPEN, p)
    better = (difference.high < 0) == lower_is_better
    return Comparison(own, difference, BETTER if better else WORSE, p)


def sign_flip_p(differences: Doubles, *, seed: int) -> float:
    """Return the two-sided p of the mean of differences, each of which could have had either sign.

    Args:
        differences: (images,), two or more.
        seed: Of the drawn signs, where not all are tried.
    """
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
