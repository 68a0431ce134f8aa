"""A classifier in two parts: the backbone that makes features, the head that decides by them."""

import random
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.unpublished import all_layers, graph_of, is_of_keras
from keras_cxr.keras_graph.walk import Call, calls_before, has_any_weights

# Layers with weights that may stand between dense ones.
_BETWEEN = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.PReLU,
    keras.layers.RMSNormalization,
)


@dataclass(frozen=True, eq=False)
class TwoParts:
    """A classifier taken apart, which itself stays as it is.

    Attributes:
        backbone: from the model's input to its features; it shares the model's layers.
        head: from features to the model's output; its layers are copies.
        pairs: each of the model's head layers with its copy.
    """

    backbone: keras.Model
    head: keras.Model
    pairs: tuple[tuple[Any, Any], ...]

    @property
    def layer_names(self) -> list[str]:
        """Names of the head's layers that have weights, as they are called in the model."""
        return [own.name for own, _ in self.pairs if has_any_weights(own)]

    def take(self) -> None:
        """Give the copies the weights of the model's layers, and the seeds of their dropout."""
        for own, copy in self.pairs:
            _assign(copy, own)

    def hand_back(self) -> None:
        """Give the model's layers the weights of the copies, and their seeds."""
        for own, copy in self.pairs:
            _assign(own, copy)


def split_classifier(model: keras.Model) -> TwoParts:
    """Return a classifier's backbone and a copy of its head, nested models looked into.

    The head begins with the first dense layer behind the last convolution (or whatever else has
    weights), or with a dropout before it: what draws at random must draw anew in each step. What
    pools or flattens maps before that is the backbone's. Normalizations between dense layers are
    the head's, those of maps the backbone's.

    Args:
        model: a Functional or Sequential model with one output.

    Raises:
        InvalidArgumentError: (a ValueError) it ends otherwise, or nothing in its head is trained.

    Examples:
        >>> import keras_cxr
        >>> parts = split_classifier(keras_cxr.build_lenet5((32, 32, 1), 4))
        >>> parts.backbone.output_shape, parts.layer_names[-1]
        ((None, 400), 'predictions')
    """
    tail, before = _tail_of(model)
    if before is None or not any(isinstance(call.operation, keras.layers.Dense) for call in tail):
        raise _no_head(model)
    backbone = _model_up_to(model, before)
    if not any(len(weight.shape) > 1 for weight in backbone.weights):
        raise _no_head(model)
    head, pairs = _copied(tail, backbone.outputs[0])
    if not head.trainable_weights:
        raise InvalidArgumentError(
            f"the model {model.name!r} cannot be trained in two stages: its dense layers are not "
            "trainable. Set their trainable to True, or take a recipe of one stage."
        )
    return TwoParts(backbone, head, pairs)


def untrained_normalizations(model: keras.Model) -> list[str]:
    """Return the names of the batch normalizations whose statistics are still those of a new one.

    At inference they hand on what they receive; in training they do not.
    """
    found = [
        layer
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built
    ]
    return [
        layer.name
        for layer in found
        if not np.any(keras.ops.convert_to_numpy(layer.moving_mean))
        and np.all(keras.ops.convert_to_numpy(layer.moving_variance) == 1)
    ]


def _tail_of(model: keras.Model) -> tuple[list[Call], Call | None]:
    """Return the head's calls from the output backwards, and the call before them."""
    graph = graph_of(model)
    tail: list[Call] = []
    before = None
    for call, _ in calls_before([] if graph is None else graph.outputs, ends=lambda _: False):
        if not _may_belong_to_head(call):
            before = call
            break
        tail.append(call)
    while tail and not _may_begin_head(tail[-1].operation):
        before = tail.pop()
    return tail, before


def _may_belong_to_head(call: Call) -> bool:
    node, operation = call.node, call.operation
    if node.is_input or len(node.input_tensors) != 1 or len(node.outputs) != 1:
        return False
    if isinstance(operation, keras.layers.Lambda) or not is_of_keras(operation):
        return False
    if has_any_weights(operation):
        is_flat = len(node.input_tensors[0].shape) == 2
        return is_flat and isinstance(operation, (keras.layers.Dense, *_BETWEEN))
    return True


def _may_begin_head(operation: Any) -> bool:
    draws = getattr(operation, "seed_generator", None) is not None
    return draws or has_any_weights(operation)


def _model_up_to(model: keras.Model, last: Call) -> keras.Model:
    """Return a model of the same input and layers that ends with a call."""
    features = last.node.outputs[0]
    for node in reversed(last.trail[:-1]):  # out of the nested models that it lies in
        inner = keras.Model(_single(node.operation.inputs), features)
        features = inner(_single(node.input_tensors))
    return keras.Model(_single(model.inputs), features, name=f"{model.name}_backbone")


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _copied(tail: list[Call], features: Any) -> tuple[keras.Model, tuple[tuple[Any, Any], ...]]:
    """Return a model of the copied calls, and the copied layers with their copies.

    Python's random state, from which Keras draws the seeds of new layers, stays as it was.
    """
    pairs: dict[int, tuple[Any, Any]] = {}
    state = random.getstate()
    try:
        x = inputs = keras.Input(features.shape[1:])
        for call in reversed(tail):
            own = call.operation
            if id(own) not in pairs:
                pairs[id(own)] = own, type(own).from_config(own.get_config())
            args, kwargs = _with_tensor(call.node.arguments, x)
            x = pairs[id(own)][1](*args, **kwargs)
        return keras.Model(inputs, x, name="head"), tuple(pairs.values())
    finally:
        random.setstate(state)


def _with_tensor(arguments: Any, tensor: Any) -> tuple[Any, Any]:
    """Return a call's arguments with another tensor in the place of the one that it was given."""

    def replaced(value: Any) -> Any:
        return tensor if isinstance(value, keras.KerasTensor) else value

    return keras.tree.map_structure(replaced, (arguments.args, arguments.kwargs))


def _assign(to: Any, source: Any) -> None:
    for variable, other in zip(
        getattr(to, "variables", ()), getattr(source, "variables", ()), strict=True
    ):
        variable.assign(other)


def _no_head(model: keras.Model) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the model {model.name!r} cannot be trained in two stages: it does not end in a chain of "
        "dense layers behind convolutions or other layers of a backbone. Take a recipe of one "
        "stage, or end the model with GlobalAveragePooling2D (or Flatten) and Dense layers."
    )
