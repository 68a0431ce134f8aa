"""Occlusion by hand."""

import numpy as np
import pytest

from keras_cxr.explain import Occlusion
from tests.explain.methods.known import PICTURE, known


@pytest.mark.parametrize("fill", [None, 3.0])
def test_occlusion_of_a_known_score(fill):
    """Covering a square lowers the mean by its sum less the fill's, a value at a time."""
    explain = Occlusion(known(), window=2, stride=1, fill=fill)
    grey = PICTURE.mean() if fill is None else fill
    falls, counts = np.zeros((2, 4)), np.zeros((2, 4))
    for left in range(3):
        place = np.s_[:, left : left + 2]
        falls[place] += 2 * (PICTURE[place] - grey).sum() / 8
        counts[place] += 1
    found = explain.explain(PICTURE, 0)
    np.testing.assert_allclose(found.raw_map[0], falls / counts, rtol=1e-4, atol=1e-6)


def test_occlusion_reaches_the_border_and_takes_windows_larger_than_the_image():
    picture = np.zeros((2, 4), "float32")
    picture[1, 3] = 8
    found = Occlusion(known(), window=3, stride=2, fill=0).explain(picture, 0)
    # the squares stand at columns 0 and 1; the second alone covers the bright pixel
    np.testing.assert_allclose(found.raw_map[0], [[0, 1, 1, 2], [0, 1, 1, 2]], atol=1e-6)
    whole = Occlusion(known(), window=99, stride=99, fill=0).explain(picture, 0)
    np.testing.assert_allclose(whole.raw_map[0], np.full((2, 4), 2.0), atol=1e-6)
