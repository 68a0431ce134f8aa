from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.segmentation import build_lung_unet


def by_hand():
    """Parameters of the network, from the table of its filters."""
    filters = (16, 32, 48, 64, 96)
    total = convolution(1, 16) + convolution(16, 16)
    for before, after in pairwise(filters):
        total += convolution(before, after) + convolution(after, after)
        total += after * before + before + convolution(before, before)  # narrow, then up
    return total + 16 + 1  # logits


def convolution(before, after):
    """3 x 3 without bias, then four numbers of normalization for each filter."""
    return 9 * before * after + 4 * after


def test_parameters():
    assert build_lung_unet().count_params() == by_hand() == 336_833


@settings(max_examples=4)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_maps_have_the_size_of_their_films(height, width, channels):
    shape = (32 * height, 32 * width, channels)
    model = build_lung_unet(shape, name="lungs")
    assert (model.input_shape, model.name) == ((None, *shape), "lungs")
    assert model.output_shape == (None, *shape[:2], 1)


def test_exposure_makes_no_difference():
    model = build_lung_unet((32, 32, 1))
    film = np.random.default_rng(0).uniform(0, 80, (1, 32, 32, 1)).astype(np.float32)
    bright = model.predict_on_batch(3 * film + 10)
    assert np.abs(bright - model.predict_on_batch(film)).max() < 1e-3


def test_channels_stay_last_and_probabilities_exact_however_keras_is_configured():
    before = keras.config.image_data_format(), keras.config.dtype_policy()
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_lung_unet((64, 32, 1))
    finally:
        keras.config.set_image_data_format(before[0])
        keras.config.set_dtype_policy(before[1])
    assert model.output_shape == (None, 64, 32, 1)
    assert model.output.dtype == "float32"


@pytest.mark.parametrize("shape", [(100, 96, 1), (0, 32, 1), (32, 32), (32, 32, 0), None, 32, "ab"])
def test_wrong_shapes(shape):
    with pytest.raises(InvalidArgumentError, match="multiples of 32, for example"):
        build_lung_unet(shape)


def test_weights_are_of_one_channel():
    with pytest.raises(InvalidArgumentError, match=r"pass \(64, 32, 1\), or weights=None"):
        build_lung_unet((64, 32, 3), weights="human_masks")
