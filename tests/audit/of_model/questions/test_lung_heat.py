"""Where the heat lies, for a model whose map is the picture itself."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.audit.of_model.questions.lung_heat import LungHeat, measure_lung_heat
from keras_cxr.data import make_datasets
from keras_cxr.statistics.intervals.estimates import Estimate


@pytest.fixture(scope="module")
def datasets(phantoms):
    return make_datasets(phantoms, image_size=(32, 32), group_duplicates=False, format="keras")


@pytest.fixture(scope="module")
def seeing():
    """Grad-CAM's map of class 0 is the picture: one channel that is it, averaged, times 1."""
    inputs = keras.Input((32, 32, 1))
    seen = layers.Conv2D(1, 1, use_bias=False, name="seen")
    head = layers.Dense(4, use_bias=False, activation="softmax")
    model = keras.Model(inputs, head(layers.GlobalAveragePooling2D()(seen(inputs))))
    seen.set_weights([np.ones((1, 1, 1, 1), np.float32)])
    head.set_weights([np.array([[1, 0, 0, 0]], np.float32)])
    return model


def test_the_share_of_a_map_that_is_the_picture(datasets, seeing):
    found = measure_lung_heat(seeing, datasets)
    images, _ = datasets.load("test")
    lungs = datasets.load_masks("test")
    shares = (images[..., 0] * lungs).sum((1, 2)) / images[..., 0].sum((1, 2))
    assert found.heat.value == pytest.approx(shares.mean(), rel=1e-3)
    assert found.area == pytest.approx(lungs.mean())
    assert found.random.value == pytest.approx(found.area, abs=0.05)
    assert found.num_images == len(images)
    assert found.layer == "seen"
    again = measure_lung_heat(seeing, datasets)
    assert again.to_dict() == found.to_dict()


def test_without_heat_or_masks_there_is_nothing_to_measure(datasets, seeing):
    blind = keras.models.clone_model(seeing)
    blind.set_weights([np.zeros_like(weight) for weight in seeing.get_weights()])
    assert measure_lung_heat(blind, datasets) is None
    pixels, labels = datasets.load("train")
    bare = make_datasets(
        (np.uint8(pixels[..., 0]), labels), image_size=(32, 32), split=(0.5, 0, 0.5)
    )
    assert measure_lung_heat(seeing, bare) is None


def test_the_sentence_by_hand():
    found = LungHeat(Estimate(0.6, 0.5, 0.7), 0.25, Estimate(0.26, 0.2, 0.3), 1200, "conv")
    (finding,) = found.findings
    assert finding.key == "lung_heat"
    assert finding.sentence == (
        "Of the Grad-CAM heat of its answers on 1,200 test images 0.60 [0.50, 0.70] lies in the "
        "lungs, which cover 0.25 of the picture; of random maps 0.26 [0.20, 0.30]."
    )
