"""TensorFlow: a tape from the layer to the score, traced once into a graph."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.backends import checked_scores, no_gradient
from keras_cxr.keras_graph.replay import Replay


def compile_gradient(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Compile as `keras_cxr.explain.backends` describes; the batch size may vary from call to call.

    The tape starts at the layer, so that nothing before it is differentiated.
    """
    import tensorflow as tf

    signature = [
        tf.TensorSpec([None, *image_shape], tf.float32),
        tf.TensorSpec([None], tf.int32),
    ]

    def run(images: Any, class_index: Any) -> Any:
        # The scope drops what layers would write to variables: the model stays as it is.
        with (
            keras.StatelessScope(),
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):

            def watch(output: Any) -> Any:
                tape.watch(output)
                return output

            scores, activations = replay(images, watch)
            scores = tf.cast(checked_scores(replay, scores), tf.float32)
            best = tf.argmax(scores, axis=-1, output_type=tf.int32)
            chosen = tf.where(class_index < 0, best, class_index)
            score = tf.gather(scores, chosen, batch_dims=1)
        gradients = tape.gradient(score, activations)
        if gradients is None:
            raise no_gradient(replay)
        return scores, chosen, tf.cast(activations, tf.float32), tf.cast(gradients, tf.float32)

    compiled = _compiled(replay, run, signature)

    def gradient(images: NDArray[np.float32], class_index: NDArray[np.int32]) -> Any:
        return tuple(
            part.numpy() for part in compiled(tf.constant(images), tf.constant(class_index))
        )

    return gradient


def compile_scores(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Compile the scores alone; the batch size may vary from call to call."""
    import tensorflow as tf

    def run(images: Any) -> Any:
        with keras.StatelessScope():
            return tf.cast(replay.scores(images), tf.float32)

    signature = [tf.TensorSpec([None, *image_shape], tf.float32)]
    compiled = _compiled(replay, run, signature)
    return lambda images: compiled(tf.constant(images)).numpy()


def _compiled(replay: Replay, run: Any, signature: list[Any]) -> Any:
    """One graph for all batch sizes, unless the user's model runs eagerly alone."""
    import tensorflow as tf

    if replay.model.run_eagerly:
        return run
    function = tf.function(run, input_signature=signature, autograph=False)
    return function.get_concrete_function()  # spares each call the search for it
