"""Grad-CAM for any Keras model with one input and one output of class scores."""

import threading
import warnings
from dataclasses import dataclass
from typing import Any, final

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats, GradientFunction, ScoreGradients, compile_gradient
from keras_cxr.explain.graphs import check_model, graph_of
from keras_cxr.explain.inputs import check_finite, check_size, class_numbers, image_batch
from keras_cxr.explain.layers import default_site, list_sites, resolve_site
from keras_cxr.explain.maps import normalize, upsample, weighted_map
from keras_cxr.explain.placement import PLACEMENTS, Axes, receptive_fields
from keras_cxr.explain.replay import Replay

CHUNK = 32  # images at once: bounds memory, and costs LMAP3 nothing against larger chunks
# Largest difference between the model's output and ours, per precision: replayed layers are
# compiled, so that sums are rounded in another order than in the eager model.
_TOLERANCE = {"float32": 1e-3, "float16": 2e-2, "bfloat16": 6e-2}


@dataclass(frozen=True, eq=False)
class Explanation:
    """Heat maps with what they were made from.

    Attributes:
        heatmap: (batch, height, width) float32 in [0, 1], each divided by its own maximum; all
            zero where nothing spoke for the class.
        raw_map: (batch, map height, map width) float32, the weighted sum at the layer's own
            resolution, before ReLU, upsampling and division.
        scores: (batch, classes) float32, the model's scores before softmax or sigmoid.
        class_index: (batch,) int32, the class that each map explains.
        layer: Path of the layer, such as "vgg19/block5_conv4".
    """

    heatmap: NDArray[np.float32]
    raw_map: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_index: NDArray[np.int32]
    layer: str


@final
class GradCAM:
    """Heat maps of where a convolution's features raised the score of a class.

    Grad-CAM (Selvaraju et al. 2017) in nine steps: choose a layer; run the model; take the
    gradient of the class's score BEFORE softmax with respect to the layer's output; average it
    over the map, which weighs the channels; add the weighted channels; drop what is negative;
    stretch to the image's size (bilinear, half-pixel centres); divide by the image's own
    maximum; lay it over the image (`keras_cxr.overlay`).

    A map shows where features that raise the score lie, as coarsely as the layer sees (10 x 10
    cells for LMAP3). It does not show that a finding is there, nor that the model is right. Heat
    may also lie where the ABSENCE of something speaks for a class (clean lung). Since each map is
    divided by its own maximum, maps of two images cannot be compared in strength.

    Step seven moves heat outwards in networks whose convolutions do not pad: LMAP3's outermost
    cells look at places 38 pixels inside a 224-pixel image and are drawn 11 pixels inside.
    `placement="receptive_field"` draws each cell at the centre of what it looks at. For VGG19,
    which pads, both are the same.

    The model is not changed: weights, training flags, graph, random state. Weights are read at
    every call, so training on and calling again gives the new maps. Layers added afterwards are
    not seen; make a new GradCAM then.

    Args:
        model: A built keras.Model with one input (images) and one output (batch, classes);
            nested, loaded and mixed-precision models too. Subclassed models work when `layer`
            is named.
        layer: Layer, name or path ("vgg19/block5_conv4") of a layer with a four-dimensional
            output. None: the deepest output larger than 1 x 1 that is not from pooling, dropout
            or reshaping, after its activation.
        call_index: Of a layer that the model calls several times, which call to explain,
            counted from 0; -1 is the last.
        placement: "stretch": the map covers the whole image, as in the paper and every other
            library. "receptive_field": cells lie at the centres of their receptive fields
            (Araujo et al. 2019), zero where none looks; for graphs of known layers.

    Raises:
        InvalidArgumentError: (a ValueError) the layer does not exist, is ambiguous or gives no
            map; the model is not built, has several inputs or outputs, or no convolution.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import GradCAM, build_lmap3
        >>> explain = GradCAM(build_lmap3())
        >>> explain(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    def __init__(
        self,
        model: keras.Model,
        layer: Any | None = None,
        *,
        call_index: int = -1,
        placement: str = "stretch",
    ) -> None:
        check_model(model)
        if placement not in PLACEMENTS:
            raise InvalidArgumentError(
                f"placement must be one of {', '.join(PLACEMENTS)}; received {placement!r}."
            )
        self._placement = placement
        self._model = model
        self._site = resolve_site(model, layer)
        self._input_shape = _input_shape(model)
        self._call_index = call_index
        self._replay = Replay(model, self._site)
        self._channels_first = list_sites(model)[0].channels_first
        self._num_classes = 0  # known from the first call on
        self._compiled: dict[tuple[int, ...], GradientFunction] = {}
        self._lock = threading.RLock()
        self._warned = False
        if self._site.map_size == (1, 1):
            self._warn_flat()
        size = self._input_shape[1:] if self._channels_first else self._input_shape[:2]
        if None not in size:
            self._axes(size)  # which raises where the layer's place is not known

    @property
    def layer(self) -> str:
        """Path of the layer that is explained."""
        return self._site.path

    def __call__(self, images: Any, class_index: Any | None = None) -> NDArray[np.float32]:
        """Return one heat map per image.

        Args:
            images: Array of values in [0, 255], any number type: (batch, height, width,
                channels), (batch, height, width) for grey, or one image (height, width) or
                (height, width, channels), which makes a batch of one. Any number of images.
            class_index: Class to explain: None for each image's predicted class, an integer for
                all, or one integer per image.

        Returns:
            (batch, height, width) float32 in [0, 1]; all zero where nothing spoke for the class.

        Raises:
            InvalidArgumentError: (a ValueError) the images do not fit the model, a class is out
                of range, or the model computes NaN or infinite values.
        """
        return self.explain(images, class_index).heatmap

    def explain(self, images: Any, class_index: Any | None = None) -> Explanation:
        """Return the heat maps with scores, classes and the maps before upsampling.

        Arguments and errors are those of calling the object.
        """
        first = self._channels_first
        channels = self._input_shape[0 if first else 2]
        images = image_batch(images, channels=channels, channels_first=first)
        check_size(
            images.shape[1:], self._input_shape, model_name=self._model.name, channels_first=first
        )
        size = images.shape[2:] if first else images.shape[1:3]
        axes = self._axes(size)
        gradient = self._gradient_function(images)
        numbers = class_numbers(class_index, count=len(images), num_classes=self._num_classes)
        fixed = self._replay.fixed_batch
        step = fixed or CHUNK
        parts = []
        for start in range(0, len(images), step):
            chunk = images[start : start + step].astype(np.float32)
            check_finite(chunk, first=start)
            count, index = len(chunk), numbers[start : start + step]
            if fixed and count < fixed:
                chunk = np.resize(chunk, (fixed, *chunk.shape[1:]))
                index = np.resize(index, fixed)
            result = gradient(chunk, index)
            raw_map = self._raw_map(result, start=start)[:count]
            heatmap = normalize(upsample(np.maximum(raw_map, 0), size, axes))
            parts.append((heatmap, raw_map, result.scores[:count], result.class_index[:count]))
        heatmaps, raw_maps, scores, chosen = zip(*parts, strict=True)
        return Explanation(
            np.concatenate(heatmaps),
            np.concatenate(raw_maps),
            np.concatenate(scores),
            np.concatenate(chosen),
            self._site.path,
        )

    def _axes(self, size: Any) -> Axes | None:
        if self._placement == "stretch":
            return None
        return receptive_fields(self._model, self._site.path, size)

    def _raw_map(self, result: ScoreGradients, *, start: int) -> NDArray[np.float32]:
        scores, _, activations, gradients = result
        if activations.ndim != 4:
            raise InvalidArgumentError(
                f"layer {self._site.path!r} gives shape {activations.shape}, which is no map with "
                "height and width; choose a layer with four dimensions."
            )
        if self._site.channels_first:
            activations, gradients = (np.moveaxis(a, 1, -1) for a in (activations, gradients))
        if activations.shape[1:3] == (1, 1):
            self._warn_flat()
        raw_map = weighted_map(activations, gradients)
        finite = np.isfinite(raw_map).all(axis=(1, 2)) & np.isfinite(scores).all(axis=1)
        if not finite.all():
            raise self._not_finite(start + int((~finite).argmax()))
        return raw_map

    def _gradient_function(self, images: NDArray[Any]) -> GradientFunction:
        shape = images.shape[1:]
        with self._lock:
            if shape not in self._compiled:
                sample = np.resize(images[:1], (self._replay.fixed_batch or 1, *shape))
                sample = sample.astype(np.float32)
                check_finite(sample, first=0)
                with keras.StatelessScope():
                    count = self._replay.count_calls(keras.ops.convert_to_tensor(sample))
                call = self._call_index
                self._replay.call = count + call if -count <= call < 0 else call
                function = compile_gradient(self._replay, shape)
                self._verify(function, sample)
                self._compiled[shape] = function
            return self._compiled[shape]

    def _verify(self, function: GradientFunction, sample: Floats) -> None:
        """Raise unless our scores, put through the activation, are the model's output."""
        scores = function(sample, np.full(len(sample), -1, np.int32)).scores
        self._num_classes = scores.shape[1]
        with keras.StatelessScope():
            output = self._model(keras.ops.convert_to_tensor(sample), training=False)
        expected = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
        if not (np.isfinite(scores).all() and np.isfinite(expected).all()):
            raise self._not_finite(0)
        activations = [self._replay.head.activation]
        if self._replay.head.operation is None:
            activations += ["softmax", "sigmoid"]  # hidden code may end in either
        tolerance = max(_TOLERANCE.get(name, 1e-3) for name in self._precisions())
        for name in activations:
            ours = keras.ops.convert_to_numpy(getattr(keras.activations, name)(scores))
            scale = 1 + np.abs(expected).max()
            if ours.shape == expected.shape and np.abs(ours - expected).max() <= tolerance * scale:
                if name == "linear" and _are_probabilities(ours):
                    break
                return
        raise InvalidArgumentError(
            f"model {self._model.name!r} cannot be explained: its output is not "
            f"{self._replay.head.activation}(scores) of the scores found before its last "
            "activation. Let the model end in a Dense layer with or without activation, or in a "
            "Softmax layer."
        )

    def _not_finite(self, number: int) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"model {self._model.name!r} computes NaN or infinite values for images[{number}] "
            f"(layer {self._site.path!r}, precision {self._model.dtype_policy.name}): check its "
            "weights, or use float32."
        )

    def _precisions(self) -> set[str]:
        layers = [site.operation for site in list_sites(self._model)] + [self._model]
        return {str(getattr(layer, "compute_dtype", "float32")) for layer in layers}

    def _warn_flat(self) -> None:
        if self._warned:
            return
        self._warned = True
        try:
            advice = f" Choose {default_site(self._model).path!r}."
        except InvalidArgumentError:
            advice = ""
        warnings.warn(
            f"layer {self._site.path!r} gives maps of 1 x 1: each heat map is one flat colour and "
            f"shows no place.{advice}",
            UserWarning,
            stacklevel=3,
        )


def _are_probabilities(scores: Floats) -> bool:
    """Whether what passes for scores is the output of a softmax that was not taken off."""
    sums_to_one = bool(np.allclose(scores.sum(axis=1), 1, atol=1e-2))
    return scores.shape[1] > 1 and bool((scores >= 0).all()) and sums_to_one


def _input_shape(model: Any) -> tuple[int | None, ...]:
    graph = graph_of(model)
    if graph is None:
        return (None, None, None)
    shape = tuple(graph.inputs[0].shape)
    if len(shape) != 4:
        raise InvalidArgumentError(
            f"model {model.name!r} takes input of shape {shape}; Grad-CAM explains models of "
            "images (batch, height, width, channels)."
        )
    return shape[1:]
