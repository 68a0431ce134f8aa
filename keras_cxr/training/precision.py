"""Which precision a model trains in, and its layers' dtype policies while it does."""

import importlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.heads import head_layers
from keras_cxr.keras_graph.unpublished import all_layers, calls_of, forget_compiled
from keras_cxr.keras_graph.walk import leaf_layers

PRECISIONS = ("auto", "float32", "mixed_bfloat16")
# The first compute capability whose tensor cores multiply bfloat16 (NVIDIA Ampere).
_BFLOAT16_CAPABILITY = 8.0
_BFLOAT16_CPU_FLAGS = ("amx_bf16", "avx512_bf16")
# neither quantized nor one policy per path
_PLAIN_POLICIES = (keras.dtype_policies.DTypePolicy, keras.dtype_policies.FloatDTypePolicy)
_CPU_FLAGS_FILE = Path("/proc/cpuinfo")


def choose_precision(precision: str) -> tuple[str, str]:
    """Return the precision to train in, and the reason in a few words.

    "auto" takes mixed_bfloat16 where the hardware multiplies bfloat16 numbers itself: a GPU of
    compute capability 8.0 or more, or, with TensorFlow, a CPU with avx512_bf16 or amx_bf16.

    Raises:
        InvalidArgumentError: `precision` is none of "auto", "float32" and "mixed_bfloat16".
    """
    if precision not in PRECISIONS:
        extra = ""
        if precision == "mixed_float16":
            extra = " float16 overflows without a scaled loss; mixed_bfloat16 needs none."
        raise InvalidArgumentError(
            f'precision must be "auto", "float32" or "mixed_bfloat16", not {precision!r}.{extra}'
        )
    if precision != "auto":
        return precision, "as asked for"
    capability = _gpu_capability()
    if capability is not None:
        fast = capability >= _BFLOAT16_CAPABILITY
        reason = f"GPU of compute capability {capability}"
        return ("mixed_bfloat16" if fast else "float32"), reason
    if keras.backend.backend() != "tensorflow":
        return "float32", f"no GPU with bfloat16 under {keras.backend.backend()}"
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return "float32", "oneDNN is switched off"
    found = [flag for flag in _BFLOAT16_CPU_FLAGS if flag in _cpu_flags()]
    if found:
        return "mixed_bfloat16", f"this CPU has {found[0]}"
    return "float32", "this CPU does not multiply bfloat16"


class Policies:
    """The dtype policies a model's layers train with, put back by `restore`.

    Float32 stay: the layers from the last one with weights to the output (so the softmax and
    the loss are exact), the layers in front of the first one with a kernel (they scale the
    images), and convolutions whose kernel is larger than the map they see or whose map size
    is unknown: TensorFlow 2.21's oneDNN leaves the rows of a bfloat16 filter gradient that no
    pixel reaches uninitialised. Layers whose weights are not float32 are left alone, and so is
    the global policy.
    """

    def __init__(self, model: keras.Model, precision: str) -> None:
        self._model = model
        head = head_layers(model)
        leaves = (layer for _, layer in leaf_layers(model))
        front = list(itertools.takewhile(lambda layer: not _has_kernel(layer), leaves))
        self._changes = []
        for layer in all_layers(model):
            own = layer.dtype_policy
            if type(own) not in _PLAIN_POLICIES or own.variable_dtype != "float32":
                continue
            keeps = (
                isinstance(layer, keras.Model)
                or any(layer is other for other in head + front)
                or _outgrows_map(layer)
            )
            name = "float32" if keeps else precision
            if own.name != name:
                self._changes.append((layer, own, keras.DTypePolicy(name)))

    def apply(self) -> None:
        """Set the policies to train with."""
        for layer, _, policy in self._changes:
            layer.dtype_policy = policy

    def restore(self) -> None:
        """Put the model's own policies back."""
        for layer, own, _ in self._changes:
            layer.dtype_policy = own

    @contextmanager
    def training(self) -> Iterator[None]:
        """Train inside; afterwards no compiled function of another precision is left."""
        self.apply()
        try:
            yield
        finally:
            self.restore()
            forget_compiled(self._model)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Give the model its own policies for a moment, for example to save it with them."""
        self.restore()
        try:
            yield
        finally:
            self.apply()


def set_precision(model: keras.Model, precision: str) -> None:
    """Let a model compute in a precision from now on, as in training; its weights stay float32."""
    Policies(model, precision).apply()
    forget_compiled(model)


def _has_kernel(layer: Any) -> bool:
    return bool(layer.weights) and (hasattr(layer, "kernel") or hasattr(layer, "kernel_size"))


def _outgrows_map(layer: Any) -> bool:
    kernel = getattr(layer, "kernel_size", None)
    if not isinstance(kernel, tuple) or max(kernel) == 1:
        return False
    dilation = getattr(layer, "dilation_rate", (1,) * len(kernel))
    if isinstance(dilation, int):
        dilation = (dilation,) * len(kernel)
    nodes = calls_of(layer)
    for node in nodes:
        shape = node.input_tensors[0].shape
        first = getattr(layer, "data_format", "channels_last") == "channels_first"
        sizes = shape[2:] if first else shape[1:-1]
        for size, length, rate in zip(sizes, kernel, dilation, strict=False):
            if size is None or (length - 1) * rate + 1 > size:
                return True
    return not nodes


def _cpu_flags() -> set[str]:
    try:
        text = _CPU_FLAGS_FILE.read_text()
    except OSError:
        return set()
    lines = (line for line in text.splitlines() if line.startswith("flags"))
    return set(next(lines, "").split())


def _gpu_capability() -> float | None:
    """Compute capability of the GPU the backend would use, `None` without one."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        if devices:
            details = tf.config.experimental.get_device_details(devices[0])
            major, minor = details.get("compute_capability", (0, 0))
            return float(f"{major}.{minor}")
    elif backend == "torch":
        torch: Any = importlib.import_module("torch")
        if torch.cuda.is_available():
            major, minor = torch.cuda.get_device_capability()
            return float(f"{major}.{minor}")
    elif backend == "jax":
        jax: Any = importlib.import_module("jax")
        device = jax.devices()[0]
        if device.platform == "gpu":
            try:
                return float(device.compute_capability)
            except (AttributeError, ValueError):
                return 0.0
    return None
