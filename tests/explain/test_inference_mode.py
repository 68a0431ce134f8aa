"""Heat maps explain what the model answers at inference, whatever its layers do in training."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cxr.explain import GradCAM, Occlusion, Saliency
from tests.explain.models import images

PICTURES = images(3, 24, channels=3).astype("float32")


def network(*front, drop=()):
    x = inputs = keras.Input((24, 24, 3))
    for step in (*front, layers.Conv2D(4, 3, activation="relu", name="conv")):
        x = step(x)
    x = layers.GlobalAveragePooling2D()(x)
    for step in drop:
        x = step(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


AUGMENTATIONS = {
    "RandomRotation": (0.2,),
    "RandomZoom": (0.2,),
    "RandomBrightness": (0.2,),
    "RandomContrast": (0.2,),
    "RandomTranslation": (0.2, 0.2),
    "RandomCrop": (24, 24),
    "RandomShear": (0.2, 0.2),
    "RandomSharpness": (0.5,),
    "RandomHue": (0.2,),
    "RandomGrayscale": (0.5,),
    "RandomErasing": (),
    "AugMix": (),
    "MixUp": (),
    "GaussianNoise": (0.9,),
    "SpatialDropout2D": (0.5,),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_inside_the_model_rests(name):
    plain = network()
    model = network(getattr(layers, name)(*AUGMENTATIONS[name]))
    model.set_weights([*plain.get_weights()][: len(model.get_weights())])
    found, expected = (GradCAM(m, "conv").explain(PICTURES, 1) for m in (model, plain))
    np.testing.assert_allclose(found.raw_map, expected.raw_map, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        found.probabilities, model.predict(PICTURES, verbose=0), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    "layer",
    [lambda x: layers.Dropout(0.5)(x, training=True), layers.GaussianDropout(0.5)],
    ids=["called with training=True", "as it is"],
)
def test_dropout_in_a_graph_rests_as_in_predict(layer):
    model = network(drop=[layer])
    np.testing.assert_allclose(
        GradCAM(model).explain(PICTURES).probabilities,
        model.predict(PICTURES, verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )


class Dropping(layers.Layer):
    """Drops at inference too, as for Monte Carlo dropout."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = layers.Dropout(0.5)

    def call(self, x):
        return self.drop(x, training=True)


class Augmenting(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.turn = layers.RandomFlip()
        self.conv = layers.Conv2D(4, 3, strides=2, name="conv")
        self.head = layers.Dense(3, activation="softmax")

    def scores(self, x):
        return self.head(layers.Flatten()(self.conv(x)))


class Following(Augmenting):
    def call(self, x, training=None):
        return self.scores(self.turn(x, training=training))


class Forgetting(Augmenting):
    def call(self, x):
        return self.scores(self.turn(x))


def built(model):
    model(PICTURES)
    return model


@pytest.mark.parametrize("method", [GradCAM, Saliency, Occlusion])
@pytest.mark.parametrize(
    "make",
    [lambda: network(drop=[Dropping()]), lambda: built(Forgetting())],
    ids=["layer", "model"],
)
def test_models_that_answer_anew_at_each_call_are_named_so(make, method):
    keras.utils.set_random_seed(0)
    with pytest.raises(ValueError, match="answers anew at each call, at inference too"):
        method(make())(PICTURES)


def test_a_model_of_own_code_that_follows_training_is_explained():
    model = built(Following())
    explain = GradCAM(model)
    np.testing.assert_array_equal(explain(PICTURES, 1), explain(PICTURES, 1))
    np.testing.assert_allclose(
        explain.predict(PICTURES), model.predict(PICTURES, verbose=0), rtol=1e-4, atol=1e-6
    )


class Wrapping(layers.Layer):
    """Hands nothing on; inside a graph Keras does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.turn = layers.RandomRotation(0.3)

    def call(self, x):
        return self.turn(x) + ops.cast(0, x.dtype)


def test_a_layer_of_own_code_in_a_graph_rests_too():
    model = network(Wrapping())
    np.testing.assert_allclose(
        GradCAM(model).explain(PICTURES).probabilities,
        model.predict(PICTURES, verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )
