"""What is exported: raw pixels in, calibrated probabilities or maps of lungs out."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.keras_graph.clone import cloned
from keras_cxr.keras_graph.heads import outputs_probabilities
from keras_cxr.keras_graph.interface import predict_probabilities
from keras_cxr.keras_graph.unpublished import declared_graph, packed_inputs
from keras_cxr.statistics.calibration.scaling import Scaling

INPUT_NAME, OUTPUT_NAME, MAP_NAME = "pixels", "probabilities", "lungs"


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """What is exported.

    Attributes:
        kind: "classifier" or "segmenter".
        model: from images in [0, 255] to scores, probabilities or maps of them.
        class_names: in the order of what it returns.
        image_size: (height, width) of its images.
        data_options: how `make_datasets` read the images it was trained on.
        scaling: calibrates its probabilities; None where nothing is known, or the model does it.
        temperature: that is in the model already; 1 where none is.
        notes: what is worth knowing of it, once it is exported.
    """

    kind: str = "classifier"
    model: keras.Model
    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    data_options: dict[str, Any]
    scaling: Scaling | None = None
    temperature: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def color_mode(self) -> str:
        """How images are read: "rgb" for an input of three channels, else "grayscale"."""
        return "rgb" if self.model.input_shape[-1] == 3 else "grayscale"

    @property
    def intensity(self) -> str:
        """How files become grey, as `read_image` takes it."""
        return str(self.data_options.get("intensity", "stored"))

    @property
    def region(self) -> str:
        """What of its images the model was trained on."""
        return str(self.data_options.get("region", "full"))

    @property
    def calibration(self) -> Scaling | None:
        """What will be inside of the export, by whomever it was put there."""
        if self.scaling is None and self.temperature != 1:
            return Scaling(self.temperature, (0.0,) * len(self.class_names))
        return self.scaling

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
        """Return what the export has to answer, computed by Keras without it."""
        images = pixels.astype(np.float32)
        if self.kind == "segmenter":
            return np.asarray(self.model.predict_on_batch(images))[..., 0]
        found = predict_probabilities(self.model, images)
        return found if self.scaling is None else self.scaling.apply(found)

    def serving(self) -> keras.Model:
        """Return a copy of the model from pixels as they are stored to that."""
        if self.kind == "segmenter":
            return serving_segmenter(self.model)
        return serving_model(self.model, self.image_size, self.scaling)


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
    inner = _copied(model) if scaling is None else calibrated_model(model, scaling)
    last = keras.layers.Identity if outputs_probabilities(model) else keras.layers.Softmax
    return _from_pixels(inner, image_size, last(name=OUTPUT_NAME, dtype="float32"))


def serving_segmenter(model: keras.Model) -> keras.Model:
    """Return a new model from pixels as they are stored to the probability that each is lung.

    It takes `(batch, height, width, 1)` uint8 in [0, 255] and returns `(batch, height, width)`
    float32 in [0, 1].

    Args:
        model: as `LungSegmenter` takes it.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be copied.
    """
    image_size = tuple(model.input_shape[1:3])
    last = keras.layers.Reshape(image_size, name=MAP_NAME, dtype="float32")
    return _from_pixels(_copied(model), image_size, last)


def _copied(model: keras.Model) -> keras.Model:
    return cloned(
        model,
        failing="exported",
        advice="Export a Functional or Sequential model whose layers have get_config.",
    )


def _from_pixels(
    inner: keras.Model, image_size: tuple[int, int], last: keras.layers.Layer
) -> keras.Model:
    pixels = keras.Input((*image_size, inner.input_shape[-1]), dtype="uint8", name=INPUT_NAME)
    images = packed_inputs(declared_graph(inner), keras.ops.cast(pixels, "float32"))
    outputs = inner(images, training=False)
    found = keras.Model(pixels, last(outputs), name=inner.name)
    found(np.zeros((1, *found.input_shape[1:]), np.uint8))  # Keras exports what has been called
    return found
