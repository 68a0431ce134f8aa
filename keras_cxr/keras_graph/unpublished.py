"""All that this package uses of Keras without Keras having published it, in this one file.

Look here first when a new Keras breaks something. ARCHITECTURE.md lists each attribute with what
it is used for; `tests/keras_graph/test_unpublished.py` tests each and finds any used elsewhere.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional

# Held while a layer's `call` is wrapped or its losses are kept: what one thread puts back must not
# be what another has put there.
ALONE = threading.RLock()

# What Keras' own callbacks remember from one epoch to the next.
CALLBACK_STATES: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    keras.callbacks.ReduceLROnPlateau: ("best", "cooldown_counter", "wait"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


def declared_graph(operation: Any) -> Any | None:
    """Return the graph that a model was built as, whether or not its `call` follows it."""
    if isinstance(operation, keras.Sequential):
        return operation._functional
    return operation if isinstance(operation, Functional) else None


def graph_of(operation: Any) -> Any | None:
    """Return the graph inside a Functional or Sequential model, None for anything else.

    A model that overrides `call` has no graph to go by: what it computes is in its code.
    """
    kind = keras.Sequential if isinstance(operation, keras.Sequential) else Functional
    return (
        declared_graph(operation) if getattr(type(operation), "call", None) is kind.call else None
    )


def nodes_of(graph: Any) -> Iterator[Any]:
    """Yield the graph's nodes (calls of operations) from the input to the output."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.operation is not None and not node.is_input:
                yield node


def origin(tensor: Any) -> tuple[Any, int]:
    """Return the node whose output a tensor of a graph is, and which of its outputs."""
    operation, node, place = tensor._keras_history
    return operation._inbound_nodes[node], place


def calls_of(layer: Any) -> list[Any]:
    """Return the nodes of every call of a layer, in whatever graph."""
    return list(layer._inbound_nodes)


def all_layers(model: Any) -> list[Any]:
    """Return the model and all layers in it, those inside layers of an author's own included."""
    return list(model._flatten_layers())


def inner_layers(operation: Any) -> list[Any]:
    """Return the layers that a layer or model without a graph holds directly.

    Of Keras' own layers none: the four-dimensional parts of an attention layer are no maps.
    """
    if not isinstance(operation, keras.Layer) or is_of_keras(operation):
        return []
    return list(operation._flatten_layers(recursive=False, include_self=False))


def is_of_keras(layer: Any) -> bool:
    """Whether a layer's class is one of Keras', whose code is known."""
    return type(layer).__module__.startswith("keras.src")


def has_own_code(model: Any) -> bool:
    """Whether a part of the model is not Keras' own, and may do anything when it is called."""
    return any(
        isinstance(layer, keras.layers.Lambda) or not is_of_keras(layer)
        for layer in all_layers(model)
    )


@contextlib.contextmanager
def kept_losses(model: Any) -> Iterator[None]:
    """Keep what `add_loss` left in the model's layers, which a call clears.

    Alone where any layer may add a loss: a thread that came in between would keep the cleared ones.
    """
    layers = all_layers(model)
    adds_losses = has_own_code(model) or any(
        layer._losses or layer.activity_regularizer is not None for layer in layers
    )
    if not adds_losses:
        yield
        return
    with ALONE:
        kept = [(list(layer._losses), set(layer._loss_ids)) for layer in layers]
        try:
            yield
        finally:
            for layer, (losses, ids) in zip(layers, kept, strict=True):
                layer._losses.clear()
                layer._losses.extend(losses)
                layer._loss_ids.clear()
                layer._loss_ids.update(ids)


def packed_inputs(graph: Any | None, images: Any) -> Any:
    """Return the images in the structure of the graph's input, such as a dictionary."""
    struct = None if graph is None else graph._inputs_struct
    return images if struct is None else keras.tree.pack_sequence_as(struct, [images])


def run_graph(
    model: Any, graph: Any, inputs: Any, run_operation: Callable[[Any], Callable[..., Any]]
) -> Any:
    """Run a model's graph as its `__call__` would, each operation as `run_operation` returns it."""
    if model._convert_input_args:  # a Functional converts by itself
        inputs = model.dtype_policy.convert_input(inputs, model.autocast, model.input_dtype)
    outputs = graph._run_through_graph(graph._standardize_inputs(inputs), run_operation)
    single = isinstance(outputs, list | tuple) and len(outputs) == 1
    return outputs[0] if single else outputs


def before_softmax(output: Any) -> Any:
    """Return the input of the `keras.activations.softmax` that made a tensor; else the tensor.

    Keras leaves it there for its losses, where a backend's tensors take attributes.
    """
    return getattr(output, "_keras_logits", output)


def build_metrics(model: keras.Model, images: Any, labels: Any) -> None:
    """Build a compiled model's metrics and losses for such a batch, without computing anything."""
    model._symbolic_build(data_batch=(images, labels))


def optimized_variables(optimizer: Any) -> list[Any] | None:
    """Return the variables that a built optimizer was made for, None where it does not say."""
    return getattr(optimizer, "_trainable_variables", None)


def close_workers(callbacks: keras.callbacks.CallbackList) -> None:
    """Let go of the threads that a list of callbacks runs in, which an error leaves open."""
    if callbacks._executor is not None:
        callbacks._executor.shutdown()
        callbacks._executor = None


def forget_compiled(model: keras.Model) -> None:
    """Have the model's steps traced again when next used, as after a change of precision."""
    model.train_function = model.test_function = model.predict_function = None


@contextlib.contextmanager
def without_optimizer(model: Any) -> Iterator[None]:
    """Take the optimizer off, which Keras would save, and expect to load, with the model."""
    optimizer, model.optimizer, model.compiled = model.optimizer, None, False
    try:
        yield
    finally:
        model.optimizer, model.compiled = optimizer, True


def sync_weights(model: keras.Model) -> None:
    """Bring a model's weights up to date, which during `fit` on JAX lie elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
