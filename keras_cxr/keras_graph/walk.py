"""What the explanations need to know about Keras models: graphs, their nodes, their heads.

The few places that lean on Keras' unpublished attributes (`_functional`, `_nodes_by_depth`,
`_flatten_layers`) are all in this file.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_cxr.errors import InvalidArgumentError

# They hand on the numbers that they receive when nothing is trained: a head may lie before them.
_IDENTITIES = (
    "ActivityRegularization", "Cast", "Dropout", "ExpandDims", "Flatten", "GaussianNoise",
    "Identity", "Reshape", "Squeeze",
)  # fmt: skip
HEADS = ("softmax", "sigmoid", "log_softmax")


def graph_of(operation: Any) -> Any | None:
    """Return the graph inside a Functional or Sequential model, None for anything else.

    A model that overrides `call` has no graph to go by: what it computes is in its code.
    """
    from keras.src.models.functional import Functional

    if isinstance(operation, keras.Sequential):
        unchanged = type(operation).call is keras.Sequential.call
        return operation._functional if unchanged else None
    if isinstance(operation, Functional) and type(operation).call is Functional.call:
        return operation
    return None


def nodes_of(graph: Any) -> Iterator[Any]:
    """Yield the graph's nodes (calls of operations) from the input to the output."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.operation is not None and not node.is_input:
                yield node


def inner_layers(operation: Any) -> list[Any]:
    """Return the layers that a layer or model without a graph holds directly.

    Of Keras' own layers none: the four-dimensional parts of an attention layer are no maps.
    """
    if not isinstance(operation, keras.Layer) or type(operation).__module__.startswith("keras.src"):
        return []
    return list(operation._flatten_layers(recursive=False, include_self=False))


@contextlib.contextmanager
def kept_losses(model: Any) -> Iterator[None]:
    """Keep what `add_loss` left in the model's layers, which a call clears."""
    layers = list(model._flatten_layers())
    kept = [(list(layer._losses), set(layer._loss_ids)) for layer in layers]
    try:
        yield
    finally:
        for layer, (losses, ids) in zip(layers, kept, strict=True):
            layer._losses.clear()
            layer._losses.extend(losses)
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)


@dataclass(frozen=True, eq=False)
class Head:
    """The operation that turns scores into the model's output.

    Attributes:
        operation: The operation, or None when the output itself holds the scores.
        activation: One of `HEADS`, or "linear".
        whole: The operation is nothing but the activation (a layer of its own).
        trail: The nodes from the outermost graph inwards to this call of the operation: the same
            layer may do something else elsewhere.
    """

    operation: Any | None
    activation: str
    whole: bool = False
    trail: tuple[Any, ...] = ()


def find_head(model: Any, output: int = 0, trail: tuple[Any, ...] = ()) -> Head:
    """Find the last activation before one of a model's outputs, also inside a nested model.

    Raises:
        InvalidArgumentError: It is one that scores of classes cannot be read through.
    """
    graph = graph_of(model)
    if graph is None:
        return Head(None, "linear")
    tensor = graph.outputs[output]
    while True:
        operation, node_index, tensor_index = tensor._keras_history
        node = operation._inbound_nodes[node_index]
        if graph_of(operation) is not None:
            return find_head(operation, tensor_index, (*trail, node))
        name, whole = activation_of(operation)
        if name in HEADS:
            return Head(operation, name, whole, (*trail, node))
        passes = type(operation).__name__ in _IDENTITIES or (whole and name == "linear")
        if node.is_input or not passes:
            if whole or _ends_in_activation(operation):
                check_activation(model, name)
            return Head(None, "linear")
        tensor = node.input_tensors[0]


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


def activation_of(operation: Any) -> tuple[str, bool]:
    """Return the name of an operation's activation and whether it is all the operation does."""
    kind = type(operation).__name__.lower()
    names = {name.replace("_", ""): name for name in dir(keras.activations) if name != "linear"}
    if kind in names and not getattr(operation, "weights", None):
        return names[kind], True  # a layer, or keras.ops.softmax called on the graph
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.Layer):
        return type(activation).__name__.lower(), False
    return getattr(activation, "__name__", ""), isinstance(operation, keras.layers.Activation)


def _ends_in_activation(operation: Any) -> bool:
    """Whether an operation with an `activation` is known to return what that returns."""
    dense = keras.layers.Dense, keras.layers.EinsumDense
    return isinstance(operation, dense) or hasattr(operation, "kernel_size")


def has_own_code(model: Any) -> bool:
    """Whether a part of the model is not Keras' own, and may do anything when it is called."""
    return any(
        isinstance(layer, keras.layers.Lambda) or not type(layer).__module__.startswith("keras.src")
        for layer in model._flatten_layers()
    )


def without_activation(layer: Any) -> Any:
    """Return a layer that shares the given layer's weights and settings, its activation linear.

    Neither `copy.copy` (Keras serializes: new weights) nor the constructor (new names and
    seeds) leaves the user's layer and the global state as they are.
    """
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__["activation"] = keras.activations.linear
    return twin


def check_model(model: Any) -> None:
    """Raise unless the model is built and has one input, of images.

    Raises:
        InvalidArgumentError: It is not, or it is no Keras model at all.
    """
    if not isinstance(model, keras.Model):
        raise InvalidArgumentError(f"model must be a keras.Model; received {type(model).__name__}.")
    if not model.built:
        raise InvalidArgumentError(
            f"model {model.name!r} is not built yet: call it once on images, or give it a "
            "keras.Input, before it is explained."
        )
    graph = graph_of(model)
    if graph is not None and len(graph.inputs) != 1:
        raise InvalidArgumentError(
            f"model {model.name!r} has {len(graph.inputs)} inputs; a model with one, the images, "
            "can be explained. Wrap it in a model that holds the others fixed: see the page "
            "Troubleshooting."
        )
    shape = (None,) * 4 if graph is None else tuple(graph.inputs[0].shape)
    if len(shape) != 4:
        raise InvalidArgumentError(
            f"model {model.name!r} takes input of shape {shape}; what explains images needs a "
            "model of (batch, height, width, channels)."
        )


def find_output(model: Any, output: Any | None) -> int | str | None:
    """Return the number of the output that is meant, counted in the order of `model.outputs`.

    Of a subclassed model, whose outputs are known once it has run, what was given is returned.

    Args:
        model: A model that `check_model` accepts.
        output: A number, a name, or None for the only output.

    Raises:
        InvalidArgumentError: There is no such output, or there are several and none is named.
    """
    if isinstance(output, bool) or not isinstance(output, int | np.integer | str | None):
        raise InvalidArgumentError(
            f"output must be the name or number of an output of model {model.name!r}; received "
            f"{output!r}."
        )
    output = int(output) if isinstance(output, np.integer) else output
    graph = graph_of(model)
    if graph is None:
        return output
    names, count = list(graph.output_names), len(graph.outputs)
    listing = ", ".join(f"{number} ({name!r})" for number, name in enumerate(names))
    if output is None:
        if count > 1:
            raise InvalidArgumentError(
                f"model {model.name!r} has {count} outputs; choose one: output= {listing}."
            )
        return 0
    if isinstance(output, str) and names.count(output) == 1:
        return names.index(output)
    if isinstance(output, int) and 0 <= output < count:
        return output
    raise InvalidArgumentError(f"model {model.name!r} has no output {output!r}; it has {listing}.")
