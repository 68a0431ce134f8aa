"""`CompiledModel`: a classifier's network that answers in another runtime than Keras'."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.runtimes.formats import Runtime

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A network that answers for images with probabilities and features, without Keras.

    It stands where a `Classifier` has its Keras model. One thread at a time may ask it.

    Attributes:
        name: of the Keras model.
        input_shape: `(None, height, width, channels)` of its images.
        num_classes: how many probabilities it gives.
        num_features: how many values before its head; 0 where these are not asked for.
        weights: the digest of the Keras model's weights.
        runtime: what was read from `file`.
        file: what the runtime reads.
        read: reads it.
        load_keras: returns the Keras model that it was made of.
    """

    name: str
    input_shape: tuple[None, int, int, int]
    num_classes: int
    num_features: int
    weights: str
    runtime: Runtime
    file: Path
    read: Callable[[Path], Runtime]
    load_keras: Callable[[], Any]

    def predict_on_batch(self, images: NDArray[Any]) -> Floats:
        """Return probabilities `(batch, classes)` of images `(batch, height, width, channels)`.

        Args:
            images: in [0, 255].
        """
        return self.predict_both(images)[1]

    def predict_both(self, images: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return features `(batch, num_features)`, of length 1, and `predict_on_batch`.

        Args:
            images: in [0, 255].
        """
        found = self.runtime.predict(np.ascontiguousarray(images, np.float32))
        return found[:, self.num_classes :], found[:, : self.num_classes]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the runtime, which each process reads for itself."""
        return {name: value for name, value in vars(self).items() if name != "runtime"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the file again."""
        vars(self).update(state, runtime=state["read"](state["file"]))


def answering_graph(model: Any, image_size: tuple[int, int], *, with_features: bool) -> Any:
    """Return a Keras model from images to what `CompiledModel` splits: one row for each image.

    It takes `(batch, height, width, channels)` float32 in [0, 255] and returns the probabilities,
    behind them the features divided by their length. Layers and weights are copies.

    Args:
        model: a Functional or Sequential classifier.
        image_size: (height, width) of the images.
        with_features: whether the features stand behind the probabilities.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be copied.
    """
    import keras

    from keras_cxr.keras_graph.clone import cloned
    from keras_cxr.keras_graph.features import feature_model
    from keras_cxr.keras_graph.heads import outputs_probabilities
    from keras_cxr.keras_graph.unpublished import declared_graph, packed_inputs

    inner = cloned(
        model,
        failing="answered for by another runtime",
        advice='Take runtime="keras", or a Functional or Sequential model of layers with '
        "get_config.",
    )
    images = keras.Input((*image_size, model.input_shape[-1]), name="images")
    outputs = inner(packed_inputs(declared_graph(inner), images), training=False)
    if not outputs_probabilities(model):
        outputs = keras.layers.Softmax(dtype="float32")(outputs)
    if with_features:
        features = feature_model(inner)
        found = features(packed_inputs(declared_graph(features), images), training=False)
        length = keras.ops.sqrt(keras.ops.sum(keras.ops.square(found), axis=1, keepdims=True))
        unit = found / keras.ops.maximum(length, 1e-9)
        outputs = keras.layers.Concatenate(dtype="float32")([outputs, unit])
    graph = keras.Model(images, outputs, name=model.name)
    graph(np.zeros((1, *graph.input_shape[1:]), np.float32))  # Keras exports what has been called
    return graph
