"""What a model takes and returns, read from its graph before any image is computed."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.processes import check_not_forked
from keras_cxr.errors import InvalidArgumentError

# Layers that only move or average values: scores stay scores, probabilities stay probabilities.
_PASSING = (
    "ActivityRegularization",
    "Average",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "Identity",
    "InputLayer",
    "Reshape",
)
_HEAD_MEND = (
    'End the model with Dense(num_classes, activation="softmax"), or without an activation '
    "(classifier_activation=None), in a Functional or Sequential model."
)


def check_model_fits(
    model: keras.Model, input_shape: Sequence[int | None], num_classes: int
) -> None:
    """Raise unless the model takes such images and tells that many classes apart.

    Args:
        model: a built model with one input and one output.
        input_shape: `(height, width, channels)` of the images, without the batch.
        num_classes: number of classes in the labels.

    Raises:
        InvalidArgumentError: size, channels or classes differ; the message names the mend.
    """
    name = f"the model {model.name!r}"
    wanted = _single_shape(model, "input")
    images = tuple(input_shape)
    if len(wanted) != len(images):
        raise InvalidArgumentError(
            f"{name} takes inputs of shape {wanted}, the images have shape {images}: pass "
            "images (batch, height, width, channels) to a model that takes images."
        )
    if not _agree(wanted[-1:], images[-1:]):
        mend = {1: 'color_mode="grayscale"', 3: 'color_mode="rgb"'}.get(wanted[-1] or 0)
        read = f"read the images with {mend}, or " if mend else ""
        raise InvalidArgumentError(
            f"{name} takes {wanted[-1]} channels, the images have {images[-1]}: {read}build the "
            f"model with input_shape={images}."
        )
    if not _agree(wanted, images):
        size = tuple(wanted[:-1])
        raise InvalidArgumentError(
            f"{name} takes images of {_times(size)} pixels (height x width), these have "
            f"{_times(images[:-1])}: read them with image_size={size}, or build the model with "
            f"input_shape={images}."
        )
    outputs = _single_shape(model, "output")
    if len(outputs) != 1 or not _agree(outputs, (num_classes,)):
        raise InvalidArgumentError(
            f"{name} returns outputs of shape {outputs}, the labels have {num_classes} classes: "
            f"build the model with num_classes={num_classes}."
        )


def num_outputs(model: Any) -> int:
    """How many classes the model tells apart, once it is a classifier whose outputs are known.

    Raises:
        InvalidArgumentError: it is no Keras model, does not say what it takes and returns (as
            subclassed models), or its outputs are no softmax probabilities or logits.
    """
    if not isinstance(model, keras.Model):
        raise InvalidArgumentError(
            f"model must be a Keras model, received {type(model).__name__}: load a saved one with "
            "keras.saving.load_model or keras_cxr.load_classifier."
        )
    outputs = _single_shape(model, "output")
    outputs_probabilities(model)
    if len(outputs) != 1 or outputs[0] is None:
        raise InvalidArgumentError(
            f"the model {model.name!r} returns outputs of shape {outputs}, not one score for each "
            f"class. {_HEAD_MEND}"
        )
    return outputs[0]


def check_reads_images(model: keras.Model) -> None:
    """Raise unless the model takes one image, grey or in colour, with the channels last.

    Raises:
        InvalidArgumentError: it has several inputs, or takes something else.
    """
    shape = _single_shape(model, "input")
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise InvalidArgumentError(
            f"the model {model.name!r} takes inputs of shape {shape}, image files have (height, "
            "width, 1) or (height, width, 3): put it into a model that makes its input from such "
            "an image."
        )


def head_activation(model: keras.Model) -> str:
    """Name of the function that makes the outputs: "softmax", "linear", "sigmoid" and so on.

    It is read from the layers, also through nested models, never guessed from values.
    "unknown" where the model is no graph of layers, or branches with different heads meet.
    """
    names = {_activation(operation) for operation, final in _backwards(model) if final}
    return names.pop() if len(names) == 1 else "unknown"


def has_softmax_head(model: keras.Model) -> bool:
    """Whether the outputs come from a softmax: the last layer's activation or a layer itself."""
    return head_activation(model) == "softmax"


def outputs_probabilities(model: keras.Model) -> bool:
    """True where the model returns softmax probabilities, False where it returns logits.

    Raises:
        InvalidArgumentError: the head is neither, for example a sigmoid: its scores treat
            each class on its own and do not add up to 1. Or it has one unit, which tells
            nothing apart.
    """
    activation = head_activation(model)
    if activation not in ("softmax", "linear"):
        raise InvalidArgumentError(
            f"the model {model.name!r} must return softmax probabilities or logits of classes "
            f"that exclude each other; its head is {activation!r}. {_HEAD_MEND}"
        )
    if tuple(getattr(model.outputs[0], "shape", ()))[1:] == (1,):
        raise InvalidArgumentError(
            f"the model {model.name!r} must return a score for each of two classes or more; its "
            f"head has one unit, whose softmax is always 1. {_HEAD_MEND}"
        )
    return activation == "softmax"


def predict_probabilities(model: keras.Model, images: NDArray[Any]) -> NDArray[np.float64]:
    """Class probabilities `(batch, classes)`: a softmax is applied where the head has none.

    Raises:
        InvalidArgumentError: the outputs are neither softmax probabilities nor logits, or the
            model computes NaN for an image.
    """
    check_not_forked()
    logits = not outputs_probabilities(model)
    found = as_probabilities(model.predict_on_batch(images), logits=logits)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        raise InvalidArgumentError(
            f"the model {model.name!r} computes NaN for {(~finite).sum()} of {len(found)} images, "
            f"the first of them number {finite.argmin()}: look for NaN or infinite values in them "
            "and for weights that are too large."
        )
    return found


def as_probabilities(outputs: Any, *, logits: bool) -> NDArray[np.float64]:
    """What a model returned, `(batch, classes)`, as class probabilities; NaN where it was none."""
    found = np.asarray(outputs, np.float64)
    if logits:
        with np.errstate(invalid="ignore"):
            found = np.exp(found - found.max(axis=1, keepdims=True))
            found /= found.sum(axis=1, keepdims=True)
    return found


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers from the output back to the last one with weights, that one included."""
    layers = []
    for operation, _ in _backwards(model, to_weights=True):
        if isinstance(operation, keras.layers.Layer) and operation not in layers:
            layers.append(operation)
    return layers


def _backwards(model: Any, *, to_weights: bool = False) -> Iterator[tuple[Any, bool]]:
    """Operations from the outputs backwards, and whether the walk ends at each.

    It ends at the first that changes values, or, `to_weights`, at the first with weights.
    """
    try:
        waiting = list(model.outputs)
    except (AttributeError, ValueError):
        yield None, True
        return
    while waiting:
        operation, node, _ = waiting.pop(0)._keras_history
        if isinstance(operation, keras.Model):
            inside = list(_backwards(operation, to_weights=to_weights))
            yield from inside
            ended = not any(isinstance(found, keras.layers.InputLayer) for found, _ in inside)
        else:
            has_weights = bool(getattr(operation, "weights", None))  # keras.ops have none
            ended = has_weights if to_weights else not _passes(operation)
            yield operation, ended
        if not ended:
            waiting += operation._inbound_nodes[node].input_tensors


def _passes(operation: Any) -> bool:
    if type(operation).__name__ in _PASSING:
        return True
    is_activation = isinstance(operation, keras.layers.Activation)
    return is_activation and _activation(operation) == "linear"


def _activation(operation: Any) -> str:
    kind = type(operation).__name__
    if kind in ("Softmax", "Sigmoid", "LogSoftmax"):  # layers and keras.ops have these names
        axis = getattr(operation, "axis", -1)
        return kind.lower() if axis in (-1, 1) else "unknown"
    function = getattr(operation, "activation", None)
    if function is None:
        return "linear" if getattr(operation, "weights", None) else "unknown"
    return str(getattr(function, "__name__", "unknown"))


def _single_shape(model: Any, which: str) -> tuple[int | None, ...]:
    try:
        tensors = list(getattr(model, f"{which}s"))
    except (AttributeError, ValueError, TypeError):
        raise InvalidArgumentError(
            f"the model {model.name!r} does not say what it takes: use a Functional or "
            "Sequential model that begins with keras.Input((height, width, channels))."
        ) from None
    if len(tensors) != 1:
        raise InvalidArgumentError(
            f"the model {model.name!r} has {len(tensors)} {which}s: use a model with one "
            "image as input and one row of class scores as output."
        )
    return tuple(tensors[0].shape[1:])


def _agree(wanted: Sequence[int | None], given: Sequence[int | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(wanted, given, strict=True))


def _times(size: Sequence[int | None]) -> str:
    return " x ".join("any" if length is None else str(length) for length in size)
