"""Models with several outputs."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.explain import GradCAM
from tests.explain.methods.known import make
from tests.explain.models import body, images


def two_outputs(pack):
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((24, 24, 1))
    for layer in body():
        x = layer(x)
    pooled = layers.GlobalAveragePooling2D()(x)
    finding = layers.Dense(3, activation="softmax", name="finding")(pooled)
    view = layers.Dense(2, activation="sigmoid", name="view")(pooled)
    return keras.Model(inputs, pack(finding, view))


@pytest.mark.parametrize(
    "pack", [lambda a, b: [a, b], lambda a, b: {"finding": a, "view": b}], ids=["list", "dict"]
)
@pytest.mark.parametrize("name", ["gradcam", "saliency", "occlusion"])
def test_an_output_is_chosen_by_name_or_number(name, pack):
    model = two_outputs(pack)
    for output, number, classes in (("finding", 0, 3), ("view", 1, 2)):
        single = keras.Model(model.inputs, model.get_layer(output).output)
        expected = make(name, single).explain(images(), 1)
        for choice in (output, number):
            found = make(name, model, output=choice).explain(images(), 1)
            assert found.scores.shape == (5, classes)
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
            np.testing.assert_allclose(found.heatmap, expected.heatmap, atol=1e-4)


def test_outputs_of_a_model_inside_and_of_a_subclassed_one():
    inner = two_outputs(lambda a, b: [a, b])
    inputs = keras.Input((24, 24, 1))
    outer = keras.Model(inputs, inner(inputs)[1])
    expected = GradCAM(inner, output=1).explain(images(), 0)
    np.testing.assert_allclose(
        GradCAM(outer).explain(images(), 0).scores, expected.scores, atol=1e-5
    )

    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    pair = Pair()
    pair(images().astype("float32"))
    found = GradCAM(pair, "conv_b", output=1).explain(images(), 0)
    np.testing.assert_allclose(found.heatmap, expected.heatmap, atol=1e-4)
    with pytest.raises(ValueError, match="has no output 2; it returns 2"):
        GradCAM(pair, "conv_b", output=2)(images())
    with pytest.raises(ValueError, match="has no output 'view'; it returns 2"):
        GradCAM(pair, "conv_b", output="view")(images())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (None, r"has 2 outputs; choose one: output= 0 \('finding'\), 1 \('view'\)"),
        ("viwe", r"no output 'viwe'; it has 0 \('finding'\), 1 \('view'\)"),
        (2, "no output 2"),
        (-1, "no output -1"),
        (True, "must be the name or number of an output"),
    ],
)
def test_an_output_that_does_not_exist(output, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(two_outputs(lambda a, b: [a, b]), output=output)
