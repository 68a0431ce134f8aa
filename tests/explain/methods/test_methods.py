"""The nine methods: formulas by hand and by slow loops, and what all of them share."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers

from keras_cxr.explain import (
    METHODS,
    GradCAM,
    GradCAMPlusPlus,
    HiResCAM,
    IntegratedGradients,
    LayerCAM,
    LayerMethod,
    Occlusion,
    PixelMethod,
    Saliency,
    SmoothGrad,
    XGradCAM,
)
from tests.explain import models
from tests.explain.models import body, dense, functional, images, tail

# few enough steps for tests
QUICK = {
    "smoothgrad": {"num_samples": 3},
    "integrated-gradients": {"num_steps": 4},
    "occlusion": {"window": 12, "stride": 6},
}
LAYER_METHODS = [name for name, method in METHODS.items() if issubclass(method, LayerMethod)]


def make(name, model, *args, **kwargs):
    return METHODS[name](model, *args, **QUICK.get(name, {}), **kwargs)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(3)
    return functional(*body(), *tail(), dense())


def known():
    """Channel 0 is the image, channel 1 its negative; scores (3 m0 + m1, m0 + 2 m1) of means."""
    convolution = layers.Conv2D(2, 1, use_bias=False, name="conv")
    head = layers.Dense(2, use_bias=False, activation="softmax")
    model = functional(convolution, layers.GlobalAveragePooling2D(), head, shape=(2, 4, 1))
    convolution.set_weights([np.array([[[[1.0, -1.0]]]], "float32")])
    head.set_weights([np.array([[3.0, 1.0], [1.0, 2.0]], "float32")])
    return model  # score 0 is the mean of 2 x, score 1 the mean of -x


PICTURE = np.array([[0.0, 4.0, 8.0, 2.0], [1.0, 1.0, 6.0, 2.0]], "float32")


# --- formulas of layers ---------------------------------------------------------------------


def grad_cam(a, g):
    return sum(g[..., k].mean() * a[..., k] for k in range(a.shape[-1]))


def grad_cam_plus_plus(a, g):
    result = np.zeros(a.shape[:2])
    for k in range(a.shape[-1]):
        weight, total = 0.0, a[..., k].sum()
        for i, j in np.ndindex(*a.shape[:2]):
            denominator = 2 * g[i, j, k] ** 2 + g[i, j, k] ** 3 * total
            share = g[i, j, k] ** 2 / denominator if denominator else 0.0
            weight += share * max(g[i, j, k], 0)
        result += weight * a[..., k]
    return result


def x_grad_cam(a, g):
    result = np.zeros(a.shape[:2])
    for k in range(a.shape[-1]):
        total = a[..., k].sum()
        result += (a[..., k] * g[..., k]).sum() / total * a[..., k] if total else 0
    return result


def layer_cam(a, g):
    return sum(np.maximum(g[..., k], 0) * a[..., k] for k in range(a.shape[-1]))


def hi_res_cam(a, g):
    return sum(g[..., k] * a[..., k] for k in range(a.shape[-1]))


SLOW = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": x_grad_cam,
    "layercam": layer_cam,
    "hirescam": hi_res_cam,
}
# eighths: sums are exact, so that a sum that is 0 for one order of adding is 0 for every
exact = st.integers(-24, 24).map(lambda n: n / 8)


@pytest.mark.parametrize("name", SLOW)
@settings(max_examples=40, deadline=None)
@given(
    a=arrays(np.float64, (2, 3, 2, 3), elements=st.integers(0, 24).map(lambda n: n / 8)),
    g=arrays(np.float64, (2, 3, 2, 3), elements=exact),
)
def test_layer_methods_equal_slow_loops(name, small, a, g):
    found = make(name, small).combine(a.astype("float32"), g.astype("float32"))
    expected = [SLOW[name](*pair) for pair in zip(a, g, strict=True)]
    # where a denominator is nearly 0, float32 and float64 part
    near = np.abs(2 * g**2 + g**3 * a.sum((1, 2), keepdims=True))
    if name != "gradcam++" or near[near > 0].min(initial=1) > 1e-2:
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_plus_plus_by_hand(small):
    a = np.array([[[[1.0], [3.0]]]], "float32")
    g = np.array([[[[2.0], [-1.0]]]], "float32")
    # the first place: 4 / (8 + 8 * 4) * 2 = 1/5; the second has a negative gradient: 0
    found = GradCAMPlusPlus(small).combine(a, g)
    np.testing.assert_allclose(found, [[[0.2, 0.6]]], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e15])
def test_plus_plus_survives_tiny_and_huge_gradients(small, size):
    """Its squares and cubes would leave float32's range; the map's shape does not depend on it."""
    generator = np.random.default_rng(0)
    a = generator.uniform(0, 1, (1, 3, 3, 2)).astype("float32")
    g = np.where(generator.random((1, 3, 3, 2)) < 0.5, 1.0, -1.0).astype("float32")
    unit = GradCAMPlusPlus(small).combine(a / np.float32(size), g * np.float32(size))
    assert np.isfinite(unit).all()
    np.testing.assert_allclose(unit, GradCAMPlusPlus(small).combine(a, g), rtol=1e-4)


def test_channels_that_sum_to_nothing_weigh_nothing(small):
    a = np.array([[[[1.0, 1.0], [-1.0, 1.0]]]], "float32")
    g = np.ones((1, 1, 2, 2), "float32")
    np.testing.assert_array_equal(XGradCAM(small).combine(a, g), [[[1.0, 1.0]]])


def test_with_an_averaging_head_three_methods_agree():
    keras.utils.set_random_seed(3)
    model = functional(*body(), layers.GlobalAveragePooling2D(), dense())
    expected = GradCAM(model).explain(images(), 1)
    for method in (XGradCAM, HiResCAM):
        found = method(model).explain(images(), 1).raw_map
        np.testing.assert_allclose(found, expected.raw_map, rtol=1e-3, atol=1e-4)


def test_hirescam_and_xgradcam_share_the_score_out(small):
    """For a dense head both maps sum to the part of the score that is owed to the layer."""
    keras.utils.set_random_seed(3)
    model = functional(*body(), layers.Flatten(), dense(None, bias_initializer="zeros"))
    found = HiResCAM(model).explain(images(), 1)
    np.testing.assert_allclose(found.raw_map.sum((1, 2)), found.scores[:, 1], rtol=1e-3)
    other = XGradCAM(model).explain(images(), 1)
    np.testing.assert_allclose(other.raw_map.sum((1, 2)), found.scores[:, 1], rtol=1e-3)


def test_layercam_sees_only_what_raises():
    model = known()
    # the gradients are 3/8 and 1/8: (3 x - x) / 8 for class 0, (x - 2 x) / 8 for class 1
    np.testing.assert_allclose(LayerCAM(model).explain(PICTURE, 0).raw_map[0], PICTURE / 4)
    assert not LayerCAM(model).explain(PICTURE, 1).heatmap.any()


# --- pixels ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Saliency, SmoothGrad])
def test_gradients_of_a_known_score(method):
    explain = method(known())
    for class_index, slope in ((0, 2 / 8), (1, 1 / 8)):  # of -1/8 the size is shown
        found = explain.explain(PICTURE, class_index)
        np.testing.assert_allclose(found.raw_map[0], np.full((2, 4), slope), rtol=1e-5)
        np.testing.assert_array_equal(found.heatmap, np.ones((1, 2, 4)))


def test_of_several_channels_saliency_takes_the_largest():
    head = layers.Dense(2)
    model = functional(layers.GlobalAveragePooling2D(), head, shape=(2, 2, 3))
    head.set_weights([np.array([[1, 0], [-8, 0], [4, 0]], "float32"), np.zeros(2)])
    found = Saliency(model).explain(np.zeros((2, 2, 3)), 0)
    np.testing.assert_allclose(found.raw_map, np.full((1, 2, 2), 2.0))
    assert found.layer == "input"


def test_smoothgrad_is_the_mean_over_noisy_copies(small):
    pictures = images(2).astype("float32")
    explain = SmoothGrad(small, num_samples=3, noise_level=0.2, seed=4)
    generator = np.random.default_rng(4)
    spread = np.ptp(pictures, axis=(1, 2, 3), keepdims=True)
    total = 0
    tape = models.tf.GradientTape
    for _ in range(3):
        noise = generator.standard_normal(pictures.shape[1:], np.float32)
        x = models.tf.constant(pictures + np.float32(0.2) * spread * noise)
        with tape() as watching:
            watching.watch(x)
            hidden = x
            for layer in small.layers[1:-1]:
                hidden = layer(hidden)
            score = models.logits_of(small.layers[-1])(hidden)[:, 1]
        total = total + watching.gradient(score, x).numpy()
    expected = np.abs(total / 3)[..., 0]
    found = explain.explain(pictures, 1).raw_map
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(explain(pictures[1], 1)[0], explain(pictures, 1)[1], atol=1e-4)
    still = SmoothGrad(small, num_samples=2, noise_level=0)
    np.testing.assert_allclose(still(pictures, 1), Saliency(small)(pictures, 1), atol=1e-5)


def test_integrated_gradients_of_a_known_score():
    explain = IntegratedGradients(known(), baseline=1.0, num_steps=2)
    found = explain.explain(PICTURE, 0)
    np.testing.assert_allclose(found.raw_map[0], (PICTURE - 1) / 4, atol=1e-6)
    np.testing.assert_allclose(found.heatmap[0], np.maximum(PICTURE - 1, 0) / 7, atol=1e-6)
    np.testing.assert_allclose(found.convergence_delta, [0], atol=1e-5)


def test_integrated_gradients_are_exact_for_a_square():
    """The attribution of the score x^2 is x^2, which one gradient in the middle finds too."""
    model = functional(layers.Lambda(keras.ops.square), layers.Flatten(), shape=(2, 2, 1))
    picture = np.array([[1.0, 2.0], [3.0, 5.0]], "float32")
    found = IntegratedGradients(model, num_steps=3).explain(picture, 3)
    np.testing.assert_allclose(found.raw_map, [[[0, 0], [0, 25]]], rtol=1e-5)
    np.testing.assert_allclose(found.convergence_delta, [0], atol=1e-4)


def test_more_steps_come_nearer_to_completeness(small):
    rough, fine = (
        np.abs(IntegratedGradients(small, num_steps=steps).explain(images(), 1).convergence_delta)
        for steps in (2, 64)
    )
    scores = Saliency(small).explain(np.stack([*images(), np.zeros((24, 24, 1))])).scores[:, 1]
    rise = np.abs(scores[:-1] - scores[-1])
    assert rough.max() > 0.02 * rise.max()
    assert (fine < 0.02 * rise + 1e-3).all()


def test_a_baseline_may_be_an_image(small):
    pictures = images(3).astype("float32")
    explain = IntegratedGradients(small, baseline=pictures[0], num_steps=4)
    found = explain.explain(pictures, 1)
    assert not found.raw_map[0].any()
    assert found.no_positive_evidence.tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"images' shape \(24, 24, 1\); received \(2, 2, 1\)"):
        IntegratedGradients(small, baseline=np.zeros((2, 2, 1)))(pictures)


@pytest.mark.parametrize("fill", [None, 3.0])
def test_occlusion_of_a_known_score(fill):
    """Covering a square lowers the mean by its sum less the fill's, a value at a time."""
    explain = Occlusion(known(), window=2, stride=1, fill=fill)
    grey = PICTURE.mean() if fill is None else fill
    falls, counts = np.zeros((2, 4)), np.zeros((2, 4))
    for left in range(3):
        place = np.s_[:, left : left + 2]
        falls[place] += 2 * (PICTURE[place] - grey).sum() / 8
        counts[place] += 1
    found = explain.explain(PICTURE, 0)
    np.testing.assert_allclose(found.raw_map[0], falls / counts, rtol=1e-4, atol=1e-6)


def test_occlusion_reaches_the_border_and_takes_windows_larger_than_the_image():
    picture = np.zeros((2, 4), "float32")
    picture[1, 3] = 8
    found = Occlusion(known(), window=3, stride=2, fill=0).explain(picture, 0)
    # the squares stand at columns 0 and 1; the second alone covers the bright pixel
    np.testing.assert_allclose(found.raw_map[0], [[0, 1, 1, 2], [0, 1, 1, 2]], atol=1e-6)
    whole = Occlusion(known(), window=99, stride=99, fill=0).explain(picture, 0)
    np.testing.assert_allclose(whole.raw_map[0], np.full((2, 4), 2.0), atol=1e-6)


@pytest.mark.parametrize(
    ("make_bad", "message"),
    [
        (lambda m: Saliency(m, "conv_b"), "Saliency looks at the pixels: it takes no layer"),
        (lambda m: Occlusion(m, window=8, stride=9), "stride must be from 1 to window"),
        (lambda m: Occlusion(m, window=8, stride=0), "stride must be an integer from 1"),
        (lambda m: SmoothGrad(m, num_samples=0), "num_samples must be an integer from 1"),
        (lambda m: SmoothGrad(m, noise_level=-0.1), "noise_level must be a number from 0"),
        (lambda m: IntegratedGradients(m, num_steps=0), "num_steps must be an integer from 1"),
        (lambda m: IntegratedGradients(m, baseline=[1, 2]), r"received shape \(2,\)"),
        (lambda m: IntegratedGradients(m, baseline=np.nan), "without NaN"),
    ],
)
def test_bad_settings(small, make_bad, message):
    with pytest.raises(ValueError, match=message):
        make_bad(small)


# --- what all methods share -----------------------------------------------------------------


def mixed():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return functional(*body(), *tail(), dense())
    finally:
        keras.config.set_dtype_policy("float32")


def nested():
    core = functional(*body(), name="core")
    return keras.Sequential([keras.Input((24, 24, 1)), core, *tail(), dense()])


def subclassed():
    model = models.Subclassed()
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model


def sigmoid():
    return functional(*body(), *tail(), dense("sigmoid"))


@pytest.mark.parametrize("build", [mixed, nested, subclassed, sigmoid])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_explains_every_kind_of_model(name, build):
    keras.utils.set_random_seed(3)
    model = build()
    before = model.get_weights()
    explain = make(name, model)
    found = explain.explain(images(), [0, 1, 2, 1, 0])
    assert found.heatmap.shape == (5, 24, 24)
    assert found.heatmap.dtype == found.raw_map.dtype == found.scores.dtype == np.float32
    assert np.isfinite(found.raw_map).all()
    peaks = found.heatmap.max((1, 2))
    assert ((peaks == 0) | (np.abs(peaks - 1) < 1e-6)).all()
    assert (found.no_positive_evidence == (peaks == 0)).all()
    assert not found.no_positive_evidence.all()
    assert found.class_index.tolist() == [0, 1, 2, 1, 0]
    alone = explain(images()[1], 1)
    np.testing.assert_allclose(alone[0], found.heatmap[1], atol=0.05 if build is mixed else 1e-3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("build", [nested, subclassed, sigmoid])
@pytest.mark.parametrize("name", ["gradcam", "saliency"])
def test_predictions_are_the_models_own(name, build):
    keras.utils.set_random_seed(3)
    model = build()
    pictures = np.concatenate([images(5, seed=seed) for seed in range(8)]).astype("float32")
    expected = keras.ops.convert_to_numpy(model(pictures))
    np.testing.assert_allclose(make(name, model).predict(pictures), expected, atol=1e-5)
    explained = make(name, model).explain(pictures)
    np.testing.assert_allclose(explained.probabilities, expected, atol=1e-5)
    with pytest.raises(ValueError, match="images\\[0\\] holds NaN"):
        make(name, model).predict(pictures * np.nan)


def test_the_predictions_of_a_model_that_returns_scores_are_their_softmax():
    keras.utils.set_random_seed(3)
    model = functional(*body(), *tail(), dense(None))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(images().astype("float32"))))
    np.testing.assert_allclose(GradCAM(model).predict(images()), expected, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_map_may_keep_its_strength(name, small):
    pictures = images()
    divided, strong = make(name, small), make(name, small, normalize=False)
    found = strong.explain(pictures, 1)
    largest = found.heatmap.max((1, 2), keepdims=True)
    np.testing.assert_allclose(
        divided(pictures, 1) * largest, found.heatmap, atol=1e-5 * largest.max()
    )
    assert np.ptp(largest) > 0
    assert found.heatmap.max() <= found.raw_map.max() * (1 + 1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_black_image_of_a_silent_model_gives_no_evidence(name):
    """Nothing is divided by zero, whatever a map is made from."""
    model = functional(layers.Conv2D(3, 3, activation="relu"), *tail(), dense())
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    found = make(name, model).explain(np.zeros((2, 24, 24)), 0)
    assert not found.heatmap.any()
    assert found.no_positive_evidence.all()


@pytest.mark.parametrize("name", METHODS)
def test_the_same_method_for_another_model(name, small):
    other = keras.models.clone_model(small)
    other.set_weights([weight * 0.5 for weight in small.get_weights()])
    settings = {"normalize": False}
    if name in LAYER_METHODS:
        settings |= {"layer": "conv_a", "placement": "receptive_field"}
    explain = make(name, small, **settings)
    again = explain.with_model(other)
    assert (again.name, again.title, again.layer) == (name, explain.title, explain.layer)
    assert again.model is other
    np.testing.assert_array_equal(again(images(), 1), make(name, other, **settings)(images(), 1))
    assert not np.allclose(again(images(), 1), explain(images(), 1))


def test_names_are_those_of_the_classes():
    assert all(method.name == name for name, method in METHODS.items())
    assert len({method.title for method in METHODS.values()}) == len(METHODS) >= 9
    assert all(issubclass(m, LayerMethod) != issubclass(m, PixelMethod) for m in METHODS.values())


def test_a_method_of_ones_own():
    class Activity(LayerMethod):
        name, title = "activity", "Mean activation"

        def combine(self, activations, gradients):
            return activations.mean(axis=-1)

    class Wrong(Activity):
        def combine(self, activations, gradients):
            return activations

    model = known()
    model.layers[1].set_weights([np.array([[[[1.0, 3.0]]]], "float32")])
    found = Activity(model, "conv").explain(PICTURE)
    np.testing.assert_allclose(found.raw_map[0], 2 * PICTURE)
    with pytest.raises(ValueError, match=r"Wrong.combine must return .* = \(1, 2, 4\); it ret"):
        Wrong(model, "conv")(PICTURE)


# --- models with several outputs ------------------------------------------------------------


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
