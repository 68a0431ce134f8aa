import cv2
import numpy as np

from keras_cxr.data.duplicates.pairs import align, coarse_detail
from keras_cxr.data.duplicates.windows import FRAMINGS
from tests.data.duplicates.changes import (
    FILMS,
    SIDE,
    small,
)


def test_the_map_between_two_pictures_is_looked_for_from_both_sides():
    """One film turned by 6 degrees: from one of the two sides the way is found at 64 x 64."""
    found = []
    for _, image in FILMS:
        matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 6, 1.0)
        other = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        one, two = coarse_detail(small(image)), coarse_detail(small(other))
        there, back = align(one, two, FRAMINGS[0]), align(two, one, FRAMINGS[0])
        found.append((there is not None, back is not None))
        if there is not None and back is not None:
            joined = there @ np.vstack([back, (0, 0, 1)])
            np.testing.assert_allclose(joined, np.eye(2, 3), atol=0.01)
    assert sum(map(all, found)) >= 10
