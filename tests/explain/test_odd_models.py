"""Models and uses that once gave a wrong map, a wrong probability or an unclear error."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.special import expit

from keras_cxr.explain import GradCAM, HiResCAM, LayerCAM, Occlusion, Saliency, SmoothGrad
from keras_cxr.keras_graph.layers import default_site, list_sites, resolve_site
from tests.explain.models import images

CLASSES = 3


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(11)


def front(name="conv"):
    """Input, the map of one convolution, and its features."""
    inputs = keras.Input((24, 24, 1))
    maps = layers.Conv2D(4, 3, activation="relu", name=name)(layers.Rescaling(1 / 255)(inputs))
    return inputs, maps, layers.GlobalAveragePooling2D()(maps)


def softmax(x, **kwargs):
    return layers.Dense(CLASSES, activation="softmax", **kwargs)(x)


def output_of(model):
    return keras.ops.convert_to_numpy(model(images().astype("float32")))


# --- heads ----------------------------------------------------------------------------------


def several_sigmoids(x):
    return layers.Concatenate()([layers.Dense(1, activation="sigmoid")(x) for _ in range(3)])


def softmax_of_groups(x):
    return layers.Flatten()(layers.Softmax()(layers.Reshape((2, 3))(layers.Dense(6)(x))))


def written_out(x):
    return layers.Lambda(lambda x: 1 / (1 + ops.exp(-x)))(layers.Dense(CLASSES)(x))


def saturated(x):
    head = layers.Dense(2, activation="sigmoid", bias_initializer=keras.initializers.Constant(30))
    return layers.Concatenate()([head(x), layers.Dense(1, activation="sigmoid")(x)])


@pytest.mark.parametrize("head", [several_sigmoids, softmax_of_groups, written_out, saturated])
def test_probabilities_never_pass_for_scores(head):
    inputs, _, features = front()
    model = keras.Model(inputs, head(features))
    with pytest.raises(ValueError, match="cannot be explained: its output is no"):
        GradCAM(model)(images())


@pytest.mark.parametrize("ending", ["reshape", "log", "flatten"])
def test_heads_before_a_change_of_shape(ending):
    inputs, maps, features = front()
    dense = layers.Dense(CLASSES)
    if ending == "flatten":
        pooled = layers.GlobalAveragePooling2D(keepdims=True)(maps)
        outputs = layers.Flatten()(layers.Softmax()(dense(pooled)))
        scores = layers.Flatten()(dense(pooled))
    else:
        scores = dense(features)
        activation = layers.Activation("log_softmax" if ending == "log" else "softmax")
        outputs = layers.Reshape((CLASSES,))(activation(scores))
    expected = GradCAM(keras.Model(inputs, scores)).explain(images(), 1)
    found = GradCAM(keras.Model(inputs, outputs)).explain(images(), 1)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.raw_map, expected.raw_map, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)


def test_one_unit_with_and_without_a_sigmoid():
    inputs, _, features = front()
    dense = layers.Dense(1)
    logits = keras.Model(inputs, dense(features))
    model = keras.Model(inputs, layers.Reshape((1,))(layers.Activation("sigmoid")(dense(features))))
    for explained in (GradCAM(logits), GradCAM(model), Occlusion(model, window=12, stride=12)):
        np.testing.assert_allclose(explained.predict(images()), output_of(model), atol=1e-5)
        np.testing.assert_allclose(explained.predict(images()), expit(output_of(logits)), atol=1e-5)


def test_scores_that_were_trained_towards_probabilities_are_scores():
    """Between 0 and 1 on every film, but nowhere else."""
    inputs, _, features = front()
    head = layers.Dense(2, kernel_initializer="zeros", bias_initializer="zeros")
    model = keras.Model(inputs, head(features))
    head.set_weights([np.array([[0.1, 0], [0, 0.1], [0, 0], [0, 0]]), np.array([0.4, 0.4])])
    assert (np.abs(output_of(model) - 0.5) < 0.5).all()
    assert GradCAM(model)(images()).shape == (5, 24, 24)


def test_an_activation_layer_that_is_shared_is_taken_off_at_the_end_alone():
    inputs, _, features = front()
    shared, dense = layers.Softmax(), layers.Dense(4)
    gate = shared(dense(features))
    scores = layers.Dense(40)(layers.Multiply()([gate, features]))
    expected = GradCAM(keras.Model(inputs, scores)).explain(images())
    found = GradCAM(keras.Model(inputs, shared(scores))).explain(images())
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_array_equal(found.class_index, expected.class_index)
    np.testing.assert_allclose(found.raw_map, expected.raw_map, atol=1e-6)


# --- layers ---------------------------------------------------------------------------------


def encoder_with_two_heads():
    inputs, maps, _ = front()
    deep = layers.Conv2D(8, 3, padding="same", activation="relu", name="deep")(
        layers.MaxPooling2D()(maps)
    )
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(layers.UpSampling2D()(deep))
    finding = softmax(layers.GlobalAveragePooling2D()(deep), name="finding")
    return keras.Model(inputs, [mask, finding])


def test_the_default_layer_leads_to_the_chosen_output():
    model = encoder_with_two_heads()
    explain = GradCAM(model, output="finding")
    assert explain.layer == "deep"
    assert explain(images(), 1).any()
    with pytest.raises(ValueError, match=r"'mask' has no way to the explained output.*as 'deep'"):
        GradCAM(model, "mask", output="finding")
    assert resolve_site(model, "mask", output=0).leads_out
    inputs = keras.Input((24, 24, 1))
    outer = keras.Model(inputs, model(inputs)[1])  # of a nested model too
    assert GradCAM(outer).layer.endswith("/deep")


class Attention(layers.Layer):
    """Attention of an author's own: its matrices have four dimensions and are no maps."""

    def __init__(self):
        super().__init__()
        self.query, self.weigh = layers.Dense(8), layers.Softmax(name="weights")

    def build(self, shape):
        self.query.build(shape)

    def call(self, x):
        q = ops.transpose(ops.reshape(self.query(x), (-1, 16, 2, 4)), (0, 2, 1, 3))
        q = ops.matmul(self.weigh(ops.matmul(q, ops.transpose(q, (0, 1, 3, 2)))), q)
        return x + ops.reshape(ops.transpose(q, (0, 2, 1, 3)), (-1, 16, 8))


def attended(x):
    q = ops.transpose(ops.reshape(layers.Dense(8)(x), (-1, 16, 2, 4)), (0, 2, 1, 3))
    q = ops.einsum("bhij,bhjk->bhik", ops.matmul(q, ops.transpose(q, (0, 1, 3, 2))), q)
    return x + ops.reshape(ops.transpose(q, (0, 2, 1, 3)), (-1, 16, 8))


@pytest.mark.parametrize("attend", [lambda x: Attention()(x), attended], ids=["layer", "ops"])
def test_attention_is_no_map(attend):
    inputs = keras.Input((24, 24, 1))
    patches = layers.Conv2D(8, 6, strides=6, name="patches")(inputs)
    tokens = layers.Reshape((16, 8))(patches)
    tokens = attend(tokens)
    model = keras.Model(inputs, softmax(layers.GlobalAveragePooling1D()(tokens)))
    assert default_site(model).path == "patches"


def test_a_layer_in_two_models_is_met_where_the_path_says():
    shared = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")

    def inside(name, channels):
        inputs = keras.Input((24, 24, channels))
        return keras.Model(inputs, shared(inputs), name=name)

    inputs = keras.Input((24, 24, 4))
    first = inside("first", 4)(inputs)
    second = inside("second", 4)(first)
    model = keras.Model(inputs, softmax(layers.GlobalAveragePooling2D()(second)))
    pictures = images(channels=4)
    maps = {name: GradCAM(model, f"{name}/shared")(pictures, 1) for name in ("first", "second")}
    assert np.abs(maps["first"] - maps["second"]).max() > 0.01
    outer = {name: GradCAM(model, name)(pictures, 1) for name in ("first", "second")}
    for name, found in maps.items():
        np.testing.assert_allclose(found, outer[name], atol=1e-5)


class Twins(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = (
            keras.Sequential([layers.Conv2D(4, 3, name="conv")], name="block") for _ in range(2)
        )
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, x):
        return self.head(ops.mean(self.second(self.first(x)), (1, 2)))


def test_two_layers_with_one_path_have_to_be_passed():
    model = Twins()
    model(images().astype("float32"))
    with pytest.raises(ValueError, match=r"several layers of model .* have the path 'block/conv'"):
        GradCAM(model, "block/conv")
    inner = model.first.layers[0]
    explain = GradCAM(model, inner)
    assert explain.explain(images()).raw_map.shape == (5, 22, 22)
    again = explain.with_model(model)
    np.testing.assert_array_equal(again(images(), 1), explain(images(), 1))


@pytest.mark.parametrize("kind", ["tuple", "split", "backbone"])
def test_layers_with_several_outputs_are_no_maps(kind):
    inputs, maps, features = front()
    if kind == "tuple":

        class Pair(layers.Layer):
            def call(self, x):
                return x * 2, ops.mean(x, (1, 2))

        _, features = Pair(name="several")(maps)
    elif kind == "split":
        halves = ops.split(maps, 2, axis=-1)
        features = layers.GlobalAveragePooling2D()(halves[0])
    else:
        inner = keras.Input((22, 22, 4))
        several = keras.Model(inner, [inner * 2, ops.mean(inner, (1, 2))], name="several")
        _, features = several(maps)
    model = keras.Model(inputs, softmax(features))
    name = (
        "several"
        if kind != "split"
        else next(site.path for site in list_sites(model) if "split" in site.path)
    )
    assert GradCAM(model, "conv")(images()).any()
    assert name not in GradCAM(model).layer
    with pytest.raises(ValueError, match=r"returns a (tuple|list) of several values"):
        GradCAM(model, name)(images())


def test_a_model_that_is_called_by_keyword():
    inputs, _, features = front()
    inner = keras.Model(inputs, softmax(features))
    outer = keras.Input((24, 24, 1))
    model = keras.Model(outer, inner(inputs=outer))
    np.testing.assert_allclose(GradCAM(model)(images()), GradCAM(inner)(images()), atol=1e-5)


class OwnCall(keras.Model):
    """A functional model whose `call` is the author's own."""

    def __init__(self):
        inputs, _, features = front()
        super().__init__(inputs, softmax(features))

    def call(self, x, training=None):
        return super().call(x * 0.5)


def test_a_functional_model_with_a_call_of_its_own_can_be_followed():
    assert GradCAM(OwnCall()).layer == "conv"


# --- where cells look -----------------------------------------------------------------------


def test_each_call_of_a_shared_layer_looks_elsewhere():
    inputs = keras.Input((24, 24, 4))
    shared = layers.Conv2D(4, 3, name="shared")
    model = keras.Model(inputs, softmax(layers.GlobalAveragePooling2D()(shared(shared(inputs)))))
    for call_index, first in ((0, 1), (1, 2), (-1, 2)):
        explain = LayerCAM(model, "shared", call_index=call_index, placement="receptive_field")
        assert explain.axes((24, 24))[0].first == first
        assert explain(images(channels=4)).shape == (5, 24, 24)


def test_the_second_output_of_a_nested_model_has_places_of_its_own():
    inner = keras.Input((24, 24, 1))
    small = layers.Conv2D(3, 9, name="small")(inner)
    body = keras.Model(inner, [layers.Conv2D(2, 1)(inner), small])
    inputs = keras.Input((24, 24, 1))
    maps = layers.Activation("relu", name="on")(body(inputs)[1])
    model = keras.Model(inputs, softmax(layers.Flatten()(maps)))
    explain = GradCAM(model, "on", placement="receptive_field")
    assert explain.axes((24, 24))[0].first == 4
    assert explain(images()).shape == (5, 24, 24)


def test_maps_that_are_joined_along_their_height_have_no_known_place():
    inputs, maps, _ = front()
    joined = layers.Concatenate(axis=1, name="tall")([maps, maps])
    model = keras.Model(inputs, softmax(layers.GlobalAveragePooling2D()(joined)))
    with pytest.raises(ValueError, match=r"because of the operation 'tall' \(Concatenate\)"):
        GradCAM(model, "tall", placement="receptive_field")
    assert GradCAM(model, "tall")(images()).shape == (5, 24, 24)


def test_augmentation_layers_rest():
    inputs = keras.Input((24, 24, 1))
    x = layers.RandomRotation(0.2)(layers.RandomFlip()(inputs))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    explain = GradCAM(keras.Model(inputs, softmax(features)), placement="receptive_field")
    np.testing.assert_array_equal(explain(images(), 1), explain(images(), 1))


# --- the user's things ----------------------------------------------------------------------


class WithLoss(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Conv2D(4, 3, name="inner")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        self.add_loss(ops.mean(x))
        return self.inner(x)


def test_losses_of_the_last_call_are_kept():
    inputs = keras.Input((24, 24, 1))
    features = layers.GlobalAveragePooling2D()(WithLoss()(inputs))
    model = keras.Model(inputs, softmax(features))
    model(images().astype("float32"))
    before = [float(loss) for loss in model.losses]
    assert len(before) == 1
    explain = GradCAM(model, "inner")
    explain(images())
    explain.predict(images())
    assert [float(loss) for loss in model.losses] == before


def test_an_input_that_is_named():
    inputs = keras.Input((24, 24, 1), name="film")
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    model = keras.Model({"film": inputs}, softmax(features))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GradCAM(model)(images()).shape == (5, 24, 24)


class Outputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, name="conv")
        self.view = layers.Dense(2, activation="softmax")
        self.finding = layers.Dense(CLASSES, activation="softmax")

    def call(self, x):
        x = ops.mean(self.conv(x), (1, 2))
        return {"view": self.view(x), "finding": self.finding(x)}


def test_a_subclassed_model_with_several_outputs_has_to_be_told_which():
    model = Outputs()
    model(images().astype("float32"))
    assert GradCAM(model, output="view").explain(images()).scores.shape == (5, 2)
    assert GradCAM(model, output="finding").explain(images()).scores.shape == (5, CLASSES)
    with pytest.raises(ValueError, match=r"2 outputs; choose one: output= one of \['finding', 'v"):
        GradCAM(model)(images())
    with pytest.raises(ValueError, match="has no output 'viwe'"):
        GradCAM(model, output="viwe")(images())
    with pytest.raises(ValueError, match="must be the name or number"):
        GradCAM(model, output=1.0)


@pytest.mark.parametrize(
    ("shape", "message"), [((5, 24, 24, 3), "cannot be run on images"), ((5, 2, 2, 1), "cannot be")]
)
def test_images_that_a_subclassed_model_cannot_take(shape, message):
    model = Outputs()
    model(images().astype("float32"))
    explain = GradCAM(model, output="view")
    with pytest.raises(ValueError, match=message):
        explain(np.ones(shape))
    assert explain(images()).shape == (5, 24, 24)


# --- gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["round", "integers"])
def test_occlusion_needs_no_gradient(kind):
    inputs = keras.Input((24, 24, 1), dtype="uint8" if kind == "integers" else None)
    x = layers.Rescaling(1.0)(inputs)
    x = x if kind == "integers" else ops.round(x)
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(x))
    model = keras.Model(inputs, softmax(features))
    pictures = images().round()
    assert Occlusion(model, window=8, stride=8).explain(pictures, 1).raw_map.any()
    assert GradCAM(model, "conv").explain(pictures, 1).raw_map.any()
    match = "takes them as uint8" if kind == "integers" else "Occlusion needs no gradient"
    with pytest.raises(ValueError, match=match):
        Saliency(model)(pictures)


@pytest.mark.parametrize(
    "make",
    [
        lambda m: Occlusion(m, fill=np.nan),
        lambda m: Occlusion(m, fill="mean"),
        lambda m: Occlusion(m, window=2.5),
        lambda m: Occlusion(m, window=(8, 8)),
        lambda m: SmoothGrad(m, noise_level=np.nan),
        lambda m: SmoothGrad(m, num_samples=2.5),
        lambda m: SmoothGrad(m, seed=-1),
    ],
)
def test_settings_that_are_no_such_numbers(make):
    model = encoder_with_two_heads()
    with pytest.raises(ValueError, match="must be"):
        make(model)


@pytest.mark.parametrize("name", ["stepz", "placement", "num_samples"])
def test_a_setting_that_a_method_does_not_have(name):
    with pytest.raises(TypeError, match=name):
        Saliency(encoder_with_two_heads(), **{name: 1})


def test_images_of_other_libraries():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    inputs, _, features = front()
    explain = HiResCAM(keras.Model(inputs, softmax(features)))
    pictures = images().round().astype("float32")
    expected = explain(pictures)
    np.testing.assert_array_equal(explain(torch.tensor(pictures, requires_grad=True)), expected)
    coarse = torch.tensor(pictures).to(torch.bfloat16)
    np.testing.assert_array_equal(explain(coarse), explain(coarse.float().numpy()))
    np.testing.assert_array_equal(explain(pictures.tolist()), expected)
    with pytest.raises(ValueError, match="one array of numbers, all of one size"):
        explain([pictures[0], pictures[0, :9]])
