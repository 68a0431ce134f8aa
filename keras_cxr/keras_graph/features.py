"""What two pictures are compared by: the values before a model's head."""

from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.unpublished import declared_graph
from keras_cxr.keras_graph.walk import calls_before, has_any_weights


def feature_model(model: keras.Model) -> keras.Model:
    """Return a model of the same images and layers that ends before the head.

    The head is what follows the input of the last layer with weights; in a network of the zoo
    that is the last Dense layer, so that the features are what it decides by (the "penultimate"
    layer). Nested models are looked into. Maps are averaged over their pixels; where branches
    with heads of their own meet, their features stand side by side. No weight is copied and the
    model is not changed.

    Args:
        model: a Functional or Sequential model with one input.

    Returns:
        A model from the same input to `(batch, features)`.

    Raises:
        InvalidArgumentError: (a ValueError) the model is no graph of layers, or nothing in it
            has weights.

    Examples:
        >>> import keras_cxr
        >>> feature_model(keras_cxr.build_lenet5((32, 32, 1), 4)).output_shape
        (None, 84)
    """
    graph = declared_graph(model)
    if graph is None:
        raise InvalidArgumentError(
            f"the model {model.name!r} does not say what its layers are: use a Functional or "
            "Sequential model that begins with keras.Input((height, width, channels))."
        )
    found = [_flat(tensor) for tensor in _before_head(graph.outputs)]
    if not found:
        raise InvalidArgumentError(
            f"the model {model.name!r} has no layer with weights: it has no features to tell "
            "pictures by."
        )
    joined = found[0] if len(found) == 1 else keras.layers.Concatenate()(found)
    return keras.Model(model.inputs, joined)


def _before_head(outputs: list[Any]) -> list[Any]:
    """Return the tensors that enter the last layers with weights, walking backwards."""
    found = []
    for call, has_weights in calls_before(outputs, ends=has_any_weights, enter=lambda model: None):
        entering = call.node.input_tensors
        if has_weights and isinstance(call.operation, keras.Model):
            arguments = entering[0] if len(entering) == 1 else entering
            found.append(feature_model(call.operation)(arguments))
        elif has_weights:
            found += entering
    return found


def _flat(tensor: Any) -> Any:
    kind = {
        3: keras.layers.GlobalAveragePooling1D,
        4: keras.layers.GlobalAveragePooling2D,
        5: keras.layers.GlobalAveragePooling3D,
    }.get(len(tensor.shape))
    return tensor if kind is None else kind()(tensor)
