"""One contract for every model of the registry: what is not a study's network is taken in too."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_cxr
from keras_cxr.models import MODELS
from tests.models.study_tables import TABLES

NAMES = keras_cxr.list_models()
# The whole contract holds for all; where it takes seconds, for networks that are not the study's
# in `make test-slow`: such as DenseNet's, they have hundreds of layers.
STUDYS_QUICK = [
    name if name in TABLES else pytest.param(name, marks=pytest.mark.slow) for name in NAMES
]


def build(name, *args, **kwargs):
    """A model with random weights: no test downloads anything."""
    return keras_cxr.build(name, *args, **{**random_weights(name), **kwargs})


def random_weights(name):
    return {"weights": None} if MODELS[name].takes_weights else {}


def table_of(model):
    rows = [
        f"{type(layer).__name__:18} {'x'.join(map(str, layer.output.shape[1:])):10} "
        f"{layer.count_params()}"
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    return "\n".join(["", *rows, f"total {model.count_params()}", ""])


def images(model, batch=2, seed=0):
    shape = (batch, *model.input_shape[1:])
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def outputs(model, batch):
    """What it computes, without the compilation that `predict` begins with."""
    return keras.ops.convert_to_numpy(model(batch, training=False))


def smallest_shape(name, extra=0):
    info = MODELS[name]
    size = info.smallest_size + extra
    return (size, size, info.input_shape[-1])


@pytest.mark.parametrize("name", TABLES)
def test_default_layers_equal_the_studys_table(name):
    assert table_of(build(name)) == TABLES[name]


@pytest.mark.parametrize("name", NAMES)
def test_registry_row_describes_the_default_model(name):
    model, info = build(name), MODELS[name]
    assert model.input_shape == (None, *info.input_shape)
    assert model.count_params() == info.parameters
    assert info.color_mode == ("rgb" if info.input_shape == (224, 224, 3) else "grayscale")


@pytest.mark.parametrize("name", TABLES)
def test_of_the_studys_networks_vgg19_alone_needs_colour_and_weights(name):
    info = MODELS[name]
    assert info.color_mode == ("rgb" if name == "vgg19" else "grayscale")
    assert info.channels == ((3,) if name == "vgg19" else None)
    assert info.takes_weights == (name == "vgg19")


@pytest.mark.parametrize("name", STUDYS_QUICK)
def test_predicts_probabilities_for_the_smallest_input(name):
    model = build(name, input_shape=smallest_shape(name), num_classes=3)
    probabilities = outputs(model, images(model))
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_one_pixel_less_is_refused_with_the_smallest_size(name):
    height, width, channels = smallest_shape(name)
    for shape in [(height - 1, width, channels), (height, width - 1, channels)]:
        with pytest.raises(ValueError, match=rf"build_{name}: .* {height} x {width}"):
            build(name, input_shape=shape)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(224, 224), (224.5, 224, 1), "large", None, (None, None, 1)])
def test_malformed_input_shape_is_refused(name, shape):
    with pytest.raises(ValueError, match=r"input_shape must be three whole numbers"):
        build(name, input_shape=shape)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_channels_are_refused_with_the_smallest_size(name):
    with pytest.raises(ValueError, match=rf"channels.*{MODELS[name].smallest_size} x"):
        build(name, input_shape=(224, 224, 0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_classes", [0, -1, 1.5, "four"])
def test_wrong_class_count_is_refused(name, num_classes):
    with pytest.raises(ValueError, match="num_classes must be a whole number of at least 1"):
        build(name, num_classes=num_classes)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_what_the_softmax_takes(name):
    shape = smallest_shape(name)
    probable = build(name, input_shape=shape)
    logits = build(name, input_shape=shape, classifier_activation=None)
    logits.set_weights(probable.get_weights())
    batch = images(probable)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(outputs(logits, batch)))
    np.testing.assert_allclose(outputs(probable, batch), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_name_can_be_chosen(name):
    arguments = {"input_shape": smallest_shape(name), **random_weights(name)}
    builder = MODELS[name].builder
    assert builder(name="mine", **arguments).name == "mine"
    # a backbone inside has the plain name
    assert builder(**arguments).name == (f"{name}_classifier" if "weights" in arguments else name)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_trainable_weight(name):
    import tensorflow as tf

    # larger than the smallest input, so that no map of a strided network is 1 x 1 alone
    model = build(name, input_shape=smallest_shape(name, extra=32), num_classes=3)
    batch = images(model, batch=4)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(tf.math.log(model(batch, training=False)[:, 0]))
    weights = [variable.value for variable in model.trainable_variables]
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, weights), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(gradient != 0), variable.path


@settings(max_examples=12)
@given(
    name=st.sampled_from(NAMES),
    extra_height=st.integers(0, 40),
    extra_width=st.integers(0, 40),
    channels=st.integers(1, 4),
    num_classes=st.integers(1, 20),
)
def test_any_size_above_the_smallest_builds(name, extra_height, extra_width, channels, num_classes):
    smallest, allowed = MODELS[name].smallest_size, MODELS[name].channels
    channels = allowed[channels % len(allowed)] if allowed else channels
    shape = (smallest + extra_height, smallest + extra_width, channels)
    model = build(name, input_shape=shape, num_classes=num_classes)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, num_classes)
    assert all(min(layer.output.shape[1:]) >= 1 for layer in model.layers)
    if name in TABLES:
        assert model.count_params() == expected_parameters(name, shape, num_classes)
    else:  # their maps are averaged: the size does not matter, and a class costs one unit
        features, _ = model.get_layer("predictions").kernel.shape
        added = (num_classes - 4) * (features + 1)
        assert model.count_params() == MODELS[name].parameters + added


def expected_parameters(name, shape, num_classes):
    """Parameter formulas, written out from the papers' layer sizes."""
    height, width, channels = shape
    if name == "vgg19":
        return 4 * channels + 20_024_384 + 512 * num_classes + num_classes
    if name == "lenet5":
        sizes = [((n - 4) // 2 - 4) // 2 for n in (height, width)]
        dense = [16 * sizes[0] * sizes[1], 120, 84, num_classes]
        convolutions = (25 * channels + 1) * 6 + (25 * 6 + 1) * 16
        return convolutions + dense_parameters(dense)
    if name == "lmap3":
        sizes = [height, width]
        for _ in range(5):
            sizes = [(n - 2) // 2 for n in sizes]
        filters = [channels, 32, 32, 32, 64, 64]
        convolutions = sum((9 * a + 1) * b for a, b in itertools.pairwise(filters))
        dense = [64 * sizes[0] * sizes[1], 128, 64, num_classes]
        return 4 * channels + convolutions + dense_parameters(dense)
    sizes = [height, width]
    for pooled in (True, True, False, False, False):
        sizes = [-(-n // 4) for n in sizes]
        sizes = [(n - 3) // 2 + 1 for n in sizes] if pooled else sizes
    filters, kernels = [channels, 96, 256, 384, 384, 256], [11, 5, 3, 3, 3]
    convolutions = sum(
        (k * k * a + 1) * b for k, a, b in zip(kernels, filters[:-1], filters[1:], strict=True)
    )
    dense = [256 * sizes[0] * sizes[1], 4096, 4096, num_classes]
    return 4 * channels + convolutions + dense_parameters(dense)


def dense_parameters(units):
    return sum((a + 1) * b for a, b in itertools.pairwise(units))


@pytest.mark.parametrize("name", STUDYS_QUICK)
def test_without_its_top_a_network_returns_its_features(name):
    """The same weights but the head's, the last maps, and their average or maximum."""
    shape = smallest_shape(name, extra=32)
    whole = build(name, input_shape=shape)
    maps = build(name, input_shape=shape, include_top=False)
    kept = whole.get_weights()[: len(maps.weights)]
    assert [w.shape for w in maps.get_weights()] == [w.shape for w in kept]
    assert not [layer for layer in maps.layers if isinstance(layer, keras.layers.Dense)]
    maps.set_weights(kept)
    batch = images(whole)
    found = outputs(maps, batch)
    assert found.ndim == 4
    assert found.shape[1:] == maps.output_shape[1:]
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        pooled = build(name, input_shape=shape, include_top=False, pooling=pooling)
        assert pooled.output_shape == (None, found.shape[-1])
        pooled.set_weights(kept)
        vectors = outputs(pooled, batch)
        np.testing.assert_allclose(vectors, reduce(found, axis=(1, 2)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"include_top": False, "pooling": "mean"}, "pooling must be None or 'avg' or 'max', not"),
        ({"include_top": "no"}, "include_top must be True or False, not 'no'"),
        ({"pooling": "avg"}, r"pooling='avg' is of the features that include_top=False"),
    ],
)
def test_wrong_tops_and_poolings_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=f"build_{name}: {message}"):
        build(name, **arguments)


@pytest.mark.parametrize("name", STUDYS_QUICK)
def test_its_answers_can_be_explained(name):
    model = build(name, input_shape=smallest_shape(name, extra=32), num_classes=3)
    heat = keras_cxr.GradCAM(model)(images(model), 1)
    assert heat.shape == (2, *model.input_shape[1:3])
    assert np.isfinite(heat).all()
    assert 0 <= heat.min() <= heat.max() <= 1


@settings(max_examples=6)
@given(
    name=st.sampled_from(["lenet5", "lmap3"]),
    extra=st.integers(0, 20),
    num_classes=st.integers(2, 6),  # Keras warns of a softmax over one class
    seed=st.integers(0, 9),
)
def test_config_and_file_round_trips_give_equal_outputs(
    tmp_path_factory, name, extra, num_classes, seed
):
    check_round_trips(
        build(name, input_shape=smallest_shape(name, extra), num_classes=num_classes),
        tmp_path_factory.mktemp("model") / "model.keras",
        seed=seed,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(TABLES)))
def test_other_models_round_trip(tmp_path, name):
    check_round_trips(build(name, input_shape=smallest_shape(name)), tmp_path / "model.keras")


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "alexnet", "input_shape": (80, 90, 2)},
        {"name": "vgg19", "input_shape": (32, 40, 3)},
        {"name": "vgg19", "input_shape": (32, 32, 1), "preprocessing": "imagenet"},
        {"name": "vgg19", "input_shape": (32, 32, 3), "preprocessing": "imagenet"},
    ],
    ids=["alexnet", "vgg19", "vgg19-imagenet-grey", "vgg19-imagenet-rgb"],
)
def test_large_models_round_trip(tmp_path, arguments):
    check_round_trips(build(**arguments), tmp_path / "model.keras")


def check_round_trips(model, path, seed=0):
    batch = images(model, seed=seed)
    expected = outputs(model, batch)
    clone = type(model).from_config(model.get_config())
    assert clone.get_config() == model.get_config()
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(outputs(clone, batch), expected)
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert table_of(loaded) == table_of(model)
    np.testing.assert_array_equal(outputs(loaded, batch), expected)


def test_unknown_name_suggests_a_near_one():
    with pytest.raises(ValueError, match=r"No model is called 'vgg16'. Did you mean 'vgg19'\?"):
        keras_cxr.build("vgg16")
