"""The one walk over the graph of a Keras model: forwards over its calls, backwards from tensors."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.keras_graph.unpublished import graph_of, nodes_of, origin

# These hand on the numbers that they receive when nothing is trained.
PASS_THROUGH = frozenset({
    "ActivityRegularization", "Cast", "Dropout", "ExpandDims", "Flatten", "GaussianNoise",
    "Identity", "InputLayer", "Reshape", "Squeeze",
})  # fmt: skip
# These average them: of scores they make scores, of probabilities probabilities.
AVERAGING = frozenset({
    "Average", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
})  # fmt: skip

Trail = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an operation in a model's graph.

    Attributes:
        trail: the nodes from the outermost graph inwards to this call: the same layer may do
            something else elsewhere.
    """

    trail: Trail

    @property
    def node(self) -> Any:
        """The call's own node, with `operation`, `input_tensors` and `outputs`."""
        return self.trail[-1]

    @property
    def operation(self) -> Any:
        """The layer or operation that is called."""
        return self.node.operation

    @property
    def path(self) -> str:
        """Names from the outermost model inwards, such as "vgg19/block5_conv4"."""
        return "/".join(node.operation.name for node in self.trail)


def calls(model: Any, around: Trail = ()) -> Iterator[Call]:
    """Yield every call in a model's graph from the input to the output.

    Those inside a nested graph come before the call of the nested model itself; of a model whose
    code is its author's own there are none.
    """
    graph = graph_of(model)
    for node in () if graph is None else nodes_of(graph):
        trail = (*around, node)
        yield from calls(node.operation, trail)
        yield Call(trail)


def calls_before(
    tensors: Iterable[Any],
    ends: Callable[[Any], bool],
    *,
    enter: Callable[[Any], Any | None] = graph_of,
) -> Iterator[tuple[Call, bool]]:
    """Yield the calls that tensors of a graph are made by, backwards, and which end the walk.

    Nested graphs are entered, and left where their inputs are reached; their models' own calls are
    not among those yielded.

    Args:
        tensors: where the walk begins.
        ends: whether it ends at an operation, or goes on to what that was called with.
        enter: returns the graph of a nested model, None for what is not to be entered.
    """
    waiting: deque[tuple[Any, Trail]] = deque((tensor, ()) for tensor in tensors)
    seen = set()
    while waiting:
        tensor, around = waiting.popleft()
        node, place = origin(tensor)
        trail = (*around, node)
        if (trail, place) in seen:
            continue
        seen.add((trail, place))
        graph = enter(node.operation)
        if graph is not None:
            waiting.appendleft((graph.outputs[place], trail))
        elif node.is_input and around:
            waiting += [(outside, around[:-1]) for outside in around[-1].input_tensors]
        else:
            ended = ends(node.operation)
            yield Call(trail), ended
            if not ended:
                waiting += [(entering, around) for entering in node.input_tensors]


def has_any_weights(operation: Any) -> bool:
    """Whether an operation holds weights; those of `keras.ops` hold none."""
    return bool(getattr(operation, "weights", None))


def leaf_layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield paths and layers of a model from the input on, nested models opened."""
    for layer in model.layers:
        path = prefix + layer.name
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer, f"{path}/")
        else:
            yield path, layer
