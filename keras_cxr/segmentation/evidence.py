"""Whether a map of probabilities shows lungs: by its area, its shape and how sure it is."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

INSIDE = 0.5
"""A pixel belongs to the lungs where its probability is above this."""

# Chosen on 232 films with people's masks that were not trained on, on films of other hospitals
# without masks, and on pictures that are no films: docs/segmentation.md has their rates.
AREA_SHARES = (0.05, 0.65)
LEAST_CONFIDENCE = 0.7
LEAST_IN_TWO_PARTS = 0.85
LEAST_BALANCE = 0.25
LEAST_SOLIDITY = 0.75


class Evidence(NamedTuple):
    """What one map of probabilities shows.

    Attributes:
        area_share: of all pixels, those inside.
        confidence: sum of min(p, m) / sum of max(p, m), p the probabilities and m 1 inside, else
            0: 1 where every pixel is decided, near 0 where none is.
        two_parts: of the pixels inside, those in the two largest connected parts.
        balance: area of the second largest part / area of the largest; 0 where there is one.
        solidity: area of both parts / area of the convex hulls around each.
    """

    area_share: float
    confidence: float
    two_parts: float
    balance: float
    solidity: float

    @property
    def reason(self) -> str:
        """Why these are no lungs, in words; "" where they may be some."""
        least, most = AREA_SHARES
        if self.area_share < least:
            return f"lungs would cover {self.area_share:.1%} of the picture, less than {least:.0%}"
        if self.area_share > most:
            return f"lungs would cover {self.area_share:.0%} of the picture, more than {most:.0%}"
        if self.confidence < LEAST_CONFIDENCE:
            return f"the confidence is {self.confidence:.2f}, less than {LEAST_CONFIDENCE}"
        if self.two_parts < LEAST_IN_TWO_PARTS:
            return (
                f"the two largest parts hold {self.two_parts:.0%} of what was found, less than "
                f"{LEAST_IN_TWO_PARTS:.0%}"
            )
        if self.balance < LEAST_BALANCE:
            return (
                f"the second part is {self.balance:.0%} as large as the first, less than "
                f"{LEAST_BALANCE:.0%}"
            )
        if self.solidity < LEAST_SOLIDITY:
            return (
                f"the parts fill {self.solidity:.0%} of their convex hulls, less than "
                f"{LEAST_SOLIDITY:.0%}"
            )
        return ""


def weigh(probabilities: NDArray[np.float32]) -> Evidence:
    """Return what a map `(height, width)` of probabilities in [0, 1] shows."""
    inside = probabilities > INSIDE
    total = int(inside.sum())
    if not total:
        return Evidence(0.0, 0.0, 0.0, 0.0, 0.0)
    shared = float(probabilities[inside].sum(dtype=np.float64))
    either = total + float(probabilities[~inside].sum(dtype=np.float64))
    labels, largest, areas = _two_largest(inside)
    area = sum(areas)
    balance = areas[1] / areas[0] if len(areas) == 2 else 0.0
    hulls = sum(_hull_area(labels == part) for part in largest)
    return Evidence(total / inside.size, shared / either, area / total, balance, area / hulls)


def keep_two_parts(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map `(height, width)` with 0 in all but the two largest parts that are inside.

    There are two lungs. Some films have a third part, often gas below the diaphragm.
    """
    inside = probabilities > INSIDE
    labels, largest, _ = _two_largest(inside)
    return np.where(inside & ~np.isin(labels, largest), np.float32(0), probabilities)


def _two_largest(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[int], list[int]]:
    """Return the part that each pixel belongs to, which two are largest, and their pixels."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    areas = sizes[1:count, cv2.CC_STAT_AREA]
    largest = np.argsort(-areas, kind="stable")[:2]
    return labels, [int(part) + 1 for part in largest], [int(areas[part]) for part in largest]


def _hull_area(part: NDArray[np.bool_]) -> int:
    """Return how many pixels the convex hull of a part covers, its edge included."""
    rows, columns = np.nonzero(part)
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    drawn = np.zeros(part.shape, np.uint8)
    cv2.fillConvexPoly(drawn, hull, 1)
    return int(drawn.sum())
