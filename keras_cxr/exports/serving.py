"""The model that is exported: raw pixels in, calibrated probabilities out."""

import keras
import numpy as np

from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.keras_graph.clone import cloned
from keras_cxr.keras_graph.heads import outputs_probabilities
from keras_cxr.keras_graph.unpublished import declared_graph, packed_inputs
from keras_cxr.statistics.calibration.scaling import Scaling

INPUT_NAME, OUTPUT_NAME = "pixels", "probabilities"


def serving_model(
    model: keras.Model, image_size: tuple[int, int], scaling: Scaling | None
) -> keras.Model:
    """Return a new model from pixels as they are stored to probabilities of the classes.

    It takes `(batch, height, width, channels)` uint8 in [0, 255] and returns `(batch, classes)`
    float32 in [0, 1]: the conversion to float, the model's own scaling, the temperature and the
    softmax are inside. Layers and weights are copies; yours stay as they are.

    Args:
        model: returns softmax probabilities or logits.
        image_size: (height, width) of the pixels.
        scaling: calibrates the probabilities; None leaves them.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be copied, or calibrated inside.
    """
    if scaling is None:
        inner = cloned(
            model,
            failing="exported",
            advice="Export a Functional or Sequential model whose layers have get_config.",
        )
    else:
        inner = calibrated_model(model, scaling)
    pixels = keras.Input((*image_size, model.input_shape[-1]), dtype="uint8", name=INPUT_NAME)
    images = packed_inputs(declared_graph(inner), keras.ops.cast(pixels, "float32"))
    outputs = inner(images, training=False)
    last = keras.layers.Identity if outputs_probabilities(model) else keras.layers.Softmax
    found = keras.Model(pixels, last(name=OUTPUT_NAME, dtype="float32")(outputs), name=model.name)
    found(np.zeros((1, *found.input_shape[1:]), np.uint8))  # Keras exports what has been called
    return found
