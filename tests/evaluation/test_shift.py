"""What a model loses on changed pictures: paired differences, what cannot work."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_lenet5, make_datasets
from keras_cxr.evaluation.corruptions import CORRUPTIONS, Corruption
from keras_cxr.evaluation.shift import measure_shift

OF = {one.kind: one for one in CORRUPTIONS}


def darken(image, mask):
    return np.maximum(image - 60, 0)


@pytest.fixture(scope="module")
def halves():
    """80 images, bright ones of one class, and a model that goes by brightness alone."""
    labels = np.arange(80) % 2
    images = np.clip(
        np.random.default_rng(0).normal(100 + 60 * labels[:, None, None], 10, (80, 24, 24)), 0, 255
    ).astype(np.float32)
    groups = {f"array[{number}]": f"p{number // 4}" for number in range(80)}
    data = make_datasets(
        (images, labels), image_size=(24, 24), groups=groups, group_duplicates=False,
        split=(0.5, 0.0, 0.5),
    )  # fmt: skip
    model = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([np.array([[-1.0, 1.0]]), np.array([130.0, -130.0])])
    return model, data


def test_what_a_model_loses_is_found_and_marked(halves):
    model, data = halves
    shift = measure_shift(model, data, corruptions=(OF["brighter"], OF["JPEG"]), seed=3)
    assert (shift.accuracy, shift.balanced_accuracy) == (1, 1)
    table = shift.table.set_index(["change", "setting"])
    lost = table.loc[("brighter", "+60 grey values")]
    assert lost["balanced_accuracy"] == 0.5
    assert lost["balanced_difference"] == -0.5
    assert lost["balanced_low"] < -0.5 < lost["balanced_high"] < 0
    assert lost["accuracy"] == 1 + lost["accuracy_difference"]
    assert lost["weakest"]
    assert table["weakest"].sum() == 1
    kept = table.loc[("JPEG", "quality 10")]
    assert kept["balanced_difference"] == 0
    assert kept["balanced_low"] <= 0 <= kept["balanced_high"]
    (sentence,) = shift.sentences
    assert "brighter (+60 grey values) costs most" in sentence
    assert "from 1.000 to 0.500" in sentence
    assert "1 of the 6 lower it" in sentence  # ten patients, each with images of both classes
    assert "<- weakest" in str(shift)
    document = json.loads(json.dumps(shift.to_dict(), allow_nan=False))
    assert len(document["changes"]) == 6


def test_a_change_may_help(halves):
    model, data = halves
    darker = data.altered(transform=darken)
    lift = Corruption("brighter", "+{}", (60.0,), OF["brighter"].change)
    row = measure_shift(model, darker, corruptions=(lift,)).table.iloc[0]
    assert row["accuracy"] > 0.99
    assert row["accuracy_difference"] == pytest.approx(0.5, abs=0.05)
    assert row["accuracy_low"] > 0
    (sentence,) = measure_shift(model, darker, corruptions=(lift,)).sentences
    assert (
        "None of 1 changes of the 40 test images lowers the balanced accuracy of 0.500" in sentence
    )


def test_images_are_drawn_and_results_repeat(halves):
    model, data = halves
    options = {"corruptions": (OF["noise"],), "max_images": 21, "seed": 5}
    one, other = (measure_shift(model, data, **options) for _ in range(2))
    assert one.num_images == 21
    assert one.table.equals(other.table)


def test_arguments(halves):
    model, data = halves
    with pytest.raises(ValueError, match="max_images must be an integer from 1"):
        measure_shift(model, data, max_images=0)
    with pytest.raises(ValueError, match="groups has 2 entries for 40 images"):
        measure_shift(model, data, groups=["a", "b"])
    with pytest.raises(ValueError, match="takes images of 32 x 32"):
        measure_shift(build_lenet5((32, 32, 1), 2), data)
