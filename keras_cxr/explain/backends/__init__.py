"""Scores of classes and their gradients with respect to a layer's output: a file per backend.

A backend file defines `compile_gradient(replay, image_shape)`, which returns a function

    (images, class_index) -> the four arrays of `ScoreGradients`

on arrays: images (batch, *image_shape) float32; class_index (batch,) int32, -1 for the class
with the highest score; and `compile_scores(replay, image_shape)` for a function

    images -> scores, (batch, classes) float32

Both are compiled once and read the weights when they are called.
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.replay import Replay

BACKENDS = ("tensorflow", "jax", "torch")
Floats = NDArray[np.float32]


class ScoreGradients(NamedTuple):
    """Scores of a batch and how they change with a layer's output.

    Attributes:
        scores: (batch, classes) float32, before softmax.
        class_index: (batch,) int32, the classes whose scores were differentiated.
        activations: (batch, ...) float32, the layer's output in its own layout.
        gradients: d score / d activations, of the same shape.
    """

    scores: Floats
    class_index: NDArray[np.int32]
    activations: Floats
    gradients: Floats


GradientFunction = Callable[[Floats, NDArray[np.int32]], ScoreGradients]


def compile_gradient(replay: Replay, image_shape: tuple[int | None, ...]) -> GradientFunction:
    """Compile the gradient function of the Keras backend in use.

    Raises:
        InvalidArgumentError: There is none for that backend.
    """
    results = _backend().compile_gradient(replay, image_shape)
    return lambda images, class_index: ScoreGradients(*results(images, class_index))


def compile_scores(
    replay: Replay, image_shape: tuple[int | None, ...]
) -> Callable[[Floats], Floats]:
    """Compile the function of scores alone of the Keras backend in use.

    Raises:
        InvalidArgumentError: There is none for that backend.
    """
    function: Callable[[Floats], Floats] = _backend().compile_scores(replay, image_shape)
    return function


def checked_scores(replay: Replay, scores: Any) -> Any:
    """Return the scores.

    Raises:
        InvalidArgumentError: They are not (batch, classes).
    """
    if len(scores.shape) != 2:
        raise InvalidArgumentError(
            f"model {replay.model.name!r} gives scores of shape {tuple(scores.shape)}; "
            "a classifier with (batch, classes) can be explained."
        )
    return scores


def no_gradient(replay: Replay) -> InvalidArgumentError:
    """Return the error for a layer from which no gradient reaches the scores."""
    if replay.site is None:
        return InvalidArgumentError(
            f"the scores of model {replay.model.name!r} cannot be differentiated with respect to "
            "its images; Occlusion needs no gradient."
        )
    return InvalidArgumentError(
        f"layer {replay.site.path!r} has no differentiable way to the scores of model "
        f"{replay.model.name!r}; choose another layer."
    )


def _backend() -> ModuleType:
    name = keras.config.backend()
    if name not in BACKENDS:
        raise InvalidArgumentError(
            f"explanations work on the backends {', '.join(BACKENDS)}; Keras runs on {name!r}. Set "
            "the environment variable KERAS_BACKEND to one of them before Keras is imported and "
            "load the saved model there."
        )
    return importlib.import_module(f"{__name__}.{name}")
