"""A model that calibrates its own scores before its softmax."""

from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.clone import cloned
from keras_cxr.keras_graph.heads import Head, find_head, outputs_probabilities
from keras_cxr.keras_graph.unpublished import declared_graph, packed_inputs
from keras_cxr.keras_graph.walk import calls
from keras_cxr.statistics.calibration.scaling import Scaling, as_scaling

_ADVICE = (
    "Use apply_temperature or Scaling.apply on what it returns, or end the model with "
    'Dense(num_classes, activation="softmax").'
)


def calibrated_model(model: keras.Model, scaling: float | Scaling) -> keras.Model:
    """Return a new model of the same layers whose probabilities are calibrated.

    Its scores z go through one more layer, a `Rescaling` to z / T + b, before the softmax. Save it
    like any other; `keras.saving.load_model` needs nothing from keras-cxr. A model that returns
    logits returns them as z / T + b. Heat maps of scores stay the same but for the factor 1 / T.
    Yours stays as it is; the new one is not compiled.

    Args:
        model: a Functional or Sequential model, nested or not, that returns logits or ends in a
            softmax over its classes.
        scaling: the temperature of `fit_temperature`, which changes no answer, or what
            `fit_scaling` returned, which does.

    Raises:
        InvalidArgumentError: (a ValueError) the model returns neither, something is done with its
            probabilities after the softmax, or it cannot be copied.

    Examples:
        >>> import numpy as np, keras_cxr
        >>> model = keras_cxr.build_lenet5((32, 32, 1), 4)
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 1))
        >>> before = Scaling(2.0, (0.0,) * 4).apply(model.predict(images, verbose=0))
        >>> after = calibrated_model(model, 2.0).predict(images, verbose=0)
        >>> bool(np.allclose(before, after, atol=1e-5))
        True
    """
    makes_probabilities = outputs_probabilities(model)
    wanted = as_scaling(scaling, model.output_shape[-1])
    head = find_head(model) if makes_probabilities else Head(None, "linear")
    if makes_probabilities:
        _check_ends_in(model, head)
    scores = cloned(
        model,
        failing="copied",
        advice=_ADVICE,
        replace=lambda layer: _without_softmax(head) if layer is head.operation else None,
    )
    policy = getattr(head.operation, "dtype_policy", None)
    taken = {layer.name for layer in scores.layers}
    calibrated = keras.layers.Rescaling(
        1 / wanted.temperature,
        list(wanted.offsets) if any(wanted.offsets) else 0.0,
        name=_free_name("calibration", taken),
        dtype=policy,
    )(scores.outputs[0])
    if makes_probabilities:
        softmax = keras.layers.Softmax(name=_free_name("probabilities", taken), dtype=policy)
        calibrated = softmax(calibrated)
    images = packed_inputs(declared_graph(scores), scores.inputs[0])
    return keras.Model(images, calibrated, name=model.name)


def _check_ends_in(model: keras.Model, head: Head) -> None:
    """Raise unless the model's output is what this softmax returns, called once."""
    uses = sum(call.operation is head.operation for call in calls(model))
    shape = head.trail[-1].outputs[0].shape if head.trail else None
    if head.activation != "softmax" or uses != 1 or shape != model.outputs[0].shape:
        raise InvalidArgumentError(
            f"the model {model.name!r} cannot be calibrated inside: its output is not that of one "
            f"softmax over its classes. {_ADVICE}"
        )


def _without_softmax(head: Head) -> Any:
    """Return a new layer that does what the head does, up to its activation."""
    operation: Any = head.operation
    if head.whole:
        return keras.layers.Activation("linear", name=operation.name)
    return type(operation).from_config({**operation.get_config(), "activation": "linear"})


def _free_name(name: str, taken: set[str]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return found
