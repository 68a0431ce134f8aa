"""How much of the heat lies in the lungs, for a model whose heat is the brightness of the image."""

import keras
import numpy as np
import pytest

from keras_cxr import make_datasets
from keras_cxr.audit.of_model.base.predictions import predict_part
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.of_model.questions.lung_heat import ask_lung_heat, measure_lung_heat


@pytest.fixture(scope="module")
def bright():
    """A model that always predicts the first class, the surer the brighter the image."""
    inputs = keras.Input((32, 32, 1))
    same = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="same")(inputs)
    dense = keras.layers.Dense(4, activation="softmax")
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(same)))
    dense.set_weights([np.float32([[0.02, 0, 0, 0]]), np.float32([1, 0, 0, 0])])
    return model


@pytest.mark.parametrize(("region", "share"), [("lungs", 1), ("outside", 0)])
def test_heat_lies_where_the_picture_is_bright(region, share, bright, datasets):
    found = measure_lung_heat(bright, datasets.altered(region=region))
    assert found.heat.value == pytest.approx(share, abs=0.01)
    count = len(datasets.files("test"))
    assert (found.layer, found.num_images) == ("same", count)
    masks = np.asarray(datasets.load_masks("test", np.arange(count)), bool)
    assert found.area == pytest.approx(masks.mean(axis=(1, 2)).mean())
    # maps of noise have as much heat in the lungs as the lungs have of the picture
    assert found.random.value == pytest.approx(found.area, abs=0.03)
    (finding,) = found.findings
    assert (finding.key, finding.value) == ("lung_heat", found.heat.value)
    assert f"on {count} test images" in finding.sentence
    assert set(found.to_dict()) == {"heat", "area", "random", "num_images", "layer"}


def test_without_masks_or_maps_the_reason_is_noted(bright, datasets):
    pixels, labels = np.zeros((16, 32, 32), np.uint8), np.array([0, 1, 2, 3] * 4)
    arrays = make_datasets((pixels, labels), image_size=(32, 32), split=(0.5, 0.0, 0.5))
    assert measure_lung_heat(bright, arrays) is None
    outcome = ask_lung_heat(AuditedModel(bright, arrays, predict_part(bright, arrays)))
    assert outcome.value is None
    assert outcome.notes == (
        "Not measured: heat in the lungs, since no test image has both a mask and a map.",
    )
    flat = keras.Sequential(
        [keras.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(4, "softmax")]
    )
    outcome = ask_lung_heat(AuditedModel(flat, datasets, predict_part(flat, datasets)))
    assert outcome.value is None
    assert outcome.notes[0].startswith("Not measured: heat in the lungs, since ")
