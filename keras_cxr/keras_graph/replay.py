"""Run a model again, operation by operation, and stop before its final softmax.

`keras.Model(inputs, [inner_layer.output, output])` fails for a layer inside a nested model and
adds nodes to the user's layers. Calling the operations of the graph one after the other on
tensors does neither: the layer's output is met on the way, the head runs without activation.
"""

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.heads import (
    HEADS,
    Head,
    activation_of,
    check_activation,
    find_head,
    without_activation,
)
from keras_cxr.keras_graph.hidden import wrapped_call
from keras_cxr.keras_graph.layers import Site, list_sites
from keras_cxr.keras_graph.unpublished import (
    ALONE,
    before_softmax,
    graph_of,
    kept_losses,
    nodes_of,
    packed_inputs,
    run_graph,
)


class Replay:
    """A model as a function from images to scores and one layer's output.

    It runs on tensors of any Keras backend, for inference, and changes nothing in the model.
    Only for a layer hidden in an author's own `call` is that layer's `call` wrapped for the
    time of the run.
    """

    def __init__(self, model: Any, site: Site | None, output: int | str | None = 0) -> None:
        """Choose the layer, None for the images themselves, and one of the model's outputs."""
        self.model = model
        self.site = site
        self.output = output
        self.call = 0  # of a hidden layer's calls in one run, the one whose output is met
        self.head: Head = find_head(model, output if isinstance(output, int) else 0)
        graph = graph_of(model)
        self._hidden_endings = _hidden_endings(model) if self.head.operation is None else []
        self.fixed_batch: int | None = None if graph is None else graph.inputs[0].shape[0]

    def __call__(self, images: Any, watch: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the scores before the softmax and the layer's output.

        Args:
            images: (batch, height, width, channels) tensor, in the model's own data format.
            watch: receives the layer's output (the images where no layer was chosen) as soon as
                it is known and returns what the rest of the model goes on with: the place where
                a backend starts its tape.
        """
        seen: list[Any] = []
        calls = itertools.count()

        def meet(output: Any) -> Any:
            if next(calls) == self.call:
                if not keras.ops.is_tensor(output):
                    raise InvalidArgumentError(
                        f"layer {self.site and self.site.path!r} returns a {type(output).__name__} "
                        "of several values, which is no map; choose a layer that returns one."
                    )
                output = watch(output)
                seen.append(output)
            return output

        scores = self._scores(images, meet)
        if not seen:
            raise InvalidArgumentError(self._not_met(next(calls)))
        return scores, seen[0]

    def scores(self, images: Any) -> Any:
        """Return the scores alone."""
        return self._scores(images, lambda output: output)

    def count_calls(self, images: Any) -> int:
        """How often the layer is called in one run."""
        calls = itertools.count()

        def meet(output: Any) -> Any:
            next(calls)
            return output

        self._scores(images, meet)
        return next(calls)

    def _scores(self, images: Any, meet: Callable[[Any], Any]) -> Any:
        endings: list[tuple[Any, Any, str]] = []
        with self._wrapped(meet, endings), kept_losses(self.model):
            if self.site is None:
                images = meet(images)
            output = self._run(self.model, (self.packed(images),), {}, meet, ())
        scores = chosen_output(self.model, output, self.output)
        if self.head.operation is not None:
            return scores
        return _before_activation(self.model, scores, endings)

    @contextlib.contextmanager
    def _wrapped(self, meet: Callable[[Any], Any], endings: list[Any]) -> Iterator[None]:
        """Wrap the layers in an author's own code: the one to meet, and those that may end it.

        Other threads wait only where there is such a layer.
        """
        site_is_hidden = self.site is not None and self.site.hidden
        if not (self._hidden_endings or site_is_hidden):
            yield
            return
        with ALONE, contextlib.ExitStack() as stack:
            for layer in self._hidden_endings:
                stack.enter_context(wrapped_call(layer, _noting(layer, endings)))
            if self.site is not None and site_is_hidden:
                original = self.site.operation.call
                stack.enter_context(
                    wrapped_call(self.site.operation, lambda *a, **k: meet(original(*a, **k)))
                )
            yield

    def _not_met(self, count: int) -> str:
        path = "input" if self.site is None else self.site.path
        layer, model = f"layer {path!r}", f"by model {self.model.name!r}"
        if count == 0:
            return (
                f"{layer} is not called {model} on the way from the images to its output; choose "
                "another layer."
            )
        return f"{layer} is called {count} times {model}: call_index is in [-{count}, {count - 1}]."

    def packed(self, images: Any) -> Any:
        """Return the images in the structure of the model's input, such as a dictionary."""
        return packed_inputs(graph_of(self.model), images)

    def _run(
        self, operation: Any, args: Any, kwargs: dict[str, Any], meet: Any, trail: tuple[Any, ...]
    ) -> Any:
        site, is_head = self.site, bool(trail) and trail == self.head.trail
        is_met = site is not None and not site.hidden and bool(trail) and trail == site.trail
        graph = graph_of(operation)
        if graph is not None:
            inputs = args[0] if args else kwargs["inputs"]
            output = self._run_graph(operation, graph, inputs, meet, trail)
        elif is_head and self.head.whole:
            output = args[0]
        else:
            kwargs = {**kwargs, **at_inference(operation, outermost=not trail)}
            if is_head:
                operation = without_activation(operation)
            output = operation(*args, **kwargs)
        return meet(output) if is_met else output

    def _run_graph(
        self, model: Any, graph: Any, inputs: Any, meet: Any, trail: tuple[Any, ...]
    ) -> Any:
        nodes = nodes_of(graph)  # in the order in which Keras runs them

        def run_operation(operation: Any) -> Callable[..., Any]:
            node = next(node for node in nodes if node.operation is operation)
            return lambda *args, **kwargs: self._run(operation, args, kwargs, meet, (*trail, node))

        return run_graph(model, graph, inputs, run_operation)


def at_inference(operation: Any, *, outermost: bool) -> dict[str, bool]:
    """Return the argument `training` as `predict` passes it.

    To a model whose `call` has none it passes nothing; to the layers of a graph always, since
    those hand it on to the layers inside.
    """
    takes = "training" in inspect.signature(operation.call).parameters
    passed = takes if outermost else isinstance(operation, keras.Layer)
    return {"training": False} if passed else {}


def chosen_output(model: Any, output: Any, which: int | str | None) -> Any:
    """Return one of a model's outputs, however they are packed.

    Raises:
        InvalidArgumentError: A subclassed model has no such output, or several and none is named.
    """
    if isinstance(which, str) and isinstance(output, dict) and which in output:
        return output[which]
    outputs = keras.tree.flatten(output)
    names = sorted(output) if isinstance(output, dict) else list(range(len(outputs)))
    if which is None and len(outputs) == 1:
        return outputs[0]
    if which is None:
        raise InvalidArgumentError(
            f"model {model.name!r} has {len(outputs)} outputs; choose one: output= one of {names}."
        )
    if isinstance(which, str) or not 0 <= which < len(outputs):
        raise InvalidArgumentError(
            f"model {model.name!r} has no output {which!r}; it returns {len(outputs)}: {names}."
        )
    return outputs[which]


def _hidden_endings(model: Any) -> list[Any]:
    """Layers in an author's own code that may turn the scores into the model's output."""
    found = {id(site.operation): site.operation for site in list_sites(model) if site.hidden}
    dense = keras.layers.Dense, keras.layers.EinsumDense
    return [
        layer
        for layer in found.values()
        for name, whole in [activation_of(layer)]
        if name not in ("", "linear") and (whole or isinstance(layer, dense))
    ]


def _noting(layer: Any, endings: list[tuple[Any, Any, str]]) -> Callable[..., Any]:
    """Return the layer's `call`, noting what it returns and the same before the activation."""
    original = layer.call
    name, whole = activation_of(layer)
    twin = without_activation(layer)

    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if whole or name not in HEADS:
            scores, output = inputs, original(inputs, *args, **kwargs)
        else:
            scores = twin.call(inputs, *args, **kwargs)
            output = layer.activation(scores)
        endings.append((output, scores, name))
        return output

    return call


def _before_activation(model: Any, output: Any, endings: list[tuple[Any, Any, str]]) -> Any:
    for after, before, name in endings:
        if after is output:
            check_activation(model, name)
            return before
    return before_softmax(output)
