"""What the explanations need to know about Keras models: graphs, their nodes, their heads.

The few places that lean on Keras' unpublished attributes (`_functional`, `_nodes_by_depth`,
`_flatten_layers`) are all in this file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError

# They hand on what they receive when nothing is trained, so a head may lie before them.
_IDENTITIES = ("ActivityRegularization", "Dropout", "GaussianNoise", "Identity")


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


@dataclass(frozen=True, eq=False)
class Head:
    """The operation that turns scores into the model's output.

    Attributes:
        operation: The operation, or None when the output itself holds the scores.
        activation: "softmax", "sigmoid" or "linear".
        whole: The operation is nothing but the activation (a layer of its own).
    """

    operation: Any | None
    activation: str
    whole: bool = False


def find_head(model: Any, output: int = 0) -> Head:
    """Find the last activation before one of a model's outputs, also inside a nested model."""
    graph = graph_of(model)
    if graph is None:
        return Head(None, "linear")
    tensor = graph.outputs[output]
    while True:
        operation, node_index, tensor_index = tensor._keras_history
        if graph_of(operation) is not None:
            return find_head(operation, tensor_index)
        name, whole = activation_of(operation)
        if name in ("softmax", "sigmoid"):
            return Head(operation, name, whole)
        node = operation._inbound_nodes[node_index]
        passes = type(operation).__name__ in _IDENTITIES or (whole and name == "linear")
        if node.is_input or not passes or not isinstance(operation, keras.Layer):
            return Head(None, "linear")
        tensor = node.input_tensors[0]


def activation_of(operation: Any) -> tuple[str, bool]:
    """Return the name of an operation's activation and whether it is all the operation does."""
    kind = type(operation).__name__
    if kind in ("Softmax", "Sigmoid"):  # a layer, or keras.ops.softmax called on the graph
        return kind.lower(), True
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.Layer):
        return type(activation).__name__.lower(), False
    return getattr(activation, "__name__", ""), isinstance(operation, keras.layers.Activation)


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
    """Raise unless the model is built and has one input.

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


def find_output(model: Any, output: Any | None) -> int:
    """Return the number of the output that is meant, counted in the order of `model.outputs`.

    Args:
        model: A model that `check_model` accepts.
        output: A number, a name, or None for the only output.

    Raises:
        InvalidArgumentError: There is no such output, or there are several and none is named.
    """
    graph = graph_of(model)
    if graph is None:  # how many there are is known once it has run
        if output is None or (isinstance(output, int) and output >= 0):
            return output or 0
        raise InvalidArgumentError(
            f"output must be a number from 0: the outputs of model {model.name!r}, which is "
            f"subclassed, have no names; received {output!r}."
        )
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
    if isinstance(output, int) and not isinstance(output, bool) and 0 <= output < count:
        return output
    raise InvalidArgumentError(f"model {model.name!r} has no output {output!r}; it has {listing}.")
