"""Pictures without lungs, of borders, of 24 x 24 pixels."""

import numpy as np

from keras_cxr import make_datasets
from keras_cxr.audit.of_model.controls.masking import (
    border_only,
    lung_shape,
    maskings_of,
    thumbnail,
)
from keras_cxr.data.altered import transform_name


def test_views_take_away_what_they_name():
    image = np.arange(100 * 200, dtype=np.float32).reshape(100, 200) % 251
    mask = np.zeros((100, 200), np.uint8)
    mask[20:60, 30:80] = 255
    ring = border_only(image, mask)
    assert not ring[11:89, 22:178].any()
    ring[11:89, 22:178] = image[11:89, 22:178]
    np.testing.assert_array_equal(ring, image)
    grains = thumbnail(np.full((100, 200), 77, np.uint8), mask)
    assert grains.shape == (100, 200)
    assert (grains == 77).all()
    noise = np.random.default_rng(0).integers(0, 256, (240, 240)).astype(np.uint8)
    assert thumbnail(noise, mask).std() < noise.std() / 4
    assert sorted(np.unique(lung_shape(image, mask))) == [0, 128]
    np.testing.assert_array_equal(lung_shape(image, mask) > 0, mask > 0)


def test_views_without_masks_are_left_out_and_named():
    pixels, labels = np.zeros((8, 8, 8), np.uint8), np.array([0, 1] * 4)
    arrays = make_datasets((pixels, labels), image_size=(8, 8), split=(0.5, 0.0, 0.5))
    views, notes = maskings_of(arrays)
    assert [view.key for view in views] == ["full", "border", "thumbnail"]
    assert notes == ("Not measured: lungs removed, lungs only, since no image has a lung mask.",)


def test_a_model_of_lungs_is_shown_their_outline(datasets):
    views, _ = maskings_of(datasets.altered(region="lungs"))
    assert [view.key for view in views] == ["full", "outside", "border", "thumbnail", "shape"]


def test_finished_controls_are_known_wherever_the_functions_stand():
    """The names of release 0.1.0, which fingerprints of its controls hold."""
    names = [transform_name(one) for one in (border_only, thumbnail, lung_shape)]
    assert names == [
        f"keras_cxr.audit.views.{name}" for name in ("border_only", "thumbnail", "lung_shape")
    ]
