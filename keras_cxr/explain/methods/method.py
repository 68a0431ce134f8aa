"""What every explanation method shares: one signature, one result, images in chunks."""

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.backends import Floats
from keras_cxr.explain.engine.inputs import check_finite, class_numbers
from keras_cxr.explain.engine.maps import normalize as divided_by_maximum
from keras_cxr.explain.engine.run import CHUNK, Engine


@dataclass(frozen=True, eq=False)
class Explanation:
    """Heat maps with what they were made from.

    Attributes:
        heatmap: (batch, height, width) float32, what spoke for the class, not negative. With
            `normalize=True` in [0, 1], each divided by its own maximum. All zero where nothing
            spoke for the class.
        raw_map: float32 of any sign, before ReLU, upsampling and division. Methods of layers:
            (batch, map height, map width), the layer's own resolution. Methods of pixels:
            (batch, height, width).
        scores: (batch, classes) float32, the model's scores before softmax or sigmoid.
        probabilities: (batch, classes) float32 in [0, 1], softmax or sigmoid of the scores, as in
            the model; for a model that returns scores, their softmax.
        class_index: (batch,) int32, the class that each map explains.
        layer: path of the layer, such as "vgg19/block5_conv4"; "input" for methods of pixels.
        convergence_delta: of `IntegratedGradients` alone: (batch,) float32, the sum of the
            attributions less the difference of scores that it should be; otherwise None.
    """

    heatmap: NDArray[np.float32]
    raw_map: NDArray[np.float32]
    scores: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    class_index: NDArray[np.int32]
    layer: str
    convergence_delta: NDArray[np.float32] | None = None

    @property
    def no_positive_evidence(self) -> NDArray[np.bool_]:
        """(batch,) bool: the map is zero everywhere, nothing spoke for the class."""
        return np.asarray(self.heatmap.max(axis=(1, 2)) == 0)


class Part(NamedTuple):
    """What a method found for some images; the fields are as in `Explanation`."""

    heatmap: Floats
    raw_map: Floats
    scores: Floats
    class_index: NDArray[np.int32]
    convergence_delta: Floats | None = None


class Method(abc.ABC):
    """A way to explain a model's answers by heat maps.

    `LayerMethod` and `PixelMethod` are its two kinds; make your own from `LayerMethod`.

    Attributes:
        name: for the command line and files, such as "gradcam".
        title: for people, such as "Grad-CAM".
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, engine: Engine, *, normalize: bool, settings: dict[str, Any]) -> None:
        """Keep the engine and the settings that `with_model` needs again."""
        self._engine = engine
        self._normalize = normalize
        self._settings = {**settings, "normalize": normalize}

    @property
    def model(self) -> keras.Model:
        """The model that is explained."""
        return self._engine.model

    @property
    def layer(self) -> str:
        """Path of the layer that is explained, "input" for methods of pixels."""
        return self._engine.layer

    def with_model(self, model: keras.Model) -> Self:
        """Return the same method, layer and settings for another model with the same layers.

        Args:
            model: such as `keras.models.clone_model` gives it.

        Raises:
            InvalidArgumentError: (a ValueError) it has no such layer.
        """
        return type(self)(model, **self._settings)

    def __reduce__(self) -> Any:
        """Pickle and copy what it was made from; a copy compiles again when it is first used."""
        return _made_again, (type(self), self.model, self._settings)

    def __call__(self, images: Any, class_index: Any | None = None) -> NDArray[np.float32]:
        """Return one heat map per image.

        Args:
            images: array of values in [0, 255], any number type: (batch, height, width,
                channels), (batch, height, width) for grey, or one image (height, width) or
                (height, width, channels), which makes a batch of one. Any number of images.
            class_index: class to explain: None for each image's predicted class, an integer for
                all, or one integer per image.

        Returns:
            (batch, height, width) float32 in [0, 1], or not negative with `normalize=False`; all
            zero where nothing spoke for the class.

        Raises:
            InvalidArgumentError: (a ValueError) the images do not fit the model, a class is out
                of range, or the model computes NaN or infinite values.
        """
        return self.explain(images, class_index).heatmap

    def explain(self, images: Any, class_index: Any | None = None) -> Explanation:
        """Return the heat maps with scores, classes and the maps before ReLU.

        Arguments and errors are those of calling the object.
        """
        images = self._engine.checked(images)
        numbers = class_numbers(
            class_index, count=len(images), num_classes=self._engine.num_classes
        )
        parts = []
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK].astype(np.float32)
            check_finite(chunk, first=start)
            part = self._explain_part(chunk, numbers[start : start + CHUNK], first=start)
            if self._normalize:
                part = part._replace(heatmap=divided_by_maximum(part.heatmap))
            parts.append(part)
        heatmap, raw_map, scores, chosen, delta = zip(*parts, strict=True)
        return Explanation(
            np.concatenate(heatmap),
            np.concatenate(raw_map),
            np.concatenate(scores),
            self._engine.probabilities(np.concatenate(scores)),
            np.concatenate(chosen),
            self.layer,
            None if delta[0] is None else np.concatenate(delta),
        )

    def predict(self, images: Any) -> NDArray[np.float32]:
        """Return the probabilities of the classes, of the output that is explained.

        Args:
            images: As for calling the object.

        Returns:
            (batch, classes) float32 in [0, 1], as `Explanation.probabilities`.

        Raises:
            InvalidArgumentError: (a ValueError) the images do not fit the model, or it computes
                NaN or infinite values.
        """
        images = self._engine.checked(images).astype(np.float32)
        check_finite(images, first=0)
        return self._engine.probabilities(self._engine.scores(images))

    @abc.abstractmethod
    def _explain_part(self, images: Floats, class_index: NDArray[np.int32], *, first: int) -> Part:
        """Explain one chunk of images, the heat maps not yet divided.

        Args:
            images: float32, as the engine takes them.
            class_index: (batch,) int32, -1 for the predicted class.
            first: number of the first image, for messages.
        """


def _made_again(kind: Any, model: keras.Model, settings: dict[str, Any]) -> Any:
    return kind(model, **settings)
