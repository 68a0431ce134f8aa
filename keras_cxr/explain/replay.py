"""Run a model again, operation by operation, and stop before its final softmax.

`keras.Model(inputs, [inner_layer.output, output])` fails for a layer inside a nested model and
adds nodes to the user's layers. Calling the operations of the graph one after the other on
tensors does neither: the layer's output is met on the way, the head runs without activation.
"""

import contextlib
import inspect
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.graphs import Head, find_head, graph_of, without_activation
from keras_cxr.explain.layers import Site

# Held while a layer's `call` is wrapped, so that two threads do not wrap each other's wrapper.
_WRAPPING = threading.RLock()


class Replay:
    """A model as a function from images to scores and one layer's output.

    It runs on tensors of any Keras backend, for inference, and changes nothing in the model.
    Only for a layer hidden in an author's own `call` is that layer's `call` wrapped for the
    time of the run.
    """

    def __init__(self, model: Any, site: Site, call: int = 0) -> None:
        """Choose the layer and, of its calls in one run, the one whose output is met."""
        self.model = model
        self.site = site
        self.call = call
        self.head: Head = find_head(model)
        graph = graph_of(model)
        self.fixed_batch: int | None = None if graph is None else graph.inputs[0].shape[0]

    def __call__(self, images: Any, watch: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the scores before the softmax and the layer's output.

        Args:
            images: (batch, height, width, channels) tensor, in the model's own data format.
            watch: Receives the layer's output as soon as it is known and returns what the
                rest of the model goes on with: the place where a backend starts its tape.
        """
        seen: list[Any] = []
        calls = itertools.count()

        def meet(output: Any) -> Any:
            if next(calls) == self.call:
                output = watch(output)
                seen.append(output)
            return output

        with _wrapped_call(self._hidden(), meet):
            output = self._run(self.model, (images,), {}, meet)
        if not seen:
            raise InvalidArgumentError(self._not_met(next(calls)))
        if self.head.operation is None:  # an activation in hidden code may have left its input
            output = getattr(output, "_keras_logits", output)
        return output, seen[0]

    def count_calls(self, images: Any) -> int:
        """How often the layer is called in one run."""
        calls = itertools.count()

        def meet(output: Any) -> Any:
            next(calls)
            return output

        with _wrapped_call(self._hidden(), meet):
            self._run(self.model, (images,), {}, meet)
        return next(calls)

    def _hidden(self) -> Any | None:
        return self.site.operation if self.site.hidden else None

    def _not_met(self, count: int) -> str:
        layer, model = f"layer {self.site.path!r}", f"by model {self.model.name!r}"
        if count == 0:
            return (
                f"{layer} is not called {model} on the way from the images to its output; choose "
                "another layer."
            )
        return f"{layer} is called {count} times {model}: call_index is in [-{count}, {count - 1}]."

    def _run(self, operation: Any, args: Any, kwargs: dict[str, Any], meet: Any) -> Any:
        graph = graph_of(operation)
        if graph is not None:
            output = self._run_graph(operation, graph, args[0], meet)
        elif operation is self.head.operation and self.head.whole:
            output = args[0]
        else:
            if "training" in inspect.signature(operation.call).parameters:
                kwargs = {**kwargs, "training": False}
            if operation is self.head.operation:
                operation = without_activation(operation)
            output = operation(*args, **kwargs)
        is_met = operation is self.site.operation and not self.site.hidden
        return meet(output) if is_met else output

    def _run_graph(self, model: Any, graph: Any, inputs: Any, meet: Any) -> Any:
        if model._convert_input_args:  # as its __call__ would; a Functional converts by itself
            inputs = model.dtype_policy.convert_input(inputs, model.autocast, model.input_dtype)

        def run_operation(operation: Any) -> Callable[..., Any]:
            return lambda *args, **kwargs: self._run(operation, args, kwargs, meet)

        outputs = graph._run_through_graph(graph._standardize_inputs(inputs), run_operation)
        single = isinstance(outputs, list | tuple) and len(outputs) == 1
        return outputs[0] if single else outputs


@contextlib.contextmanager
def _wrapped_call(layer: Any | None, meet: Callable[[Any], Any]) -> Iterator[None]:
    if layer is None:
        yield
        return
    with _WRAPPING:
        attributes = layer.__dict__  # past Keras' __setattr__, which would track the wrapper
        previous = attributes.get("call")
        original = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            return meet(original(*args, **kwargs))

        attributes["call"] = call
        try:
            yield
        finally:
            if previous is None:
                del attributes["call"]
            else:
                attributes["call"] = previous
