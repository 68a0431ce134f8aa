import gc
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cxr import GradCAM, build_alexnet, build_lmap3, build_vgg19
from tests.explain import models
from tests.explain.models import body, dense, functional, images, logits_of, sequential, tail


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(3)


def kind_sequential():
    front, back, head = body(), tail(), dense()
    return sequential(front, back, head), front, [*back, logits_of(head)], None


def kind_functional():
    front, back, head = body(), tail(), dense()
    return functional(*front, *back, head), front, [*back, logits_of(head)], None


def kind_branches():
    front, back, head = body(), tail(), dense()
    side = layers.Conv2D(6, 1, name="side")
    inputs = keras.Input((24, 24, 1))
    x = inputs
    for layer in front:
        x = layer(x)
    y = keras.ops.relu(layers.Add(name="sum")([x, side(x)]))
    outputs = y
    for layer in [*back, head]:
        outputs = layer(outputs)

    def joined(x):
        return tf.nn.relu(x + side(x))

    return keras.Model(inputs, outputs), [*front, joined], [*back, logits_of(head)], None


def kind_nested_backbone():
    front, head = body(), dense()
    backbone = functional(*front, layers.GlobalAveragePooling2D(name="gap"), name="backbone")
    model = functional(layers.BatchNormalization(), backbone, head)
    after = [layers.GlobalAveragePooling2D(), logits_of(head)]
    return model, [model.layers[1], *front], after, "backbone/conv_b"


def kind_wrapped_whole():
    front, back, head = body(), tail(), dense()
    inner = functional(*front, *back, head, name="inner")
    model = keras.Sequential([keras.Input((24, 24, 1)), layers.Rescaling(0.5), inner])
    return model, [lambda x: x * 0.5, *front], [*back, logits_of(head)], "inner/conv_b"


def kind_three_deep():
    front, back, head = body(), tail(), dense()
    core = functional(*front, name="core")
    middle = keras.Sequential([keras.Input((24, 24, 1)), core, *back], name="middle")
    return functional(middle, head), front, [*back, logits_of(head)], "middle/core/conv_b"


def kind_nested_head():
    front, back, head = body(), tail(), dense()
    hidden = layers.Dense(8, activation="relu", name="hidden")
    top = keras.Sequential([hidden, layers.Dropout(0.5), head], name="top")
    return functional(*front, *back, top), front, [*back, hidden, logits_of(head)], None


def kind_softmax_layer():
    front, back, head = body(), tail(), dense(None)
    return sequential(front, back, head, layers.Softmax()), front, [*back, logits_of(head)], None


def kind_softmax_activation_layer():
    front, back, head = body(), tail(), dense(None)
    model = functional(*front, *back, head, layers.Activation("softmax"), layers.Identity())
    return model, front, [*back, logits_of(head)], None


def kind_softmax_operation():
    front, back, head = body(), tail(), dense(None)
    return functional(*front, *back, head, keras.ops.softmax), front, [*back, head], None


def kind_softmax_layer_in_nested_head():
    front, back, head = body(), tail(), dense(None)
    top = keras.Sequential([head, layers.Softmax()], name="top")
    return functional(*front, *back, top), front, [*back, head], None


def kind_activation_object():
    front, back, head = body(), tail(), dense(layers.Softmax())
    return sequential(front, back, head), front, [*back, logits_of(head)], None


def kind_logits():
    front, back, head = body(), tail(), dense(None)
    return sequential(front, back, head), front, [*back, head], None


def kind_linear_activation_layer():
    front, back, head = body(), tail(), dense(None)
    model = functional(*front, *back, head, layers.Activation("linear"))
    return model, front, [*back, head], None


def kind_sigmoid():
    front, back, head = body(), tail(), dense("sigmoid")
    return functional(*front, *back, head), front, [*back, logits_of(head)], None


def kind_convolutional_head():
    front, head = body(), layers.Conv2D(3, 10, activation="softmax", name="predictions")
    model = functional(*front, head, layers.Reshape((3,)), layers.Softmax())
    return model, front, [head, lambda x: x[:, 0, 0]], None


def kind_subclassed():
    model = models.Subclassed()
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model, model.front, [*model.back, logits_of(model.head)], "conv_b"


def kind_subclassed_with_function():
    model = models.Subclassed("function")
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model, model.front, [*model.back, model.head], "conv_b"


def kind_layer_in_a_layer():
    front, back, head, block = body()[:-1], tail(), dense(), models.Block(name="block")
    model = functional(*front, block, *back, head)
    after = [lambda x: x * 0.5, *back, logits_of(head)]
    return model, [*front, block.inner], after, "block/inner"


KINDS = {
    name.removeprefix("kind_"): maker
    for name, maker in list(globals().items())
    if name.startswith("kind_")
}


@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_hand_written_tape(kind):
    model, before, after, layer = KINDS[kind]()
    pictures, classes = images(), np.array([0, 1, 2, 0, 1])
    explain = GradCAM(model, layer if kind == "layer_in_a_layer" else None)
    if layer is not None:
        assert explain.layer == layer
    for class_index in (None, classes):
        raw, heat, scores = models.reference(before, after, pictures, class_index)
        result = explain.explain(pictures, class_index)
        np.testing.assert_allclose(result.scores, scores, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
        np.testing.assert_allclose(result.heatmap, heat, atol=1e-3)
        assert raw.max() > 0
    assert result.heatmap.dtype == result.raw_map.dtype == np.float32
    assert result.class_index.tolist() == classes.tolist()


@pytest.mark.parametrize("kind", ["functional", "nested_backbone", "nested_head"])
def test_a_loaded_model_gives_the_same_maps(kind, tmp_path):
    model = KINDS[kind]()[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected, found = (GradCAM(m).explain(images()) for m in (model, loaded))
    assert found.layer == expected.layer
    np.testing.assert_allclose(found.heatmap, expected.heatmap, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", ["sequential", "nested_backbone", "softmax_layer", "nested_head"])
def test_mixed_precision(kind, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model, before, after, _ = KINDS[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    raw, heat, _ = models.reference(before, after, images(), 1)
    result = GradCAM(model).explain(images(), 1)
    assert result.heatmap.dtype == result.raw_map.dtype == result.scores.dtype == np.float32
    assert np.isfinite(result.heatmap).all()
    tolerance = 0.05 if policy == "mixed_bfloat16" else 0.01
    np.testing.assert_allclose(result.raw_map, raw, atol=tolerance * np.abs(raw).max())
    assert np.abs(result.heatmap - heat).mean() < tolerance


def test_float32_softmax_after_a_mixed_body():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        front, back, head = body(), tail(), dense(None)
        model = sequential(front, back, head, layers.Activation("softmax", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    raw, _, _ = models.reference(front, [*back, logits_of(head)], images(), 2)
    found = GradCAM(model).explain(images(), 2).raw_map
    np.testing.assert_allclose(found, raw, atol=0.05 * np.abs(raw).max())


def test_the_studys_models():
    pictures = images(2, 96)
    model = build_lmap3((96, 96, 1))
    raw, heat, _ = models.reference(
        model.layers[1:-7], [*model.layers[-7:-1], logits_of(model.layers[-1])], pictures
    )
    result = GradCAM(model).explain(pictures)
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
    np.testing.assert_allclose(result.heatmap, heat, atol=1e-3)

    model = build_vgg19((64, 64, 3), weights=None)
    _, scaling, backbone, _ = model.layers
    backbone = backbone.layers
    before = [scaling, *(layer for layer in backbone if "input" not in layer.name)][:-2]
    raw, heat, _ = models.reference(
        before, [*backbone[-2:], logits_of(model.layers[-1])], images(2, 64, 3)
    )
    result = GradCAM(model).explain(images(2, 64, 3))
    assert result.layer == "vgg19/block5_conv4"
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-3 * np.abs(raw).max())


def test_channels_first():
    """The same weights with the channels first give the same maps; Keras' setting is not asked."""
    maps = {}
    for order in ("channels_first", "channels_last"):
        keras.utils.set_random_seed(3)
        chain = [
            layers.Conv2D(5, 3, data_format=order),
            layers.Conv2D(6, 3, data_format=order),
            layers.Activation("relu", name="relu"),
            layers.GlobalMaxPooling2D(data_format=order),
            dense(),
        ]
        first, pictures = order == "channels_first", images(3)[:, :, :20]
        explain = GradCAM(functional(*chain, shape=(1, 24, 20) if first else (24, 20, 1)))
        assert explain.layer == "relu"
        result = explain.explain(np.moveaxis(pictures, -1, 1) if first else pictures)
        assert result.raw_map.shape == (3, 20, 16)
        maps[order] = result.heatmap
        for form in (
            pictures[0, ..., 0],
            np.moveaxis(pictures[0], -1, 0) if first else pictures[0],
        ):
            np.testing.assert_allclose(explain(form)[0], result.heatmap[0], atol=1e-5)
        np.testing.assert_allclose(explain(pictures[..., 0]), result.heatmap, atol=1e-5)
    assert maps["channels_first"].shape == (3, 24, 20)
    np.testing.assert_allclose(maps["channels_first"], maps["channels_last"], atol=1e-4)


def test_hand_calculated():
    """Two channels, known weights: alpha = w / 4 per cell, map = alpha . A."""
    kernel = np.array([[[[1.0, -1.0]]]], "float32")  # channel 0 is the image, 1 its negative
    convolution = layers.Conv2D(2, 1, use_bias=False, name="conv")
    pool = layers.GlobalAveragePooling2D()
    head = layers.Dense(2, use_bias=False, activation="softmax")
    model = functional(convolution, pool, head, shape=(2, 2, 1))
    convolution.set_weights([kernel])
    head.set_weights([np.array([[3.0, 1.0], [1.0, 2.0]], "float32")])
    picture = np.array([[0.0, 4.0], [8.0, 2.0]], "float32")
    result = GradCAM(model).explain(picture, 0)
    # d score0 / d A = w / 4: alpha = (3/4, 1/4); 3/4 A0 + 1/4 A1 = (3 - 1)/4 of the picture
    np.testing.assert_allclose(result.raw_map[0], picture / 2, rtol=1e-6)
    np.testing.assert_allclose(result.heatmap[0], picture / 8, rtol=1e-6)
    np.testing.assert_allclose(result.scores, [[3 * 3.5 - 3.5, 3.5 - 2 * 3.5]], rtol=1e-6)
    # for class 1 the sum is (1 - 2)/4 of the picture: nothing speaks for it
    against = GradCAM(model).explain(picture, 1)
    np.testing.assert_allclose(against.raw_map[0], -picture / 4, rtol=1e-6)
    assert not against.heatmap.any()


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(3)
    return kind_functional()[0]


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
def test_any_number_type(small, dtype):
    pictures = images().astype("uint8")
    expected = GradCAM(small)(pictures.astype("float32"))
    np.testing.assert_array_equal(GradCAM(small)(pictures.astype(dtype)), expected)


def test_any_form_of_images(small):
    explain, pictures = GradCAM(small), images()
    expected = explain(pictures)
    np.testing.assert_array_equal(explain(pictures[..., 0]), expected)
    np.testing.assert_array_equal(explain(tf.constant(pictures)), expected)
    for single in (pictures[0], pictures[0, ..., 0]):
        np.testing.assert_allclose(explain(single), expected[:1], atol=1e-5)


def test_batches_do_not_matter(small):
    pictures = np.concatenate([images(5, seed=seed) for seed in range(14)])
    explain = GradCAM(small)
    together = explain(pictures)
    assert together.shape == (70, 24, 24)
    alone = np.concatenate([explain(picture[None]) for picture in pictures[28:40]])
    np.testing.assert_allclose(together[28:40], alone, atol=1e-4)


def test_a_fixed_batch_size():
    front, back, head = body(), tail(), dense()
    inputs = keras.Input(batch_shape=(4, 24, 24, 1))
    x = inputs
    for layer in [*front, *back, head]:
        x = layer(x)
    raw, _, _ = models.reference(front, [*back, logits_of(head)], images(), 2)
    found = GradCAM(keras.Model(inputs, x)).explain(images(), 2).raw_map
    np.testing.assert_allclose(found, raw, atol=1e-4 * np.abs(raw).max())


def test_any_image_size_when_the_model_takes_it():
    model = functional(
        layers.Conv2D(4, 3, name="conv"),
        layers.GlobalAveragePooling2D(),
        dense(),
        shape=(None, None, 1),
    )
    explain = GradCAM(model)
    assert explain(images(2)).shape == (2, 24, 24)
    assert explain(images(2, 30)[:, :26]).shape == (2, 26, 30)
    with pytest.warns(UserWarning, match="maps of 1 x 1"):
        assert explain(np.ones((1, 3, 3, 1))).shape == (1, 3, 3)
    explain(np.ones((1, 3, 3, 1)))  # warned once


def test_all_zero_maps_stay_zero(small):
    model = keras.models.clone_model(small)
    model.get_layer("conv_b").set_weights(
        [np.zeros_like(w) for w in model.get_layer("conv_b").get_weights()]
    )
    assert not GradCAM(model)(images()).any()
    assert not np.isnan(GradCAM(small)(np.zeros((2, 24, 24, 1)))).any()


def test_weights_are_read_at_every_call():
    model = kind_nested_backbone()[0]
    explain = GradCAM(model)

    def assert_changed(before):
        raw = explain.explain(images(), 1).raw_map
        assert np.abs(raw - before).max() > 1e-3 * np.abs(before).max()
        fresh = GradCAM(model).explain(images(), 1).raw_map
        np.testing.assert_allclose(raw, fresh, atol=1e-5 * np.abs(fresh).max())
        return raw

    raw = explain.explain(images(), 1).raw_map
    for weight in model.trainable_weights:
        weight.assign(weight * 0.7 + 0.01)
    raw = assert_changed(raw)
    model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy")
    model.fit(images(), np.arange(5) % 3, epochs=2, verbose=0)
    assert_changed(raw)


def state(model):
    """Everything about a model that explaining must leave alone."""
    layers_ = list(model._flatten_layers())
    return {
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "flags": [layer.trainable for layer in layers_],
        "nodes": [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers_],
        "policies": [layer.dtype_policy.name for layer in layers_],
        "activations": [getattr(layer, "activation", None) for layer in layers_],
        "attributes": [sorted(vars(layer)) for layer in layers_],
        "losses": [len(layer._losses) for layer in layers_],
        "global": (keras.config.dtype_policy().name, keras.config.image_data_format()),
        "config": model.to_json() if not isinstance(model, models.Subclassed) else "",
    }


@pytest.mark.parametrize("kind", ["nested_backbone", "nested_head", "subclassed", "softmax_layer"])
def test_the_model_is_left_as_it_was(kind):
    model, _, _, layer = KINDS[kind]()
    model.trainable = False
    model.layers[-1].trainable = True
    predicted = model.predict(images(), verbose=0)
    before = state(model)
    layers.Dense(1)  # the first of a process bears no number
    keras.utils.set_random_seed(8)
    drawn, name = keras.random.uniform((3,)).numpy(), layers.Dense(1).name
    keras.utils.set_random_seed(8)
    explain = GradCAM(model, layer)
    explain(images())
    explain(images(), 0)
    np.testing.assert_array_equal(keras.random.uniform((3,)), drawn)
    assert int(layers.Dense(1).name.split("_")[-1]) == int(name.split("_")[-1]) + 1
    assert state(model) == before
    np.testing.assert_array_equal(model.predict(images(), verbose=0), predicted)


def test_layers_with_losses_and_states_are_left_alone():
    front, back, head = body(), tail(), dense()
    front[1].activity_regularizer = keras.regularizers.L2(0.1)
    statistics = layers.BatchNormalization(name="norm")
    model = functional(*front, statistics, *back, head)
    counts = [len(layer._losses) for layer in model.layers]
    GradCAM(model, "norm")(images())
    assert [len(layer._losses) for layer in model.layers] == counts
    np.testing.assert_array_equal(statistics.moving_mean, np.zeros(6))


def test_threads_agree():
    model = kind_subclassed()[0]
    expected, found = GradCAM(model, "conv_b")(images()), {}
    explain = GradCAM(model, "conv_b")

    def work(number):
        found[number] = (explain if number % 2 else GradCAM(model, "conv_b"))(images())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for heat in found.values():
        np.testing.assert_allclose(heat, expected, atol=1e-5)
    assert "call" not in vars(model.front[-1])


def test_a_wrapper_of_the_users_is_put_back():
    model = kind_subclassed()[0]
    layer, original = model.front[-1], model.front[-1].call
    layer.__dict__["call"] = wrapper = lambda x: original(x)
    GradCAM(model, "conv_b")(images())
    assert layer.__dict__["call"] is wrapper


def test_nothing_is_kept_when_it_is_dropped():
    model = kind_functional()[0]
    explain = GradCAM(model)
    explain(images())
    watcher = weakref.ref(model)
    del explain, model
    keras.utils.clear_session()
    gc.collect()
    assert watcher() is None


def test_class_index_forms(small):
    explain = GradCAM(small)
    predicted = explain.explain(images())
    assert (predicted.class_index == predicted.scores.argmax(-1)).all()
    np.testing.assert_array_equal(
        predicted.heatmap, explain(images(), predicted.class_index.tolist())
    )
    every = explain(images(), np.int64(2))
    np.testing.assert_array_equal(every, explain(images(), [2] * 5))


@pytest.mark.parametrize(
    ("class_index", "message"),
    [
        (3, "0 to 2, the model's 3 classes; received 3"),
        (-1, "received -1"),
        ([0, 1, 2, 0, 7], "received 7"),
        ([0, 1], "one integer for each of the 5 images"),
        (1.0, "received float64"),
        (True, "received bool"),
        ("COVID", "class_index must be None"),
    ],
)
def test_bad_class_index(small, class_index, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(small)(images(), class_index)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 24, 24, 3)), 'color_mode="grayscale"'),
        (np.zeros((2, 20, 24, 1)), r"received \(batch, 20, 24, 1\). Resize"),
        (np.zeros((2, 3, 24, 24, 1)), "with at least one image"),
        (np.zeros((0, 24, 24, 1)), "with at least one image"),
        (np.zeros(24), "images must be"),
        (np.array(["a"]), "numbers in"),
        (np.full((2, 24, 24, 1), np.nan), r"images\[0\] holds NaN"),
    ],
)
def test_bad_images(small, pictures, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(small)(pictures)


def test_grey_images_for_a_colour_model():
    model = functional(layers.Conv2D(4, 3), layers.Flatten(), dense(), shape=(24, 24, 3))
    with pytest.raises(ValueError, match=r"numpy\.repeat\(images, 3, axis=3\)"):
        GradCAM(model)(images())
    with pytest.raises(ValueError, match=r"numpy\.repeat"):
        GradCAM(model)(images()[..., 0])


def test_nan_in_a_later_image(small):
    pictures = images()
    pictures[3, 2, 2] = np.inf
    with pytest.raises(ValueError, match=r"images\[3\] holds NaN or infinite"):
        GradCAM(small)(pictures)


def test_a_broken_model_is_named(small):
    model = keras.models.clone_model(small)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ValueError, match=r"computes NaN or infinite values for images\[0\]"):
        GradCAM(model)(images())


def test_scores_that_are_not_the_models_are_refused():
    class Odd(layers.Dense):
        """A dense layer that does not only apply its activation."""

        def call(self, x):
            return (
                keras.ops.roll(super().call(x), 1, axis=-1)
                if self.activation is not (keras.activations.linear)
                else super().call(x)
            )

    model = functional(*body(), *tail(), Odd(3, activation="softmax"))
    with pytest.raises(ValueError, match="cannot be explained: its output is not softmax"):
        GradCAM(model)(images())


def test_models_that_cannot_be_explained():
    with pytest.raises(ValueError, match=r"must be a keras.Model; received Dense"):
        GradCAM(layers.Dense(2))
    with pytest.raises(ValueError, match="not built yet"):
        GradCAM(keras.Sequential([layers.Dense(2)]))
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3)(inputs)
    pooled = layers.GlobalAveragePooling2D()(x)
    with pytest.raises(ValueError, match="has 2 outputs; choose one"):
        GradCAM(keras.Model(inputs, [pooled, layers.Dense(2)(pooled)]))
    with pytest.raises(ValueError, match=r"scores of shape \(None, 6, 6, 2\)"):
        GradCAM(keras.Model(inputs, x))(np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="takes input of shape"):
        GradCAM(functional(layers.Reshape((4, 4, 1)), layers.Conv2D(2, 2), shape=(16,)))
    blind = layers.Lambda(keras.ops.stop_gradient)
    model = functional(
        layers.Conv2D(2, 3, name="conv"), blind, layers.Flatten(), dense(), shape=(8, 8, 1)
    )
    with pytest.raises(ValueError, match="layer 'conv' has no differentiable way"):
        GradCAM(model, "conv")(np.zeros((1, 8, 8)))


def test_a_hidden_layer_that_is_no_map():
    model = kind_subclassed()[0]
    with pytest.raises(ValueError, match=r"'flatten' gives \(batch, 150\)"):
        GradCAM(model, "flatten")(images())


class WantsValues(models.Subclassed):
    """A model whose code cannot be followed without values: it runs eagerly alone."""

    def call(self, x, training=None):
        bright = float(keras.ops.convert_to_numpy(x).max()) > 0
        return super().call(x if bright else 0 * x)


def test_a_model_that_runs_eagerly_alone():
    model = WantsValues()
    model(np.zeros((1, 24, 24, 1), "float32"))
    model.compile(run_eagerly=True)
    raw, _, _ = models.reference(model.front, [*model.back, logits_of(model.head)], images(), 1)
    result = GradCAM(model, "conv_b").explain(images(), 1)
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
    with pytest.raises(ValueError, match="'flatten' gives shape"):
        GradCAM(model, "flatten")(images())


def test_a_hidden_layer_that_is_never_called():
    class Idle(models.Subclassed):
        def __init__(self):
            super().__init__()
            self.unused = layers.Conv2D(2, 1, name="unused")
            self.unused.build((None, 24, 24, 1))

    model = Idle()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.raises(ValueError, match="layer 'unused' is not called"):
        GradCAM(model, "unused")(images())


def test_alexnets_flat_maps_warn():
    model = build_alexnet()
    flat = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)][-1]
    with pytest.warns(UserWarning, match=r"maps of 1 x 1.*Choose '.+activation"):
        explain = GradCAM(model, flat)
    heat = explain(np.full((1, 224, 224), 90, "uint8"))
    assert heat.shape == (1, 224, 224)
    assert np.ptp(heat) < 1e-5


def test_another_backend_is_named(small, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(ValueError, match="tensorflow, jax, torch; Keras runs on 'openvino'"):
        GradCAM(small)(images())


def test_a_flat_map_in_a_subclassed_model_warns_without_advice():
    class Flat(keras.Model):
        def __init__(self):
            super().__init__()
            self.flat = layers.Conv2D(3, 24, name="flat")

        def call(self, x):
            return self.flat(x)[:, 0, 0]

    model = Flat()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.warns(UserWarning, match=r"shows no place\.$"):
        GradCAM(model, "flat")(images())


def test_overflow_in_half_precision_is_named():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = kind_functional()[0]
    finally:
        keras.config.set_dtype_policy("float32")
    explain = GradCAM(model)
    explain(images())
    model.get_layer("conv_b").kernel.assign(model.get_layer("conv_b").kernel * 1e5)
    with pytest.raises(ValueError, match=r"NaN or infinite values for images\[\d\]"):
        explain(images())


def twice_called():
    front, back, head = body(), tail(), dense()
    shared = layers.Conv2D(6, 3, padding="same", activation="relu", name="shared")
    return functional(*front, shared, shared, *back, head), front, shared, back, head


@pytest.mark.parametrize("call_index", [0, 1, -1, -2])
def test_each_call_of_a_shared_layer_has_its_own_map(call_index):
    model, front, shared, back, head = twice_called()
    before, after = [*front, shared, shared], [*back, logits_of(head)]
    if call_index in (0, -2):
        before, after = before[:-1], [shared, *after]
    raw, _, _ = models.reference(before, after, images())
    found = GradCAM(model, "shared", call_index=call_index).explain(images())
    np.testing.assert_allclose(found.raw_map, raw, atol=1e-4 * np.abs(raw).max())


@pytest.mark.parametrize("call_index", [2, -3])
def test_a_call_that_does_not_exist_is_named_with_the_range(call_index):
    model, *_ = twice_called()
    with pytest.raises(ValueError, match=r"called 2 times .* call_index is in \[-2, 1\]"):
        GradCAM(model, "shared", call_index=call_index)(images())


class EndsInItsOwnSoftmax(models.Subclassed):
    def call(self, x, training=None):
        return tf.exp(x := tf.math.log(super().call(x))) / tf.reduce_sum(tf.exp(x), -1, True)


def test_a_softmax_that_cannot_be_taken_off_is_an_error():
    model = EndsInItsOwnSoftmax()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.raises(ValueError, match="Let the model end in a Dense layer"):
        GradCAM(model, "conv_b")(images())
