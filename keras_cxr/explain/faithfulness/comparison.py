"""Whether a method's maps beat a control's, on the images where both have a value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.estimates import Estimate, number_text
from keras_cxr.statistics.intervals.means import mean_of_few
from keras_cxr.statistics.significance import sign_flip_p

Doubles = NDArray[np.float64]
# Even if the method wins on every image, a sign test of five images gives p = 2 / 2^5 > 0.05.
MIN_IMAGES = 6

BETTER, WORSE, OPEN, TOO_FEW = "better", "worse", "not told apart", "too few images"
SIGNS = {BETTER: "+", WORSE: "-", OPEN: "?", TOO_FEW: "?"}


@dataclass(frozen=True)
class ControlComparison:
    """A method beside a control, on the images where both have a value.

    Attributes:
        control: the control's own mean.
        difference: mean of method - control, image by image.
        verdict: for the method: "better" or "worse" where the interval of the difference leaves
            0 out and p is below 1 - confidence, else "not told apart"; "too few images" below
            six.
        p: of the sign-flip test (`sign_flip_p`), NaN below six images: were method and control
            alike, each image's difference could as well have had the other sign. How often would
            the mean difference then be as far from 0?
    """

    control: Estimate
    difference: Estimate
    verdict: str
    p: float = float("nan")

    def __str__(self) -> str:
        return f"{number_text(self.control.value, 2)}; difference {self.difference.text(2)}"


def compare(
    method: Doubles, control: Doubles, *, lower_is_better: bool, confidence: float, seed: int
) -> ControlComparison:
    """Return how the method does against the control.

    Args:
        method: (images,), NaN where there is none.
        control: (images,).
        lower_is_better: which way is good.
        confidence: of the intervals.
        seed: of the bootstrap, and of the signs where not all are tried.
    """
    own = mean_of_few(control, confidence=confidence, seed=seed)
    gaps = method - control
    known = gaps[~np.isnan(gaps)]
    difference = mean_of_few(known, confidence=confidence, seed=seed)
    if len(known) < MIN_IMAGES:
        return ControlComparison(own, difference, TOO_FEW)
    p = sign_flip_p(known, seed=seed)
    if difference.low <= 0 <= difference.high or p >= 1 - confidence:
        return ControlComparison(own, difference, OPEN, p)
    better = (difference.high < 0) == lower_is_better
    return ControlComparison(own, difference, BETTER if better else WORSE, p)
