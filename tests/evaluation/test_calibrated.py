import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_lenet5
from keras_cxr.evaluation import Scaling, apply_temperature, calibrated_model
from keras_cxr.keras_graph.interface import predict_probabilities

SHAPE = (32, 32, 1)
IMAGES = np.random.default_rng(0).uniform(0, 255, (6, *SHAPE)).astype("float32")


def sequential(*tail):
    return keras.Sequential([keras.Input(SHAPE), layers.Rescaling(1 / 50), *tail])


def averaged_convolution():
    return sequential(
        layers.Conv2D(4, 5, activation="relu"),
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
        layers.Activation("softmax"),
    )


def normalized():
    return sequential(
        layers.Flatten(), layers.Dense(4), layers.BatchNormalization(), layers.Softmax()
    )


def nested():
    inner = keras.Sequential(
        [keras.Input((28, 28, 3)), layers.GlobalMaxPooling2D(), layers.Dense(4)], name="inner"
    )
    inner.layers[-1].trainable = False
    return sequential(layers.Conv2D(3, 5), inner, layers.Softmax())


MODELS = {
    "lenet5": lambda: build_lenet5(SHAPE, 4),
    "logits": lambda: build_lenet5(SHAPE, 4, classifier_activation=None),
    "without bias": lambda: sequential(
        layers.Flatten(), layers.Dense(4, use_bias=False, activation="softmax")
    ),
    "averaged": averaged_convolution,
    "normalized": normalized,
    "nested": nested,
}


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_weights_do_what_apply_temperature_does(build, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    before = model.get_weights()
    expected = apply_temperature(predict_probabilities(model, IMAGES), 2.5)
    found = calibrated_model(model, 2.5)
    np.testing.assert_allclose(predict_probabilities(found, IMAGES), expected, atol=1e-5)
    for weight, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, now)
    assert [weight.trainable for weight in found.weights] == [
        weight.trainable for weight in model.weights
    ]
    found.save(tmp_path / "calibrated.keras")
    loaded = keras.saving.load_model(tmp_path / "calibrated.keras")
    np.testing.assert_allclose(predict_probabilities(loaded, IMAGES), expected, atol=1e-5)
    # the test would see a model that was not changed
    assert np.abs(predict_probabilities(model, IMAGES) - expected).max() > 0.01


@pytest.mark.parametrize("name", ["lenet5", "logits", "averaged", "normalized", "nested"])
def test_offsets_go_into_the_bias(name):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    scaling = Scaling(0.6, (0.5, -1.5, 0.75, 0.25))
    expected = scaling.apply(predict_probabilities(model, IMAGES))
    found = predict_probabilities(calibrated_model(model, scaling), IMAGES)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_offsets_need_a_bias():
    scaling = Scaling(1.0, (0.5, -1.5, 0.75, 0.25))
    with pytest.raises(ValueError, match="has no bias for each class"):
        calibrated_model(MODELS["without bias"](), scaling)
    cut = sequential(layers.Flatten(), layers.Dense(4, activation="relu"), layers.Softmax())
    assert calibrated_model(cut, 2.0).count_params() == cut.count_params()
    with pytest.raises(ValueError, match="has no bias for each class"):
        calibrated_model(cut, scaling)
    with pytest.raises(ValueError, match="for 4 classes: fit_scaling finds them"):
        calibrated_model(MODELS["lenet5"](), Scaling(1.0, (0.5, -0.5)))


def test_half_precision_is_not_taken_for_a_wrong_head():
    head = layers.Dense(4, activation="softmax", dtype="mixed_bfloat16")
    model = sequential(layers.Flatten(), head)
    found = calibrated_model(model, 0.5)
    expected = apply_temperature(predict_probabilities(model, IMAGES), 0.5)
    np.testing.assert_allclose(predict_probabilities(found, IMAGES), expected, atol=0.03)
    assert found.layers[-1].compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (
            [
                layers.Conv2D(4, 3, activation="softmax", name="last"),
                layers.GlobalAveragePooling2D(),
            ],
            r"its layer 'last' \(Conv2D, softmax\) is in the way",
        ),
        (
            [layers.Flatten(), layers.Dense(4, activation="tanh", name="last"), layers.Softmax()],
            r"its layer 'last' \(Dense, tanh\) is in the way",
        ),
        (
            [layers.Flatten(), layers.Dense(4), layers.PReLU(name="last"), layers.Softmax()],
            r"its layer 'last' \(PReLU, linear\) is in the way.*apply_temperature",
        ),
        (
            [layers.Flatten(), layers.Dense(4), layers.Rescaling(1, 3), layers.Softmax()],
            r"\(Rescaling, linear\) is in the way",
        ),
        (
            [
                layers.Flatten(),
                layers.Dense(4),
                layers.BatchNormalization(scale=False, name="last"),
                layers.Softmax(),
            ],
            r"its layer 'last' \(BatchNormalization, linear\) is in the way",
        ),
        ([layers.Flatten(), layers.Dense(4, activation="sigmoid")], "its head is 'sigmoid'"),
    ],
    ids=["softmax inside", "tanh", "prelu", "rescaling", "without scale", "sigmoid"],
)
def test_heads_that_cannot_carry_it_are_refused(tail, message):
    with pytest.raises(ValueError, match=message):
        calibrated_model(sequential(*tail), 2.0)


def test_a_head_that_computes_with_its_scores_is_found_by_trying():
    images = keras.Input(SHAPE)
    scores = layers.Dense(4)(layers.Flatten()(images / 255))
    model = keras.Model(images, layers.Softmax()(keras.ops.square(scores)))
    with pytest.raises(ValueError, match=r"gives probabilities that are 0\.\d+ off"):
        calibrated_model(model, 2.0)


class Doubled(layers.Layer):
    """A layer whose author forgot `get_config`."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def test_models_that_cannot_be_copied_are_refused():
    model = sequential(Doubled(2), layers.Flatten(), layers.Dense(4, activation="softmax"))
    with pytest.raises(ValueError, match=r"model 'sequential.*' cannot be copied: "):
        calibrated_model(model, 2.0)


def test_models_without_weights_are_refused():
    model = keras.Sequential(
        [keras.Input(SHAPE), layers.AveragePooling2D((32, 8)), layers.Flatten(), layers.Softmax()]
    )
    with pytest.raises(ValueError, match="it has no weights"):
        calibrated_model(model, 2.0)


def test_impossible_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        calibrated_model(build_lenet5(SHAPE, 4), 0)
