"""Means over images with intervals, and whether a method beats a control."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
RESAMPLES = 2000
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
    """Return the mean with its percentile bootstrap interval (Efron 1979), NaN left out.

    Images are drawn anew, with replacement, 2,000 times. The interval speaks of further images of
    the same kind, taken as independent; it is a little narrow below about 20 images.

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
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(known.mean()), float(low), float(high), len(known))


@dataclass(frozen=True)
class Comparison:
    """A method beside a control, on the images where both have a value.

    Attributes:
        control: The control's own mean.
        difference: Mean of method - control, image by image.
        verdict: For the method: "better" or "worse" where the interval of the difference leaves
            0 out, else "not told apart"; "too few images" below six.
    """

    control: Estimate
    difference: Estimate
    verdict: str

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
    difference = estimate(method - control, confidence=confidence, seed=seed)
    return Comparison(own, difference, _verdict(difference, lower_is_better=lower_is_better))


def _verdict(difference: Estimate, *, lower_is_better: bool) -> str:
    if difference.num_images < MIN_IMAGES:
        return TOO_FEW
    if difference.low <= 0 <= difference.high:
        return OPEN
    return BETTER if (difference.high < 0) == lower_is_better else WORSE
