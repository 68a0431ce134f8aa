"""What an author's own `call` does: which layers it calls, in which order, with which results.

A subclassed model or layer says so in its code alone. It is run once on tensors without values,
with each inner layer's `call` wrapped for the time of the run.
"""

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_cxr.keras_graph.unpublished import ALONE, graph_of, inner_layers, kept_losses, nodes_of

_SIDE = 64  # pixels, where the model takes images of any size: enough for what is in use

Shape = tuple[int | None, ...]


@contextlib.contextmanager
def wrapped_call(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    """Put `call` in the place of the layer's own for the time of the block; hold `ALONE` meanwhile.

    In this thread alone: others, which may be using the model, meet the layer's own.
    """
    attributes = layer.__dict__  # past Keras' __setattr__, which would track the wrapper
    previous, original, owner = attributes.get("call"), layer.call, threading.get_ident()

    @functools.wraps(original)
    def own_or_wrapped(*args: Any, **kwargs: Any) -> Any:
        function = call if threading.get_ident() == owner else original
        return function(*args, **kwargs)

    attributes["call"] = own_or_wrapped
    try:
        yield
    finally:
        if previous is None:
            del attributes["call"]
        else:
            attributes["call"] = previous


def hidden_calls(
    operation: Any, prefix: str, node: Any | None = None
) -> list[tuple[str, Any, Shape | None]]:
    """Return path, layer and output shape of each call inside, in the order of the calls.

    Layers that were not called come first, without a shape; all are without where the code
    cannot be run without values.

    Args:
        operation: a layer or model without a graph.
        prefix: path of the operation with a slash, or empty for the outermost model.
        node: its call in the graph around it, None for the outermost model.
    """
    inner = {id(layer): (path, layer) for path, layer in _inside(operation, prefix)}
    if not inner:
        return []
    called = (
        [] if (inputs := _inputs(operation, node)) is None else _trace(operation, inner, inputs)
    )
    met = {id(layer) for _, layer, _ in called}
    return [(path, layer, None) for key, (path, layer) in inner.items() if key not in met] + called


def _inside(operation: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    graph = graph_of(operation)
    inner = inner_layers(operation) if graph is None else [n.operation for n in nodes_of(graph)]
    for layer in inner:
        yield prefix + layer.name, layer
        yield from _inside(layer, f"{prefix}{layer.name}/")


def _inputs(operation: Any, node: Any | None) -> tuple[Any, dict[str, Any]] | None:
    """Return what the operation is called with, as tensors without values; None where not known."""
    if node is not None:
        return tuple(node.arguments.args), dict(node.arguments.kwargs)
    if len(inputs := getattr(operation, "inputs", None) or []) == 1:  # a Functional of its own code
        return tuple(inputs), {}
    shape = (operation.get_build_config() or {}).get("input_shape")
    if not isinstance(shape, tuple | list) or len(shape) != 4:
        return None
    return (keras.KerasTensor(tuple(shape)),), {}


def _trace(
    operation: Any, inner: dict[int, tuple[str, Any]], inputs: tuple[Any, dict[str, Any]]
) -> list[tuple[str, Any, Shape | None]]:
    sides = [side for x in keras.tree.flatten(inputs) for side in getattr(x, "shape", ())[1:]]
    called: list[tuple[str, Any, Shape | None]] = []

    def noting(path: str, layer: Any) -> Callable[..., Any]:
        original = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            output = original(*args, **kwargs)
            called.append((path, layer, _shape(output, known=None not in sides)))
            return output

        return call

    args, kwargs = keras.tree.map_structure(_filled, inputs)
    if "training" in inspect.signature(operation.call).parameters:
        kwargs["training"] = False
    with ALONE, kept_losses(operation), keras.StatelessScope(), contextlib.ExitStack() as stack:
        for path, layer in inner.values():
            stack.enter_context(wrapped_call(layer, noting(path, layer)))
        try:
            keras.Operation.compute_output_spec(operation, *args, **kwargs)
        except Exception:  # whatever an author's code raises where it wants values
            return []
    return called


def _filled(value: Any) -> Any:
    """Return a tensor without values, its batch and its open sides given a number."""
    if not isinstance(value, keras.KerasTensor):
        return value
    shape = [side or (_SIDE if axis else 1) for axis, side in enumerate(value.shape)]
    return keras.KerasTensor(tuple(shape), dtype=value.dtype)


def _shape(output: Any, *, known: bool) -> Shape | None:
    shape = getattr(output, "shape", None)  # several outputs are no map
    if shape is None:
        return None
    return (None, *shape[1:]) if known else (None,) * len(shape)
