"""What decides the course of a run, written so that two runs can be compared."""

from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._json import as_json

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

# Names differ between two builds of one model; the others repeat what the weights' shapes say.
_PASSED_OVER = ("name", "module", "registered_name", "build_config", "compile_config")
_DATA_OPTIONS = (
    "class_names",
    "image_size",
    "color_mode",
    "region",
    "batch_size",
    "augment",
    "seed",
    "format",
)


def describe_settings(
    model: keras.Model,
    datasets: "Datasets",
    *,
    optimizer: Any,
    class_weight: dict[int, float] | None,
    from_logits: bool,
) -> dict[str, Any]:
    """A JSON document that is equal for two runs exactly when they train the same thing.

    The number of epochs is not part of it, since a run may be made longer, nor the initial
    weights, which a resumed run takes from its checkpoint.
    """
    options = {name: _plain(getattr(datasets, name)) for name in _DATA_OPTIONS}
    weights = None if class_weight is None else [class_weight[i] for i in sorted(class_weight)]
    return {
        "data": {**options, "fingerprint": datasets.fingerprint},
        "model": describe_model(model),
        "optimizer": _without_names(keras.optimizers.serialize(optimizer), {}),
        "loss": {"name": "categorical_crossentropy", "from_logits": from_logits},
        "class_weight": weights,
    }


def describe_model(model: keras.Model) -> dict[str, Any]:
    """Layers, their options and their wiring, whatever the layers are called."""
    layers = model._flatten_layers()
    numbers = {layer.name: f"#{i}" for i, layer in enumerate(layers)}
    config = _without_names(keras.saving.serialize_keras_object(model), numbers)
    shapes = [list(v.shape) for v in model.variables]
    return {"config": config, "variables": shapes, "parameters": model.count_params()}


def find_difference(before: Any, now: Any, path: str = "") -> str | None:
    """The first place where two such documents differ, in words, or `None`."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                return find_difference(before.get(key), now.get(key), f"{path} {key}".strip())
        return None
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                return find_difference(old, new, f"{path}[{index}]")
        return None
    return None if before == now else f"{path}: was {_short(before)}, is {_short(now)}"


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
