import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models import build_alexnet, build_vgg19
from keras_cxr.training import precision as room
from keras_cxr.training.precision import Policies, choose_precision
from tests.training.conftest import build_small


def policies_of(model):
    return {layer.name: layer.dtype_policy.name for layer in model._flatten_layers()}


@pytest.mark.parametrize(
    ("flags", "expected", "reason"),
    [
        ("avx2 avx512_bf16", "mixed_bfloat16", "avx512_bf16"),
        ("amx_bf16 avx2", "mixed_bfloat16", "amx_bf16"),
        ("avx2 avx512f", "float32", "does not multiply"),
    ],
)
def test_auto_reads_the_cpu(monkeypatch, tmp_path, flags, expected, reason):
    monkeypatch.setattr(room, "_gpu_capability", lambda: None)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(room, "_CPU_FLAGS_FILE", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: fpu {flags}\nbugs : none\n")
    chosen, why = choose_precision("auto")
    assert chosen == expected
    assert reason in why


def test_auto_without_cpuinfo_and_without_onednn(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "_gpu_capability", lambda: None)
    monkeypatch.setattr(room, "_CPU_FLAGS_FILE", tmp_path / "missing")
    assert choose_precision("auto")[0] == "float32"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert choose_precision("auto") == ("float32", "oneDNN is switched off")


@pytest.mark.parametrize(("capability", "expected"), [(7.5, "float32"), (8.0, "mixed_bfloat16")])
def test_auto_reads_the_gpu(monkeypatch, capability, expected):
    monkeypatch.setattr(room, "_gpu_capability", lambda: capability)
    assert choose_precision("auto")[0] == expected


def test_gpus_are_asked_through_the_backend(monkeypatch):
    """Stand-ins for libraries that need a GPU to say anything."""
    device = SimpleNamespace(platform="gpu", compute_capability="9.0")
    jax = SimpleNamespace(devices=lambda: [device])
    cuda = SimpleNamespace(is_available=lambda: True, get_device_capability=lambda: (7, 5))
    monkeypatch.setitem(sys.modules, "jax", jax)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert choose_precision("auto") == ("mixed_bfloat16", "GPU of compute capability 9.0")
    device.compute_capability = "gfx90a"
    assert choose_precision("auto")[0] == "float32"
    device.platform = "cpu"
    assert choose_precision("auto") == ("float32", "no GPU with bfloat16 under jax")
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert choose_precision("auto") == ("float32", "GPU of compute capability 7.5")
    cuda.is_available = lambda: False
    assert choose_precision("auto")[0] == "float32"


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_what_is_asked_for_is_taken(name):
    assert choose_precision(name)[0] == name


@pytest.mark.parametrize("name", ["bfloat16", "mixed_float16", None])
def test_other_precisions_are_refused(name):
    with pytest.raises(InvalidArgumentError, match='must be "auto", "float32" or'):
        choose_precision(name)


def test_layers_compute_in_bfloat16_and_get_their_own_policy_back():
    model = build_small()
    before = policies_of(model)
    policy = keras.config.dtype_policy()
    policies = Policies(model, "mixed_bfloat16")
    with policies.training():
        inside = policies_of(model)
        assert inside["conv2d" if "conv2d" in inside else model.layers[1].name] == "mixed_bfloat16"
        assert inside[model.layers[0].name] == "float32"  # in front of the first kernel
        assert inside["predictions"] == "float32"
        assert model(np.zeros((1, 32, 32, 1), "float32")).dtype == "float32"
        with policies.paused():
            assert policies_of(model) == before
        assert policies_of(model) == inside
        assert keras.config.dtype_policy() is policy
    assert policies_of(model) == before


def test_policies_return_after_an_error_too():
    model = build_small()
    before = policies_of(model)
    with (
        pytest.raises(ZeroDivisionError, match="on purpose"),
        Policies(model, "mixed_bfloat16").training(),
    ):
        raise ZeroDivisionError("on purpose")
    assert policies_of(model) == before


def test_nested_backbones_are_reached():
    model = build_vgg19((32, 32, 3), weights=None)
    with Policies(model, "mixed_bfloat16").training():
        inside = policies_of(model)
        assert inside["block1_conv1"] == inside["block4_conv1"] == "mixed_bfloat16"
        # 32 pixels shrink to 2 x 2, where a 3 x 3 kernel is larger than the map
        assert inside["block5_conv1"] == "float32"
        assert inside["vgg19"] == inside["predictions"] == "float32"
    assert set(policies_of(model).values()) == {"float32"}


def test_softmax_layers_and_the_dense_layer_before_them_stay_float32():
    images = keras.Input((8, 8, 1))
    x = layers.Flatten(name="flat")(layers.Conv2D(2, 3, name="conv")(images))
    x = layers.Dense(3, name="dense")(layers.Dense(5, name="hidden")(x))
    model = keras.Model(images, layers.Softmax(name="softmax")(x))
    with Policies(model, "mixed_bfloat16").training():
        inside = policies_of(model)
    assert inside["conv"] == inside["hidden"] == "mixed_bfloat16"
    assert inside["dense"] == inside["softmax"] == "float32"


def test_models_in_other_precisions():
    images = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, name="mixed", dtype="mixed_bfloat16")(images)
    x = layers.Dense(5, name="double", dtype="float64")(layers.Flatten()(x))
    model = keras.Model(images, layers.Dense(3)(x))
    with Policies(model, "float32").training():
        inside = policies_of(model)
    assert inside["mixed"] == "float32"
    assert inside["double"] == "float64"
    assert policies_of(model)["mixed"] == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (3, {}, "mixed_bfloat16"),
        (2, {}, "float32"),
        (4, {"dilation_rate": 2}, "float32"),
        (5, {"dilation_rate": 2}, "mixed_bfloat16"),
        (1, {"kernel_size": 1}, "mixed_bfloat16"),
        (None, {}, "float32"),  # unknown until images come
    ],
)
def test_kernels_larger_than_their_map_stay_float32(size, options, expected):
    images = keras.Input((size, size, 2))
    conv = layers.Conv2D(2, padding="same", name="conv", **{"kernel_size": 3, **options})
    x = layers.GlobalAveragePooling2D()(conv(images))
    model = keras.Model(images, layers.Dense(2)(x))
    with Policies(model, "mixed_bfloat16").training():
        assert conv.dtype_policy.name == expected


def test_bfloat16_gradients_of_alexnets_last_convolutions_repeat():
    tf = pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(0)
    model = build_alexnet((80, 80, 1))
    convolutions = [x for x in model.layers if isinstance(x, layers.Conv2D)]
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (8, 80, 80, 1)).astype("float32")
    labels = np.eye(4, dtype="float32")[rng.integers(0, 4, 8)]
    kernels = [x.kernel for x in convolutions]

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            scores = model(images, training=False)
            loss = keras.losses.categorical_crossentropy(labels, scores)
        return tape.gradient(loss, [k.value for k in kernels])

    exact = [g.numpy() for g in step(images, labels)]
    with Policies(model, "mixed_bfloat16").training():
        policies = [x.dtype_policy.name for x in convolutions]
        assert policies == ["mixed_bfloat16"] * 2 + ["float32"] * 3
        mixed = tf.function(step.python_function)
        runs = []
        for fill in range(4):
            tf.fill([3, 3, 384, 384], 1e30 * (fill + 1))  # dirt for memory that is not set
            runs.append([g.numpy() for g in mixed(images, labels)])
    for other in runs[1:]:
        for one, two in zip(runs[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    for mixed_gradient, gradient in zip(runs[0], exact, strict=True):
        # rounding turns a gradient a little; memory that was never set lies where no pixel reaches
        unreached = (gradient == 0).all(axis=(2, 3))
        assert not mixed_gradient[unreached].any()
        lengths = np.linalg.norm(mixed_gradient) * np.linalg.norm(gradient)
        assert np.vdot(mixed_gradient, gradient) > 0.95 * lengths
    assert unreached.sum() == 8  # a 3 x 3 kernel on a 1 x 1 map has one tap
