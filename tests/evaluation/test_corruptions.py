"""Each change of a picture by its law."""

import numpy as np
import pytest

from keras_cxr.evaluation.corruptions import CORRUPTIONS

OF = {one.kind: one for one in CORRUPTIONS}


def picture(side=64):
    y, x = np.mgrid[:side, :side] / side
    return (60 + 120 * np.sin(5 * y + 3 * x) ** 2).astype(np.float32)[..., None]


def changed(kind, strength, image=None, seed=0):
    image = picture() if image is None else image
    return OF[kind].apply(image, strength, seed=seed)


@pytest.mark.parametrize("one", CORRUPTIONS, ids=lambda one: one.kind)
def test_every_change_grows_and_repeats(one):
    image = np.repeat(picture(), 3, axis=2)
    before = image.copy()
    moved = [one.apply(image, strength, seed=1) for strength in one.strengths]
    np.testing.assert_array_equal(image, before)
    for result in moved:
        assert result.shape == image.shape
        assert result.dtype == np.float32
        assert result.min() >= 0
        assert result.max() <= 255
        np.testing.assert_array_equal(result[..., 0], result[..., 2])
    far = [float(np.abs(result - image).mean()) for result in moved]
    assert 0 < far[0] < far[1] < far[2]
    np.testing.assert_array_equal(moved[1], one.apply(image, one.strengths[1], seed=1))


def test_changes_by_hand():
    image = picture()
    np.testing.assert_allclose(changed("brighter", 30), image + 30, atol=1e-3)
    np.testing.assert_allclose(changed("contrast", 0.4).std(), 0.4 * image.std(), rtol=1e-4)
    np.testing.assert_allclose(changed("contrast", 0.4).mean(), image.mean(), rtol=1e-4)
    noise = changed("noise", 10) - image
    assert 9.5 < noise.std() < 10.5
    assert abs(changed("noise", 10, seed=1) - changed("noise", 10)).max() > 1
    flat = np.full((64, 64, 1), 90, np.float32)
    for kind in ("blur", "resolution", "cropping", "JPEG", "contrast"):
        np.testing.assert_allclose(changed(kind, OF[kind].strengths[1], flat), flat, atol=3)
    assert changed("rotation", 20, flat)[0, 0] == 0  # nothing lies behind a corner
    assert OF["blur"].setting(2) == "sigma 2 px"


def test_a_batch_is_changed_image_by_image():
    images = np.stack([picture(), 255 - picture()])
    seeds = [(0, 4, 7), (0, 4, 9)]
    found = OF["noise"].apply_to_all(images, 10, seeds=seeds)
    for one, image, seed in zip(found, images, seeds, strict=True):
        np.testing.assert_array_equal(one, OF["noise"].apply(image, 10, seed=seed))
