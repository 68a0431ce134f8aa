"""What decides the course of a run, written so that two runs can be compared."""

from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.keras_graph.unpublished import all_layers
from keras_cxr.models.files import configuration_of
from keras_cxr.training.objective import Objective

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

# Names differ between two builds of one model; the others repeat what the weights' shapes say.
_PASSED_OVER = ("name", "module", "registered_name", "build_config", "compile_config")
_DATA_OPTIONS = (
    "class_names",
    "image_size",
    "color_mode",
    "intensity",
    "region",
    "batch_size",
    "augment",
    "seed",
    "format",
)

_LATER = {"intensity": "stored"}  # what runs were trained with before there was a choice


def describe_settings(
    model: keras.Model,
    datasets: "Datasets",
    *,
    optimizer: Any,
    class_weight: dict[int, float] | None,
    objective: Objective,
) -> dict[str, Any]:
    """Return a JSON document that is equal for two runs exactly when they train the same thing.

    The number of epochs is not part of it, since a run may be made longer, nor the initial
    weights, which a resumed run takes from its checkpoint.
    """
    options = {name: _plain(getattr(datasets, name)) for name in _DATA_OPTIONS}
    weights = None if class_weight is None else [class_weight[i] for i in sorted(class_weight)]
    return {
        "data": {**options, "fingerprint": datasets.fingerprint},
        "model": describe_model(model),
        "optimizer": _without_names(keras.optimizers.serialize(optimizer), {}),
        "class_weight": weights,
        **{
            name: told if is_usual(told) else _without_names(told, {})
            for name, told in objective.settings.items()
        },
    }


def describe_model(model: keras.Model) -> dict[str, Any]:
    """Layers, their options and their wiring, whatever the layers are called."""
    numbers = {layer.name: f"#{i}" for i, layer in enumerate(all_layers(model))}
    config = _without_names(configuration_of(model), numbers)
    shapes = [list(v.shape) for v in model.variables]
    return {"config": config, "variables": shapes, "parameters": model.count_params()}


def with_later_options(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings of an earlier release with the options that it did not have yet."""
    data = settings.get("data")
    return {**settings, "data": {**_LATER, **data}} if isinstance(data, dict) else settings


def is_usual(loss: Any) -> bool:
    """Whether a run's settings tell of the study's loss, categorical cross-entropy."""
    return loss is None or (isinstance(loss, dict) and set(loss) == {"name", "from_logits"})


def find_difference(before: Any, now: Any) -> str | None:
    """Return the first place where two such documents differ, in words, or `None`.

    A Functional model whose layers follow one another is the same as a Sequential of them.
    """
    return _first_difference(_chains_as_sequential(before), _chains_as_sequential(now), "")


def _first_difference(before: Any, now: Any, path: str) -> str | None:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                return _first_difference(before.get(key), now.get(key), f"{path} {key}".strip())
        return None
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                return _first_difference(old, new, f"{path}[{index}]")
        return None
    return None if before == now else f"{path}: was {_short(before)}, is {_short(now)}"


def _chains_as_sequential(value: Any) -> Any:
    if isinstance(value, list):
        return [_chains_as_sequential(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if not isinstance(config, dict) or "layers" not in config:
        pass
    elif kind == "Sequential" or (kind == "Functional" and _is_chain(config)):
        layers = [_without(layer, "inbound_nodes") for layer in config["layers"]]
        kept = {"trainable": config.get("trainable"), "layers": layers}
        value = {**value, "class_name": "Sequential", "config": kept}
    return {key: _chains_as_sequential(item) for key, item in value.items()}


def _is_chain(config: dict[str, Any]) -> bool:
    """Whether each layer takes what the one before returns, and that alone."""
    layers = config["layers"]
    sources = [_only_source(layer) for layer in layers[1:]]
    return (
        bool(layers)
        and layers[0]["class_name"] == "InputLayer"
        and None not in sources
        and len(set(sources)) == len(sources)
    )


def _only_source(layer: dict[str, Any]) -> str | None:
    """Return the one layer whose output a layer takes, or `None` where it takes more."""
    try:
        [node] = layer["inbound_nodes"]
        [tensor] = node["args"]
        name, call, output = tensor["config"]["keras_history"]
    except (KeyError, TypeError, ValueError):
        return None
    usual = all(value in (None, False) for value in node["kwargs"].values())  # training, mask
    return str(name) if usual and (call, output) == (0, 0) else None


def _without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in document.items() if name != key}


def _without_names(value: Any, numbers: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            str(key): _without_names(item, numbers)
            for key, item in value.items()
            if key not in _PASSED_OVER
        }
    if isinstance(value, list | tuple):
        return [_without_names(item, numbers) for item in value]
    if isinstance(value, str):
        return numbers.get(value, value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return as_json(value) if isinstance(value, bool | int | float | str | None) else str(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
