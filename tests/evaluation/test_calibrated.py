import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_lenet5
from keras_cxr.evaluation import Scaling, apply_temperature, calibrated_model
from keras_cxr.explain import GradCAM
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


def computed():
    """A head that computes with its scores."""
    images = keras.Input(SHAPE)
    scores = layers.Dense(4)(layers.Flatten()(images / 255))
    return keras.Model(images, layers.Softmax()(keras.ops.square(scores)))


def operation():
    """A softmax that is an operation on the graph, inside a nested model."""
    features = keras.Input((1024,))
    inner = keras.Model(features, keras.ops.softmax(layers.Dense(4)(features)), name="inner")
    return sequential(layers.Flatten(), inner, layers.Dropout(0.5))


MODELS = {
    "lenet5": lambda: build_lenet5(SHAPE, 4),
    "logits": lambda: build_lenet5(SHAPE, 4, classifier_activation=None),
    "without bias": lambda: sequential(
        layers.Flatten(), layers.Dense(4, use_bias=False, activation="softmax")
    ),
    "averaged": averaged_convolution,
    "normalized": normalized,
    "nested": nested,
    "without weights": lambda: sequential(
        layers.AveragePooling2D((32, 8)), layers.Flatten(), layers.Softmax()
    ),
    "relu": lambda: sequential(layers.Flatten(), layers.Dense(4, "relu"), layers.Softmax()),
    "tanh": lambda: sequential(layers.Flatten(), layers.Dense(4, "tanh"), layers.Softmax()),
    "prelu": lambda: sequential(
        layers.Flatten(), layers.Dense(4), layers.PReLU(), layers.Softmax()
    ),
    "rescaling": lambda: sequential(
        layers.Flatten(), layers.Dense(4), layers.Rescaling(1, 3), layers.Softmax()
    ),
    "without scale": lambda: sequential(
        layers.Flatten(), layers.Dense(4), layers.BatchNormalization(scale=False), layers.Softmax()
    ),
    "computed": computed,
    "operation": operation,
    "calibrated before": lambda: calibrated_model(build_lenet5(SHAPE, 4), 0.5),
}


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_a_model_does_what_apply_temperature_does(build, tmp_path):
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


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_offsets_are_added_to_the_scores(build):
    keras.utils.set_random_seed(0)
    model = build()
    scaling = Scaling(0.6, (0.5, -1.5, 0.75, 0.25))
    expected = scaling.apply(predict_probabilities(model, IMAGES))
    found = calibrated_model(model, scaling)
    assert found.count_params() == model.count_params()
    np.testing.assert_allclose(predict_probabilities(found, IMAGES), expected, atol=1e-5)


def test_offsets_are_as_many_as_classes():
    with pytest.raises(ValueError, match="for 4 classes: fit_scaling finds them"):
        calibrated_model(MODELS["lenet5"](), Scaling(1.0, (0.5, -0.5)))


def test_probabilities_of_zero_stay_numbers():
    """The scores are scaled, not logarithms of probabilities, which float32 rounds to 0."""
    model = sequential(layers.Flatten(), layers.Dense(4, activation="softmax", name="last"))
    kernel, _ = model.get_layer("last").get_weights()
    model.get_layer("last").set_weights([0 * kernel, np.array([0, 100, 300, 500])])
    assert predict_probabilities(model, IMAGES)[0].tolist() == [0, 0, 0, 1]
    found = predict_probabilities(calibrated_model(model, 100.0), IMAGES)
    z = np.exp([0, 1, 3, 5])
    np.testing.assert_allclose(found, np.tile(z / z.sum(), (len(IMAGES), 1)), rtol=1e-5)


@pytest.mark.parametrize("name", ["lenet5", "averaged", "nested", "operation", "logits"])
def test_heat_maps_stay_but_for_the_temperature(name):
    keras.utils.set_random_seed(0)
    model = MODELS["lenet5" if name == "operation" else name]()
    calibrated = calibrated_model(model, Scaling(2.5, (0.5, -1.5, 0.75, 0.25)))
    before, after = (
        GradCAM(one, normalize=False).explain(IMAGES, 1) for one in (model, calibrated)
    )
    assert before.layer == after.layer
    assert np.abs(before.raw_map).max() > 0
    largest = np.abs(before.raw_map).max()
    np.testing.assert_allclose(2.5 * after.raw_map, before.raw_map, atol=1e-4 * largest)
    np.testing.assert_allclose(after.scores, before.scores / 2.5 + [0.5, -1.5, 0.75, 0.25], 1e-4)


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
            "its output is not that of one softmax over its classes. Use apply_temperature",
        ),
        (
            [
                layers.Flatten(),
                layers.Dense(4),
                layers.Reshape((2, 2)),
                layers.Softmax(),
                layers.Flatten(),
            ],
            "its output is not that of one softmax over its classes",
        ),
        ([layers.Flatten(), layers.Dense(4, activation="sigmoid")], "its head is 'sigmoid'"),
    ],
    ids=["softmax inside", "softmax of pairs", "sigmoid"],
)
def test_heads_that_cannot_carry_it_are_refused(tail, message):
    with pytest.raises(ValueError, match=message):
        calibrated_model(sequential(*tail), 2.0)


def test_a_softmax_that_is_used_twice_is_refused():
    images = keras.Input(SHAPE)
    softmax = layers.Softmax()
    first = softmax(layers.Dense(4)(layers.Flatten()(images)))
    model = keras.Model(images, softmax(layers.Dense(4)(first)))
    with pytest.raises(ValueError, match="not that of one softmax over its classes"):
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


def test_impossible_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        calibrated_model(build_lenet5(SHAPE, 4), 0)
