"""Thumbnails."""

import numpy as np

from keras_cxr.evaluation.vectors import thumbnails


def test_thumbnails_know_neither_brightness_nor_contrast():
    picture = np.kron(np.arange(64).reshape(8, 8), np.ones((4, 4)))[None, :, :, None] * 2.0
    plain, brighter, colour = (
        thumbnails(images) for images in (picture, picture * 1.5 + 20, np.repeat(picture, 3, 3))
    )
    assert plain.shape == (1, 256)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(plain), 1, atol=0.03)
    np.testing.assert_allclose(brighter, plain, atol=0.02)
    np.testing.assert_allclose(colour, plain)
    # the second row of 16 shows the first of 8 rows again; less the mean of 63
    np.testing.assert_allclose(plain[0, :4] / plain[0, 0], [1, 1, 61 / 63, 61 / 63], rtol=1e-3)
    assert not thumbnails(np.full((1, 40, 40, 1), 200.0)).any()
