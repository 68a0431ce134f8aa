"""What turns scores into a model's output: its head, read from the layers, never from values."""

from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.unpublished import declared_graph, graph_of
from keras_cxr.keras_graph.walk import (
    AVERAGING,
    PASS_THROUGH,
    Trail,
    calls_before,
    has_any_weights,
)

HEADS = ("softmax", "sigmoid", "log_softmax")
HEAD_ADVICE = (
    'End the model with Dense(num_classes, activation="softmax"), or without an activation '
    "(classifier_activation=None), in a Functional or Sequential model."
)


def activation_of(operation: Any) -> tuple[str, bool]:
    """Return the name of an operation's activation and whether it is all the operation does.

    The name is "linear" for a layer with weights and no activation, "" for what has neither, and
    "unknown" for a softmax along an axis that is not the classes', or a callable without a name.
    """
    kind = type(operation).__name__.lower()
    names = {name.replace("_", ""): name for name in dir(keras.activations) if name != "linear"}
    if kind in names and not has_any_weights(
        operation
    ):  # a layer, or keras.ops.softmax called on the graph
        along_classes = getattr(operation, "axis", -1) in (-1, 1)
        return names[kind] if along_classes else "unknown", True
    activation = getattr(operation, "activation", None)
    if isinstance(operation, keras.Model):  # one of its author's own code
        return "", False
    if activation is None:
        return "linear" if has_any_weights(operation) else "", False
    if isinstance(activation, keras.Layer):
        return activation_of(activation)[0], False
    name = str(getattr(activation, "__name__", "unknown"))
    return name, isinstance(operation, keras.layers.Activation)


def _is_passed(operation: Any) -> bool:
    """Whether an operation hands on the numbers that it receives."""
    return type(operation).__name__ in PASS_THROUGH or activation_of(operation) == ("linear", True)


@dataclass(frozen=True, eq=False)
class Head:
    """The operation that turns scores into the model's output.

    Attributes:
        operation: the operation, or None when the output itself holds the scores.
        activation: one of `HEADS`, or "linear".
        whole: the operation is nothing but the activation (a layer of its own).
        trail: the nodes from the outermost graph inwards to this call of the operation: the same
            layer may do something else elsewhere.
    """

    operation: Any | None
    activation: str
    whole: bool = False
    trail: Trail = ()


def find_head(model: Any, output: int = 0) -> Head:
    """Return the last activation before one of a model's outputs, also inside a nested model.

    Raises:
        InvalidArgumentError: It is one that scores of classes cannot be read through.
    """
    graph = graph_of(model)
    outputs = [] if graph is None else [graph.outputs[output]]
    for call, ended in calls_before(outputs, lambda operation: not _is_passed(operation)):
        if ended:
            name, whole = activation_of(call.operation)
            if name in HEADS:
                return Head(call.operation, name, whole, call.trail)
            if whole or _ends_in_activation(call.operation):
                check_activation(model, name)
    return Head(None, "linear")


def check_activation(model: Any, name: str) -> None:
    """Raise unless what comes before an activation of this name, if any, are scores of classes.

    Raises:
        InvalidArgumentError: They are not, as before a tanh.
    """
    if name not in ("", "linear", *HEADS):
        raise InvalidArgumentError(
            f"model {model.name!r} ends in the activation {name!r}, whose values are neither "
            "scores nor probabilities of classes: let its last layer have the activation softmax, "
            "sigmoid or none."
        )


def _ends_in_activation(operation: Any) -> bool:
    """Whether an operation with an `activation` is known to return what that returns."""
    dense = keras.layers.Dense, keras.layers.EinsumDense
    return isinstance(operation, dense) or hasattr(operation, "kernel_size")


def without_activation(layer: Any) -> Any:
    """Return a layer that shares the given layer's weights and settings, its activation linear.

    Neither `copy.copy` (Keras serializes: new weights) nor the constructor (new names and
    seeds) leaves the user's layer and the global state as they are.
    """
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__["activation"] = keras.activations.linear
    twin.__dict__.pop("call", None)  # a wrapper, which would call the layer itself
    return twin


def head_activation(model: keras.Model) -> str:
    """Return the name of the function that makes the outputs, such as "softmax" or "linear".

    It is read from the layers, also through nested models. "unknown" where the model is no graph
    of layers, or branches with different heads meet.
    """
    found = [
        (call.operation, ended)
        for call, ended in calls_before(
            _outputs(model), lambda operation: not _keeps_kind(operation), enter=declared_graph
        )
    ]
    names = {activation_of(operation)[0] or "unknown" for operation, ended in found if ended}
    is_rescaled = any(isinstance(operation, keras.layers.Rescaling) for operation, _ in found)
    if len(names) != 1 or (is_rescaled and names != {"linear"}):
        return "unknown"
    return names.pop()


def _keeps_kind(operation: Any) -> bool:
    """Whether logits stay logits, and, but after a Rescaling, probabilities probabilities."""
    averages = type(operation).__name__ in AVERAGING
    return averages or isinstance(operation, keras.layers.Rescaling) or _is_passed(operation)


def outputs_probabilities(model: keras.Model) -> bool:
    """Return True for a model of softmax probabilities, False for one of logits.

    Raises:
        InvalidArgumentError: the head is neither, for example a sigmoid: its scores treat
            each class on its own and do not add up to 1. Or it has one unit, which tells
            nothing apart.
    """
    activation = head_activation(model)
    if activation not in ("softmax", "linear"):
        raise InvalidArgumentError(
            f"the model {model.name!r} must return softmax probabilities or logits of classes "
            f"that exclude each other; its head is {activation!r}. {HEAD_ADVICE}"
        )
    if tuple(getattr(model.outputs[0], "shape", ()))[1:] == (1,):
        raise InvalidArgumentError(
            f"the model {model.name!r} must return a score for each of two classes or more; its "
            f"head has one unit, whose softmax is always 1. {HEAD_ADVICE}"
        )
    return activation == "softmax"


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers from the output back to the last one with weights, that one included."""
    found = calls_before(_outputs(model), has_any_weights, enter=declared_graph)
    layers = [call.operation for call, _ in found if isinstance(call.operation, keras.layers.Layer)]
    return list(dict.fromkeys(layers))


def _outputs(model: Any) -> list[Any]:
    graph = declared_graph(model)
    return [] if graph is None else list(graph.outputs)
