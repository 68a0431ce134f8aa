"""JAX: the gradient with respect to a zero that is added to the layer's output."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.backends import checked_scores
from keras_cxr.keras_graph.replay import Replay
from keras_cxr.keras_graph.unpublished import sync_weights


def compile_gradient(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Compile as `keras_cxr.explain.backends` describes.

    The model's variables are arguments of the compiled function: constants would keep the weights
    of the first call. JAX compiles anew for each batch size; batches are therefore filled up to
    the next power of two with copies of the last image, unless the model fixes the batch size.
    """
    import jax
    from jax import numpy as jnp

    variables = list(replay.model.variables)

    def run(values: Any, images: Any, class_index: Any) -> Any:
        def score(nothing: Any) -> Any:
            scores, activations = replay(images, lambda output: output + nothing)
            scores = checked_scores(replay, scores).astype("float32")
            # argmax would leave a reducer in JAX's caches for each compiled function
            best = jax.lax.top_k(scores, 1)[1][:, 0].astype("int32")
            chosen = jnp.where(class_index < 0, best, class_index)
            picked = jnp.take_along_axis(scores, chosen[:, None], axis=1)
            return picked.sum(), (scores, chosen, activations.astype("float32"))

        # The scopes drop what layers would write to variables: the model stays as it is. Each
        # transformation has its own, since what one writes must not be read in the other.
        with _stateless(variables, values):
            layer_output = jax.eval_shape(lambda: replay(images, lambda output: output)[1])
        nothing = jnp.zeros(layer_output.shape, layer_output.dtype)
        with _stateless(variables, values):
            gradients, parts = jax.grad(score, has_aux=True)(nothing)
        return *parts, gradients.astype("float32")

    compiled = jax.jit(run)

    def gradient(images: NDArray[np.float32], class_index: NDArray[np.int32]) -> Any:
        count = len(images)
        images, class_index = (_filled(replay, array) for array in (images, class_index))
        values = _values(replay, variables)
        return tuple(np.asarray(part)[:count] for part in compiled(values, images, class_index))

    return gradient


def compile_scores(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Compile the scores alone, with the variables as arguments."""
    import jax

    variables = list(replay.model.variables)

    def run(values: Any, images: Any) -> Any:
        with _stateless(variables, values):
            return replay.scores(images).astype("float32")

    compiled = jax.jit(run)

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        values = _values(replay, variables)
        return np.asarray(compiled(values, _filled(replay, images)))[: len(images)]

    return scores


def _stateless(variables: list[Any], values: list[Any]) -> Any:
    return keras.StatelessScope(state_mapping=zip(variables, values, strict=True))


def _values(replay: Replay, variables: list[Any]) -> list[Any]:
    """Return the weights as they are now."""
    sync_weights(replay.model)
    return [variable.value for variable in variables]


def _filled(replay: Replay, array: NDArray[Any]) -> NDArray[Any]:
    """Return the batch filled up to a power of two, so that few batch sizes are compiled."""
    count = len(array)
    missing = 0 if replay.fixed_batch else (1 << (count - 1).bit_length()) - count
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array
