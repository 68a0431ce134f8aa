"""A model whose own last weights make it as sure as it should be."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.interface import (
    head_layers,
    outputs_probabilities,
    predict_probabilities,
)
from keras_cxr.statistics.calibration.scaling import Scaling, as_scaling

# Layers behind the last weights: what they return for z / T is what they return for z, over T.
_SCALING_ALONG = (
    "ActivityRegularization",
    "Dropout",
    "Flatten",
    "Identity",
    "InputLayer",
    "Reshape",
)
_MIXING = (  # the same, but not on both sides of a softmax
    "Add",
    "Average",
    "AveragePooling2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
    "ReLU",
)
_LINEAR = {  # layers that are linear in these two of their weights together
    "BatchNormalization": ("gamma", "beta"),
    "Conv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "LayerNormalization": ("gamma", "beta"),
}
_HEAD_ACTIVATIONS = ("softmax", "linear", "relu")
_OPEN_SIDE = 224  # pixels, where the model takes images of any size: the study's
_COMPARABLE = 1e-30  # float32 rounds smaller probabilities
# Of probabilities; GPUs multiply float32 with 10 bits, bfloat16 has 8.
_TOLERANCES = {"float32": 2e-3, "float64": 2e-3}
_COARSE_TOLERANCE = 0.03


def calibrated_model(model: keras.Model, scaling: float | Scaling) -> keras.Model:
    """A new model of the same layers that returns the calibrated probabilities.

    The last layer with weights has its kernel and bias divided by the temperature, and offsets
    added to the bias, so that the softmax gets z / T + b. Save it like any other;
    `keras.saving.load_model` needs nothing from keras-cxr. A model that returns logits returns
    them as z / T + b. Yours stays as it is; the new one is not compiled.

    Args:
        model: a Functional or Sequential model, nested or not, that ends in Dense, Conv2D or a
            normalization, then at most pooling, reshaping or averaging, then a softmax.
        scaling: the temperature of `fit_temperature`, which changes no answer, or what
            `fit_scaling` returned, which does; that needs a bias in the last layer.

    Raises:
        InvalidArgumentError: (a ValueError) the head has no such form, or the new model, tried
            on random images, returns something else than `Scaling.apply`.

    Examples:
        >>> import keras_cxr
        >>> model = keras_cxr.build_lenet5((32, 32, 1), 4)
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 1))
        >>> before = Scaling(2.0, (0.0,) * 4).apply(model.predict(images, verbose=0))
        >>> after = calibrated_model(model, 2.0).predict(images, verbose=0)
        >>> bool(np.allclose(before, after, atol=1e-5))
        True
    """
    outputs_probabilities(model)
    wanted = as_scaling(scaling, model.output_shape[-1])
    copy = _copy(model)
    layers = _weighted(copy)
    for layer in layers:
        for name in _LINEAR[type(layer).__name__]:
            weight = getattr(layer, name)
            if weight is not None:
                weight.assign(weight / wanted.temperature)
    if any(wanted.offsets):
        _add_offsets(copy, layers, wanted.offsets)
    _check_equal(model, copy, wanted)
    return copy


def _add_offsets(model: keras.Model, layers: list[Any], offsets: tuple[float, ...]) -> None:
    last = layers[0]
    bias = getattr(last, _LINEAR[type(last).__name__][1])
    behind = head_layers(model)
    cut = any(type(layer).__name__ == "ReLU" or _activation(layer) == "relu" for layer in behind)
    if len(layers) > 1 or bias is None or bias.shape != (len(offsets),) or cut:
        raise _refused(
            model, f"its layer {last.name!r} has no bias for each class that offsets can go into"
        )
    bias.assign(bias + np.array(offsets))


def _copy(model: keras.Model) -> keras.Model:
    try:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidArgumentError(f"the model {model.name!r} cannot be copied: {error}") from error
    return copy


def _weighted(model: keras.Model) -> list[Any]:
    """The layers whose weights carry the temperature, one for each branch of the head."""
    found, mixed = [], False
    for layer in head_layers(model):  # from the output backwards
        kind = type(layer).__name__
        activation = _activation(layer)
        softmax = kind == "Softmax" or activation == "softmax"
        passes = kind in (*_SCALING_ALONG, *_MIXING, "Activation", "Softmax")
        scalable = _is_scalable(layer)
        if activation not in _HEAD_ACTIVATIONS or (softmax and mixed) or not (passes or scalable):
            raise _refused(model, f"its layer {layer.name!r} ({kind}, {activation}) is in the way")
        if not passes:
            found.append(layer)
        mixed |= kind in _MIXING
    if not found:
        raise _refused(model, "it has no weights")
    return found


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def _is_scalable(layer: Any) -> bool:
    """Whether its factor is there, and nothing is quantized to whole numbers."""
    weights = [getattr(layer, name, None) for name in _LINEAR.get(type(layer).__name__, ())]
    present = [weight for weight in weights if weight is not None]
    is_float = all("float" in str(weight.dtype) for weight in present)
    return bool(present) and weights[0] is not None and is_float


def _check_equal(model: keras.Model, copy: keras.Model, wanted: Scaling) -> None:
    images = _random_images(model)
    before, after = (predict_probabilities(one, images) for one in (model, copy))
    comparable = before.min(axis=1) > _COMPARABLE
    expected = wanted.apply(before)
    gap = np.abs(after - expected)[comparable]
    tolerance = _TOLERANCES.get(head_layers(copy)[-1].compute_dtype, _COARSE_TOLERANCE)
    if gap.size and gap.max() > tolerance:
        raise _refused(
            model, f"scaling its last weights gives probabilities that are {gap.max():.3f} off"
        )


def _random_images(model: keras.Model) -> NDArray[np.float32]:
    """Eight images of noise, from nearly even to full contrast."""
    shape = [side or _OPEN_SIDE for side in model.input_shape[1:]]
    noise = np.random.default_rng(0).uniform(-1, 1, (8, *shape))
    contrast = np.geomspace(1, 127, 8).reshape(8, *[1] * len(shape))
    return (127.5 + contrast * noise).astype(np.float32)


def _refused(model: keras.Model, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the temperature cannot be put into the weights of the model {model.name!r}: {reason}. "
        "Use apply_temperature or Scaling.apply on what it returns, or end the model "
        'with Dense(num_classes, activation="softmax").'
    )
