"""What Keras has not published: each attribute does its work still, and no other file uses it."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import keras_cxr
from keras_cxr.keras_graph import unpublished

PACKAGE = Path(keras_cxr.__file__).parent
FILE = "keras_cxr/keras_graph/unpublished.py"
IMAGES = np.zeros((2, 8, 8, 1), "float32")


def functional(activation="softmax"):
    images = keras.Input((8, 8, 1), name="images")
    x = layers.Flatten(name="flat")(layers.Conv2D(2, 3, name="conv")(images))
    return keras.Model(images, layers.Dense(3, activation=activation, name="scores")(x))


def sequential():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])


def compiled():
    model = functional()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


class Own(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(3)

    def call(self, inputs):
        self.add_loss(keras.ops.sum(inputs))
        return self.inner(inputs)


def same(value, expected):
    np.testing.assert_array_equal(value, expected)
    return True


def losses_are_kept(name):
    layer = Own()
    layer(IMAGES)
    before = len(layer.losses)
    assert hasattr(layer, name)
    with unpublished.kept_losses(layer), keras.StatelessScope():
        layer(IMAGES)
        cleared = not layer._losses
    return before == len(layer.losses) == 1 and cleared


def replayed(model):
    graph = unpublished.graph_of(model)
    images = keras.ops.convert_to_tensor(IMAGES.astype("uint8"))
    packed = unpublished.packed_inputs(graph, images)
    return unpublished.run_graph(model, graph, packed, lambda operation: operation)


def inputs_are_converted(name):
    """A Sequential model casts by itself what it is called with; its graph alone would not."""
    model = sequential()
    assert hasattr(model, name)
    return same(replayed(model), model(IMAGES))


def dictionaries_are_packed():
    images = keras.Input((8, 8, 1), name="images")
    model = keras.Model({"images": images}, layers.Flatten()(images))
    found = unpublished.packed_inputs(unpublished.graph_of(model), images)
    return list(found) == ["images"] and found["images"] is images


def graphs_run(name):
    model = functional()
    assert hasattr(unpublished.graph_of(model), name)
    return same(replayed(model), model(IMAGES))


def logits_are_left():
    scores = keras.ops.convert_to_tensor(np.eye(3, dtype="float32"))
    if keras.backend.backend() != "tensorflow":
        return True
    return unpublished.before_softmax(keras.activations.softmax(scores)) is scores


def metrics_are_built():
    model = compiled()
    unpublished.build_metrics(model, IMAGES, np.zeros((2, 3), "float32"))
    return "accuracy" in model.get_metrics_result()  # which raises where they are not built


def optimizers_know_their_variables():
    model = compiled()
    model.optimizer.build(model.trainable_variables)
    found = unpublished.optimized_variables(model.optimizer)
    return found is not None and [id(v) for v in found] == [
        id(v) for v in model.trainable_variables
    ]


def workers_are_closed():
    found = keras.callbacks.CallbackList([], model=functional())
    assert hasattr(found, "_executor")
    found.on_train_begin()  # opens it where a backend's steps may run in threads
    found._executor = threads = found._executor or ThreadPoolExecutor()
    unpublished.close_workers(found)
    with pytest.raises(RuntimeError, match="after shutdown"):
        threads.submit(print)
    return found._executor is None


def steps_are_forgotten(name):
    model = compiled()
    assert hasattr(model, name)
    model.fit(IMAGES, np.eye(3, dtype="float32")[:2], verbose=0)
    model.evaluate(IMAGES, np.eye(3, dtype="float32")[:2], verbose=0)
    model.predict(IMAGES, verbose=0)
    traced = getattr(model, name) is not None
    unpublished.forget_compiled(model)
    return traced and getattr(model, name) is None


def optimizer_comes_off():
    model = compiled()
    optimizer = model.optimizer
    with unpublished.without_optimizer(model):
        off = model.optimizer is None and not model.compiled
    return off and model.optimizer is optimizer and model.compiled


def callbacks_remember(kind, name):
    made = {
        "ModelCheckpoint": lambda: keras.callbacks.ModelCheckpoint("x.keras", save_freq=3),
        "SwapEMAWeights": keras.callbacks.SwapEMAWeights,
    }[kind]()
    return hasattr(made, name)


def graph_nodes():
    found = [
        node.operation.name for node in unpublished.nodes_of(unpublished.graph_of(functional()))
    ]
    return found == ["conv", "flat", "scores"]


def tensors_know_their_origin():
    conv = functional().get_layer("conv")
    node, place = unpublished.origin(conv.output)
    return node.operation is conv and place == 0


def layers_know_their_calls():
    model = functional()
    [node] = unpublished.calls_of(model.get_layer("conv"))
    return node.input_tensors[0] is model.inputs[0]


def every_layer_is_listed():
    own = Own()
    model = keras.Sequential([keras.Input((8,)), own])
    return own.inner in unpublished.all_layers(model) and unpublished.inner_layers(own) == [
        own.inner
    ]


def nodes_say(name):
    return hasattr(unpublished.calls_of(functional().get_layer("conv"))[0], name)


# Attribute: what it is used for, and a check that ends in something true.
TABLE = {
    "_functional": (
        "the graph of a Sequential model",
        lambda: unpublished.graph_of(sequential()).outputs,
    ),
    "_nodes_by_depth": ("the order of the calls in a graph", graph_nodes),
    "_keras_history": ("the call that made a tensor", tensors_know_their_origin),
    "_inbound_nodes": ("all calls of a layer", layers_know_their_calls),
    "_flatten_layers": ("the layers inside layers of an author's own", every_layer_is_listed),
    "_losses": ("to keep the losses that a call clears", lambda: losses_are_kept("_losses")),
    "_loss_ids": ("to keep the losses that a call clears", lambda: losses_are_kept("_loss_ids")),
    "_inputs_struct": ("the dictionary that a model takes", dictionaries_are_packed),
    "_convert_input_args": (
        "to cast images as a model's own call does",
        lambda: inputs_are_converted("_convert_input_args"),
    ),
    "_standardize_inputs": ("to run a graph", lambda: graphs_run("_standardize_inputs")),
    "_run_through_graph": (
        "to run a graph layer by layer",
        lambda: graphs_run("_run_through_graph"),
    ),
    "_keras_logits": ("the scores before a softmax in an author's code", logits_are_left),
    "_symbolic_build": ("to build metrics without a look at a batch", metrics_are_built),
    "_trainable_variables": (
        "to see that an optimizer is another model's",
        optimizers_know_their_variables,
    ),
    "_executor": ("to close the threads of callbacks after an error", workers_are_closed),
    "_batches_seen_since_last_saving": (
        "the memory of ModelCheckpoint",
        lambda: callbacks_remember("ModelCheckpoint", "_batches_seen_since_last_saving"),
    ),
    "_last_batch_seen": (
        "the memory of ModelCheckpoint",
        lambda: callbacks_remember("ModelCheckpoint", "_last_batch_seen"),
    ),
    "_ema_weights_in_model": (
        "the memory of SwapEMAWeights",
        lambda: callbacks_remember("SwapEMAWeights", "_ema_weights_in_model"),
    ),
    "train_function": ("to trace again", lambda: steps_are_forgotten("train_function")),
    "test_function": ("to trace again", lambda: steps_are_forgotten("test_function")),
    "predict_function": ("to trace again", lambda: steps_are_forgotten("predict_function")),
    "optimizer": ("to save a model without it", optimizer_comes_off),
    "compiled": ("to save a model without its optimizer", optimizer_comes_off),
    "convert_input": (
        "to cast images as a model's own call does",
        lambda: inputs_are_converted("call"),
    ),
    "jax_state_sync": (
        "the weights of a model that JAX trains",
        lambda: keras.backend.backend() != "jax" or hasattr(functional(), "jax_state_sync"),
    ),
    "keras.src": (
        "the class Functional, and to tell Keras' layers from an author's",
        lambda: unpublished.is_of_keras(layers.Dense(1)) and not unpublished.is_of_keras(Own()),
    ),
    **{
        name: ("what a call in a graph was made with", lambda name=name: nodes_say(name))
        for name in ("operation", "arguments", "input_tensors", "outputs", "is_input")
    },
}


def check(attribute, purpose, holds):
    """Fail with a sentence unless what is used of Keras is there and does its work."""
    try:
        problem = "" if holds() else "does something else"
    except Exception as error:  # whatever a new Keras raises
        problem = f"fails ({type(error).__name__}: {error})"
    assert not problem, (
        f"`{attribute}`, which Keras has not published, {problem} in Keras {keras.version()}: "
        f"{FILE} uses it for this: {purpose}."
    )


@pytest.mark.parametrize("attribute", TABLE)
def test_keras_still_has_it(attribute):
    check(attribute, *TABLE[attribute])


def test_a_missing_attribute_is_told_in_a_sentence():
    with pytest.raises(
        AssertionError, match=rf"`_gone`.*AttributeError.*_gone.*{FILE} uses it for"
    ):
        check("_gone", "nothing", lambda: layers.Dense(1)._gone)
    with pytest.raises(AssertionError, match=r"`_changed`.*does something else in Keras"):
        check("_changed", "nothing", lambda: False)


# --- nowhere else ---------------------------------------------------------------------------


def kerass_names():
    """Return names with an underscore that objects of Keras have."""
    model = compiled()
    model.fit(IMAGES, np.eye(3, dtype="float32")[:2], verbose=0)
    objects = [
        model, sequential(), *model.layers, model.optimizer, model.output,
        model.layers[0].dtype_policy,
        model.layers[1]._inbound_nodes[0], model.weights[0], keras.losses.CategoricalCrossentropy(),
        keras.metrics.AUC(), keras.callbacks.CallbackList(), keras.callbacks.SwapEMAWeights(),
        keras.callbacks.ModelCheckpoint("x.keras"), keras.initializers.GlorotUniform(),
    ]  # fmt: skip
    return {
        name
        for one in objects
        for name in {*dir(one), *vars(type(one)), *getattr(one, "__dict__", {})}
        if name.startswith("_") and not name.startswith("__") and not name.startswith("_abc")
    }


def uses(source, names):
    """Names of Keras' that a file takes: as attributes, by getattr, or from its inside."""
    tree, found = ast.parse(source), set()
    own_of = {}  # what a class sets itself
    for one in ast.walk(tree):
        if isinstance(one, ast.ClassDef):
            of_keras = any("keras." in ast.unparse(base) for base in one.bases)
            sets = {
                node.attr
                for node in ast.walk(one)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            } | {node.name for node in ast.walk(one) if isinstance(node, ast.FunctionDef)}
            for node in ast.walk(one):
                own_of[id(node)] = sets if of_keras else None
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            mine = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            sets = own_of.get(id(node))
            if not mine or (sets is not None and node.attr not in sets):
                found.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("attr"):
            found |= {x.value for x in node.args if isinstance(x, ast.Constant)} & names
    return found | ({"keras.src"} if "keras.src" in source else set())


UNDERSCORED = {name for name in TABLE if name.startswith("_")}
ELSEWHERE = {
    "train_function",
    "test_function",
    "predict_function",
    "convert_input",
    "jax_state_sync",
}


def test_no_other_file_uses_what_is_not_published():
    names = kerass_names() | UNDERSCORED | ELSEWHERE
    found = {
        f"{path.relative_to(PACKAGE.parent)} uses `{name}`: put it into {FILE}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "keras_graph" / "unpublished.py"
        for name in uses(path.read_text(), names)
    }
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize(
    "source",
    [
        "x = layer._inbound_nodes",
        "getattr(model, '_functional', None)",
        "from keras.src.models.functional import Functional",
        "class Mine(keras.Model):\n    def end(self):\n        self._executor.close()",
        "model.train_function = None",
    ],
)
def test_the_search_finds_such_a_use(source):
    assert uses(source, kerass_names() | ELSEWHERE)
    assert not uses("class Mine:\n    def end(self):\n        return self._executor", {"_executor"})


def test_architecture_lists_each():
    page = (PACKAGE.parent / "ARCHITECTURE.md").read_text()
    section = page.partition("## What Keras has not published")[2].partition("\n## ")[0]
    assert {name for name in TABLE if f"`{name}`" not in section} == set()


def test_the_table_is_complete():
    source = (PACKAGE / "keras_graph" / "unpublished.py").read_text()
    tree = ast.parse(source)
    used = {x.attr for x in ast.walk(tree) if isinstance(x, ast.Attribute) and x.attr[0] == "_"}
    strings = {x.value for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    used |= {x for x in strings if isinstance(x, str) and x.startswith("_") and x.isidentifier()}
    used = {name for name in used if not name.startswith("__")}
    assert used == UNDERSCORED
