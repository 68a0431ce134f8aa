"""The zoo's models are graphs: any layer's output can be asked for, also once they stand in another
model, and what was saved when they were Sequential models still belongs to them."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.inference import load_classifier
from tests.models.study_tables import TABLES
from tests.models.test_zoo import NAMES, STUDYS_QUICK, build, images, outputs, smallest_shape


def small(name):
    return build(name, input_shape=smallest_shape(name), num_classes=3)


def as_sequential(model):
    """The same layers and weights in a Sequential model, as the builders once returned them."""
    _, *rest = model.layers
    copies = [type(layer).from_config(layer.get_config()) for layer in rest]
    sequential = keras.Sequential([keras.Input(model.input_shape[1:]), *copies], name=model.name)
    sequential.set_weights(model.get_weights())
    return sequential


@pytest.mark.parametrize("name", NAMES)
def test_every_layers_output_can_be_asked_for(name):
    model = small(name)
    own = [layer for layer in model.layers if not isinstance(layer, keras.Model)]
    features = keras.Model(model.input, [layer.output for layer in own])
    found = [keras.ops.convert_to_numpy(one) for one in features(images(model), training=False)]
    assert [array.shape[1:] for array in found] == [layer.output.shape[1:] for layer in own]
    np.testing.assert_array_equal(found[-1], outputs(model, images(model)))


@pytest.mark.parametrize("name", STUDYS_QUICK)
def test_a_model_inside_another_and_outside_again(name):
    model = small(name)
    batch, last = images(model), model.layers[-1]
    before = outputs(keras.Model(model.input, last.input), batch)
    expected = outputs(model, batch)
    outer = keras.Sequential([keras.Input(model.input_shape[1:]), layers.Rescaling(0.5), model])
    np.testing.assert_allclose(outputs(outer, 2 * batch), expected, rtol=1e-4, atol=1e-6)
    inner = outer.get_layer(model.name)
    np.testing.assert_array_equal(outputs(inner, batch), expected)
    after = outputs(keras.Model(inner.input, inner.layers[-1].input), batch)
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(  # others never were Sequential models
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in ("alexnet", "vgg19") else name
        for name in TABLES
    ],
)
def test_what_was_saved_as_a_sequential_model_still_belongs(name, tmp_path):
    model = small(name)
    former, expected = as_sequential(model), outputs(model, images(model))
    former.save(tmp_path / "former.keras")
    former.save_weights(tmp_path / "former.weights.h5")
    loaded = load_classifier(tmp_path / "former.keras").model
    assert isinstance(loaded, keras.Sequential)
    np.testing.assert_array_equal(outputs(loaded, images(model)), expected)
    for file in ("former.keras", "former.weights.h5"):
        model.set_weights([0 * weight for weight in model.get_weights()])
        model.load_weights(tmp_path / file)
        np.testing.assert_array_equal(outputs(model, images(model)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_builders_return_functional_models(name):
    model = small(name)
    assert not isinstance(model, keras.Sequential)
    first, *others = model.layers
    assert isinstance(first, layers.InputLayer)
    assert not any(isinstance(layer, layers.InputLayer) for layer in others)
