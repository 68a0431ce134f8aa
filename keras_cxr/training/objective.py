"""What a training minimises and measures: held against the model's head, and described."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.errors import InvalidArgumentError

METRICS = ("accuracy",)
_SHORT_NAMES = ("accuracy", "acc", "crossentropy", "ce")  # which Keras reads by the outputs


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss and metrics as `compile` takes them, and the part of a run's settings they are.

    Attributes:
        loss: a Keras loss or a function of labels and outputs.
        metrics: keras metrics, functions or names.
        settings: "loss", and "metrics" where they are not the study's accuracy.
    """

    loss: Any
    metrics: list[Any]
    settings: dict[str, Any]


def make_objective(loss: Any, metrics: Any, *, from_logits: bool) -> Objective:
    """Return what `train` compiles a model with.

    Args:
        loss: a Keras loss, its name, a function of one-hot labels and outputs, or `None` for
            categorical cross-entropy.
        metrics: a sequence of Keras metrics, their names or such functions.
        from_logits: whether the model returns logits. Losses that are named follow it, objects
            must agree with it.

    Raises:
        InvalidArgumentError: one is no such thing, takes other labels or outputs, or cannot be
            written down, so that no run could be resumed with it.
    """
    usual = keras.losses.CategoricalCrossentropy(from_logits=from_logits)
    found = usual if loss is None else _loss(loss, from_logits=from_logits)
    _check(found, f"loss={loss!r}", from_logits=from_logits)
    if type(found) is type(usual) and found.get_config() == usual.get_config():
        settings: dict[str, Any] = {"name": usual.name, "from_logits": from_logits}
    else:
        settings = _described(found, f"loss={loss!r}")
    document: dict[str, Any] = {"loss": settings}
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise InvalidArgumentError(
            f'metrics must be a list of Keras metrics or their names, such as ["accuracy", "AUC"], '
            f"not {metrics!r}."
        )
    measured = [_metric(metric) for metric in metrics]
    for metric in measured:
        _check(metric, f"the metric {_name(metric)!r}", from_logits=from_logits)
    if tuple(measured) != METRICS:
        document["metrics"] = [
            {"shown_as": _name(metric), "metric": _described(metric, f"the metric {metric!r}")}
            for metric in measured
        ]
    return Objective(found, measured, document)


def _loss(loss: Any, *, from_logits: bool) -> Any:
    if isinstance(loss, str):
        kind = _class_called(keras.losses, loss, keras.losses.Loss)
        if kind is not None:
            takes = "from_logits" in inspect.signature(kind).parameters
            return kind(from_logits=from_logits) if takes else kind()
    return _known_to(
        keras.losses,
        loss,
        'loss must be a Keras loss, its name such as "categorical_focal_crossentropy", or a '
        "function of labels and outputs",
    )


def _metric(metric: Any) -> Any:
    if isinstance(metric, str):
        if metric in _SHORT_NAMES:
            return metric
        kind = _class_called(keras.metrics, metric, keras.metrics.Metric)
        if kind is not None and "name" in inspect.signature(kind).parameters:
            try:
                return kind(name=metric.lower())  # not "auc_1" for a second one in a process
            except TypeError:
                pass  # it needs arguments: Keras' own words below
    return _known_to(
        keras.metrics,
        metric,
        'metrics must hold Keras metrics, names such as "AUC", or functions of labels and outputs',
    )


def _known_to(module: Any, given: Any, rule: str) -> Any:
    """Return what a Keras module makes of a name, a configuration or an object."""
    try:
        found = module.get(given)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise InvalidArgumentError(f"{rule}, not {given!r}.")
    return found


def _class_called(module: Any, name: str, base: type) -> Any:
    """Return the class of a Keras module that a name means, as "categorical_crossentropy" does."""
    wanted = name.replace("_", "").lower()
    kinds = (getattr(module, found) for found in dir(module) if found.lower() == wanted)
    return next((kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, base)), None)


def _check(found: Any, given: str, *, from_logits: bool) -> None:
    """Raise for what takes class indices, or probabilities where the model returns logits."""
    if "sparse" in f"{_name(found)} {type(found).__name__}".lower():
        raise InvalidArgumentError(
            f"{given} takes class indices, the labels of data sets are one-hot: take the one "
            'without "sparse" in its name.'
        )
    config = found.get_config() if hasattr(found, "get_config") else {}
    if config.get("from_logits", from_logits) != from_logits:
        returned = "logits" if from_logits else "probabilities"
        raise InvalidArgumentError(
            f"{given} is made with from_logits={not from_logits}, but the model returns "
            f"{returned}: make it with from_logits={from_logits}."
        )


def _described(found: Any, given: str) -> dict[str, Any]:
    """Return what is written down of a loss or metric, to be held against a resumed run's."""
    if isinstance(found, str):
        return {"class_name": found}
    try:
        document = as_json(keras.saving.serialize_keras_object(found))
    except Exception as error:  # whatever an author's get_config raises
        raise _not_written(given) from error
    if not isinstance(document, dict) or _name(found) == "<lambda>":
        raise _not_written(given)
    return document


def _not_written(given: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{given} cannot be written down, so that no run could be resumed with it: define a "
        "function with a name, or a class with get_config()."
    )


def _name(found: Any) -> str:
    return str(getattr(found, "name", getattr(found, "__name__", found)))
