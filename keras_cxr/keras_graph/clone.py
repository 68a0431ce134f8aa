"""A copy of a model whose layers are its own."""

import random
from collections.abc import Callable
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError


def cloned(
    model: keras.Model,
    *,
    failing: str,
    advice: str,
    with_weights: bool = True,
    replace: Callable[[Any], Any | None] | None = None,
) -> keras.Model:
    """Return a model of the same layers, with the same weights or new ones.

    With the same weights Python's random state, from which Keras draws the seeds of new layers,
    stays as it was; new weights are drawn as for any new model.

    Args:
        model: a Functional or Sequential model, or one whose class has `get_config`.
        failing: what a model that is none of these cannot be, for the error.
        advice: what to do then, a sentence for the error.
        with_weights: whether the copy gets the model's weights.
        replace: returns what stands in the copy for a layer or operation, with as many weights,
            nested ones too; None for a copy of it.

    Raises:
        InvalidArgumentError: Keras cannot copy it.
    """
    state = random.getstate()
    try:
        clone = keras.models.clone_model(model) if replace is None else _clone_with(model, replace)
        if with_weights:
            clone.set_weights(model.get_weights())
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InvalidArgumentError(
            f"the model {model.name!r} cannot be {failing}: {reason}. {advice}"
        ) from error
    finally:
        if with_weights:
            random.setstate(state)
    return clone


def _clone_with(model: keras.Model, replace: Callable[[Any], Any | None]) -> keras.Model:
    new: list[Any] = []

    def copied_or_new(layer: Any) -> Any:
        if (found := replace(layer)) is None:
            return type(layer).from_config(layer.get_config())
        new.append(found)
        return found

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Drop the mask that the replaced layer may have been called with: none need take it."""
        return layer(*args) if any(layer is one for one in new) else layer(*args, **kwargs)

    return keras.models.clone_model(
        model,
        clone_function=copied_or_new,
        call_function=None if isinstance(model, keras.Sequential) else call,
        recursive=True,
    )
