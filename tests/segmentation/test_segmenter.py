import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.segmentation import LungSegmenter, segment_lungs
from keras_cxr.segmentation.weights import save_weights


class Half(keras.layers.Layer):
    def call(self, images):
        return images * 0 + 0.5


@pytest.fixture(scope="module")
def half():
    """A segmenter that answers 1/2 everywhere, at 32 x 32."""
    images = keras.Input((32, 32, 1))
    return LungSegmenter(keras.Model(images, Half()(images)))


def dice(found, drawn):
    return 2 * (found & drawn).sum((1, 2)) / (found.sum((1, 2)) + drawn.sum((1, 2)))


def test_phantoms_have_their_lungs(segmenter, films):
    pictures, lungs = films
    found = segmenter.find(pictures)
    assert found.found.all(), found.reasons
    assert set(found.reasons) == {""}
    assert dice(found.masks, lungs).mean() > 0.9
    assert dice(found.masks, lungs).min() > 0.85
    np.testing.assert_allclose(found.area_shares, found.masks.mean((1, 2)), atol=0.01)


def test_what_is_no_film_is_refused(segmenter, films):
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(96.0), np.arange(96.0))
    none = [
        *(255 - films[0]),
        np.zeros((96, 96)),
        np.full((96, 96), 200),
        rng.uniform(0, 255, (96, 96)),
        ramp,
        127 + 120 * np.sin(ramp / 5),
    ]
    found = segmenter.find(np.stack(none).astype(np.float32))
    assert not found.found.any()
    assert all(found.reasons)
    assert not found.masks.any()
    assert found.probabilities.shape == (len(none), 96, 96)


def test_shapes_of_one_batch_agree(segmenter, films):
    grey = films[0][:2]
    found = segment_lungs(grey)
    assert (found.shape, found.dtype) == (grey.shape, np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    for same in (grey[..., None], np.repeat(grey[..., None], 3, 3), grey.astype(np.float64)):
        np.testing.assert_allclose(segment_lungs(same), found, atol=0.02)
    np.testing.assert_allclose(segmenter.predict(grey, batch_size=1), found, atol=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 3), st.integers(1, 90), st.integers(1, 90), st.integers(1, 4))
def test_every_size_is_kept(half, count, height, width, batch_size):
    images = np.full((count, height, width), 7, np.uint8)
    found = half.find(images, batch_size=batch_size)
    assert found.probabilities.shape == images.shape
    assert (found.probabilities == 0.5).all()
    assert found.found.shape == (count,)
    assert not found.found.any()


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (
            np.full((1, 8, 8), 0.7),
            r"images are scaled \(values from 0.7 to 0.7\).*multiplied by 255",
        ),
        (np.full((1, 8, 8), 300.0), r"must lie in \[0, 255\], received values from 300.0"),
        (np.full((1, 8, 8), -3.0), r"must lie in \[0, 255\]"),
        (np.full((1, 8, 8), np.nan), r"must lie in \[0, 255\]"),
        (np.zeros((1, 8, 8), np.int32), "must be uint8 or float"),
        (np.zeros((8, 8)), r"picture\[np.newaxis\]"),
        (np.zeros((1, 8, 8, 2)), "with 1 or 3 channels behind"),
        (np.zeros((1, 0, 8)), "no pixels"),
        (np.dstack([np.zeros((8, 8, 2)), np.ones((8, 8))])[None], "3 channels that differ"),
    ],
)
def test_images_that_are_refused(half, images, text):
    for ask in (half.predict, half.find, segment_lungs):
        with pytest.raises(InvalidArgumentError, match=text):
            ask(images)


def test_batch_size_is_checked(half):
    with pytest.raises(InvalidArgumentError, match="batch_size must be an integer from 1"):
        half.predict(np.zeros((1, 8, 8)), batch_size=0)


def test_presets_are_taken_by_name_or_file(segmenter, films, tmp_path):
    save_weights(segmenter.model, tmp_path / "weights.npz")
    images = films[0][:1]
    for source in ("human_masks", tmp_path / "weights.npz"):
        maps = LungSegmenter.from_preset(source).predict(images)
        np.testing.assert_allclose(maps, segmenter.predict(images), atol=1e-3)
    with pytest.raises(InvalidArgumentError, match=r"weights must be 'human_masks', the path of"):
        LungSegmenter.from_preset("hf://owner/name")


def test_models_of_ones_own_are_checked():
    with pytest.raises(InvalidArgumentError, match="must be a Keras model, received str"):
        LungSegmenter("human_masks")
    images = keras.Input((32, 32, 1))
    with pytest.raises(InvalidArgumentError, match="a segmenter goes from"):
        LungSegmenter(keras.Model(images, keras.layers.Flatten()(images)))
