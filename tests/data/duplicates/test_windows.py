import cv2
import numpy as np
from scipy.fft import dctn

from keras_cxr.data.duplicates.windows import WHOLE, window_coefficients
from tests.data.duplicates.changes import (
    FILMS,
)


def test_the_description_is_the_cosine_transform():
    small = cv2.resize(FILMS[0][1], (64, 64), interpolation=cv2.INTER_AREA)
    (found,) = window_coefficients(small[np.newaxis], WHOLE)
    expected = dctn(small.astype(float), norm="ortho")[:12, :12]
    # a pixel's share of a wave is an integral here, its middle in the DCT: a factor by frequency
    order = np.arange(12) / 128
    expected *= np.outer(np.sinc(order), np.sinc(order))
    expected = expected.ravel()[1:]
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-4)
