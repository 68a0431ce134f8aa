"""Grad-CAM: heat maps per second."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.common import Measure, Options, Report, alternate, main
from keras_cxr import GradCAM, build_alexnet, build_lmap3, build_vgg19

GOALS = {
    ("lmap3", 1): {"predict_on_batch": "reported", "tf-keras-vis 0.8.7": "at least 8"},
    ("lmap3", 32): {"predict_on_batch": "at least 0.85", "tf-keras-vis 0.8.7": "at least 6"},
}
COMPILED = "hand-compiled tape"


def run(options: Options) -> Report:
    """Explain batches of 1 and 32 images with LMAP3, AlexNet and VGG19."""
    report = Report("gradcam", "Grad-CAM, 224 x 224, float32")
    networks = {
        # as it is trained, with a softmax; the same as a flat model of scores; its layer
        "lmap3": (build_lmap3, partial(build_lmap3, classifier_activation=None), "conv_5"),
        "alexnet": (
            build_alexnet,
            partial(build_alexnet, classifier_activation=None),
            "conv_2_activation",
        ),
        "vgg19": (partial(build_vgg19, weights=None), flat_vgg19, "block5_conv4"),
    }
    for name, (build_model, build_flat, layer) in networks.items():
        model = build_model(input_shape=(options.side, options.side, 3 if name == "vgg19" else 1))
        for batch in (1,) if options.smoke and name != "lmap3" else (1, 32):
            images = np.random.default_rng(0).uniform(0, 255, (batch, *model.input_shape[1:]))
            images = images.astype(np.float32)
            calls = contestants(model, build_flat, layer, images)
            for call in calls.values():
                call()  # compiles
            heavy = name == "vgg19" and batch == 32
            repeats = 1 if options.smoke or heavy else (40 if batch == 1 else 4)
            found = alternate(
                {key: rate(call, batch, repeats) for key, call in calls.items()},
                rounds=options.size(3 if heavy else 7, 1),
            )
            for contestant, values in found.items():
                report.add(f"{name}, batch {batch}: {contestant}", values, "maps/s")
            goals = GOALS.get((name, batch), {COMPILED: "at least 0.90"})
            for other in list(found)[1:]:
                report.compare(
                    f"{name}, batch {batch}: {other}",
                    found["keras-cxr"],
                    found[other],
                    goals.get(other, "reported"),
                )
    report.notes.append(
        "tf-keras-vis and the tapes explain flat models without a softmax; keras-cxr explains "
        "the model as it is trained: VGG19 nested in a model, with its softmax."
    )
    return report


def contestants(
    model: keras.Model, build_flat: Callable[..., keras.Model], layer: str, images: Any
) -> dict[str, Callable[[], Any]]:
    """What explains (or, the last, only answers) a batch."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    ours = GradCAM(model)
    flat = build_flat(input_shape=model.input_shape[1:])
    tape = hand_written(flat, layer)
    compiled = hand_written(flat, layer, compiled=True)
    other, score = Gradcam(flat), CategoricalScore([0] * len(images))
    return {
        "keras-cxr": lambda: ours(images, 0),
        "tf-keras-vis 0.8.7": lambda: other(score, images, penultimate_layer=layer),
        "tape of keras.io": lambda: tape(images),
        COMPILED: lambda: compiled(images),
        "predict_on_batch": lambda: model.predict_on_batch(images),
    }


def hand_written(flat: keras.Model, layer: str, *, compiled: bool = False) -> Callable[[Any], Any]:
    """Grad-CAM as keras.io writes it, for a flat model that returns scores."""
    import tensorflow as tf

    both = keras.Model(flat.inputs, [flat.get_layer(layer).output, flat.outputs[0]])

    def explain(images: Any) -> Any:
        with tf.GradientTape() as tape:
            activations, scores = both(images)
            score = scores[:, 0]
        weights = tf.reduce_mean(tape.gradient(score, activations), axis=(1, 2), keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1, keepdims=True))
        heat = tf.image.resize(heat, images.shape[1:3])[..., 0]
        return tf.math.divide_no_nan(heat, tf.reduce_max(heat, axis=(1, 2), keepdims=True))

    function = tf.function(explain) if compiled else explain
    return lambda images: function(tf.constant(images)).numpy()


def flat_vgg19(input_shape: tuple[int, int, int]) -> keras.Model:
    """The study's VGG19 without a model inside the model, for libraries that need that."""
    inputs = keras.Input(input_shape)
    scaled = layers.BatchNormalization()(inputs)
    backbone = keras.applications.VGG19(include_top=False, weights=None, input_tensor=scaled)
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    return keras.Model(inputs, layers.Dense(4)(pooled))


def rate(call: Callable[[], Any], batch: int, repeats: int) -> Measure:
    """Images per second over several calls."""

    def measure() -> float:
        started = time.perf_counter()
        for _ in range(repeats):
            call()
        return repeats * batch / (time.perf_counter() - started)

    return measure


if __name__ == "__main__":
    main(run)
