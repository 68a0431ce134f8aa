"""Scores and gradients of a user's model, compiled once for each image size and checked once."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.processes import check_not_forked
from keras_cxr._support.ranges import check_range_for
from keras_cxr.errors import InvalidArgumentError, KerasCXRError
from keras_cxr.explain.backends import (
    Floats,
    GradientFunction,
    ScoreGradients,
    compile_gradient,
    compile_scores,
)
from keras_cxr.explain.engine.inputs import check_finite, check_size, image_batch
from keras_cxr.explain.engine.verification import (
    ACTIVATIONS,
    find_activation,
    own_output,
    tolerance_of,
)
from keras_cxr.keras_graph.layers import Site, list_sites
from keras_cxr.keras_graph.replay import Replay
from keras_cxr.keras_graph.unpublished import graph_of

CHUNK = 32  # images at once: bounds memory, and costs LMAP3 nothing against larger chunks


class Engine:
    """A model as a function of images: scores before the softmax, and their gradients.

    Weights are read at every call. The model is not changed.
    """

    def __init__(
        self,
        model: keras.Model,
        site: Site | None,
        *,
        output: int | str | None,
        call_index: int = -1,
        differentiate: bool = True,
    ) -> None:
        """Choose the layer (None: the images themselves), one of its calls and the output.

        Args:
            model: one that `check_model` accepts.
            site: As `resolve_site` returns it.
            output: As `find_output` returns it.
            call_index: which of the calls of a hidden layer; of others the site says it.
            differentiate: whether `gradients` is wanted; without, any model will do.

        Raises:
            InvalidArgumentError: The model's output is neither scores nor made from scores.
        """
        self.model = model
        self.site = site
        self.input_shape = _input_shape(model)
        sites = list_sites(model)
        self.channels_first = bool(sites) and sites[0].channels_first
        self.num_classes = 0  # known from the first call on, as is how scores become the output
        self.activation = "linear"
        self._replay = Replay(model, site, output)
        self._call_index = call_index
        self._differentiate = differentiate
        self._tolerance = tolerance_of([*(site.operation for site in sites), model])
        self._compiled: dict[tuple[int, ...], GradientFunction] = {}
        self._compiled_scores: dict[tuple[int, ...], Callable[[Floats], Floats]] = {}
        self._checked_shapes: set[tuple[int, ...]] = set()
        self._lock = threading.RLock()

    @property
    def layer(self) -> str:
        """Path of the layer, "input" for the images themselves."""
        return "input" if self.site is None else self.site.path

    def checked(self, images: Any) -> NDArray[Any]:
        """Return images as a batch that fits the model, in any number type.

        Raises:
            InvalidArgumentError: They do not fit.
        """
        channels = self.input_shape[0 if self.channels_first else 2]
        images = image_batch(images, channels=channels, channels_first=self.channels_first)
        check_size(
            images.shape[1:],
            self.input_shape,
            model_name=self.model.name,
            channels_first=self.channels_first,
        )
        check_range_for(self.model, images, InvalidArgumentError)
        self._prepare(images)
        return images

    def size(self, images: NDArray[Any]) -> tuple[int, int]:
        """Height and width of a batch."""
        height, width = images.shape[2:] if self.channels_first else images.shape[1:3]
        return height, width

    def gradients(self, images: Floats, class_index: NDArray[np.int32]) -> ScoreGradients:
        """Return scores, classes, the layer's output and the gradients of the class's score.

        Args:
            images: As `checked` returned them, float32.
            class_index: (batch,) int32, -1 for the class with the highest score.

        Raises:
            InvalidArgumentError: The model computes NaN or infinite values.
        """
        self._prepare(images)
        function = self._compiled[images.shape[1:]]
        parts = [
            [array[:count] for array in function(chunk, index)]
            for count, chunk, index in self._filled(images, class_index)
        ]
        joined: Any = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return ScoreGradients(*joined)

    def scores(self, images: Floats) -> Floats:
        """Return the scores before the softmax alone, (batch, classes) float32."""
        self._prepare(images)
        function = self._score_function(images.shape[1:])
        parts = [
            function(chunk)[:count]
            for count, chunk, _ in self._filled(images, np.zeros(len(images), np.int32))
        ]
        scores = np.concatenate(parts)
        self.check_results(scores, scores, first=0)
        return scores

    def probabilities(self, scores: Floats) -> Floats:
        """Return softmax or sigmoid of the scores, as in the model.

        Of a model that returns scores: their softmax, of one alone the sigmoid.
        """
        one = self.activation == "linear" and scores.shape[1] == 1
        name = "sigmoid" if one or self.activation == "sigmoid" else "softmax"
        return np.asarray(ACTIVATIONS[name](scores), np.float32)

    def check_results(self, values: Floats, scores: Floats, *, first: int) -> None:
        """Raise where the model computed NaN or infinite values; `first` counts the images."""
        axes = tuple(range(1, values.ndim))
        finite = np.isfinite(values).all(axis=axes) & np.isfinite(scores).all(axis=1)
        if not finite.all():
            raise self._not_finite(first + int((~finite).argmax()))

    def _filled(
        self, images: Floats, class_index: NDArray[np.int32]
    ) -> Iterator[tuple[int, Floats, NDArray[np.int32]]]:
        """Chunks of the number of images that the model takes, and how many of each count."""
        fixed = self._replay.fixed_batch
        step = fixed or CHUNK
        for start in range(0, len(images), step):
            chunk, index = images[start : start + step], class_index[start : start + step]
            count = len(chunk)
            if fixed and count < fixed:
                chunk = np.resize(chunk, (fixed, *chunk.shape[1:]))
                index = np.resize(index, fixed)
            yield count, chunk, index

    def _score_function(self, shape: tuple[int, ...]) -> Callable[[Floats], Floats]:
        with self._lock:
            if shape not in self._compiled_scores:
                self._compiled_scores[shape] = compile_scores(self._replay, shape)
            return self._compiled_scores[shape]

    def _prepare(self, images: NDArray[Any]) -> None:
        """Compile for the images' size and check what came out, unless that is done."""
        check_not_forked()
        shape = images.shape[1:]
        with self._lock:
            if shape in self._checked_shapes:
                return
            sample = np.resize(images[:1], (self._replay.fixed_batch or 1, *shape))
            sample = sample.astype(np.float32)
            check_finite(sample, first=0)
            try:
                self._compile(sample)
            except (KerasCXRError, MemoryError):
                raise
            except Exception as error:  # whatever a model's own code raises
                raise InvalidArgumentError(
                    f"model {self.model.name!r} cannot be run on images of shape (batch, "
                    f"{', '.join(map(str, shape))}): {error}"
                ) from error
            self._checked_shapes.add(shape)

    def _compile(self, sample: Floats) -> None:
        shape = sample.shape[1:]
        if not self._differentiate:
            self._verify(self._score_function(shape), sample)
            return
        if self.site is not None and self.site.hidden:
            with keras.StatelessScope():
                count = self._replay.count_calls(keras.ops.convert_to_tensor(sample))
            call = self._call_index
            self._replay.call = count + call if -count <= call < 0 else call
        function = compile_gradient(self._replay, shape)
        predicted = np.full(len(sample), -1, np.int32)
        self._verify(lambda images: function(images, predicted).scores, sample)
        self._compiled[shape] = function

    def _verify(self, scores_of: Callable[[Floats], Floats], sample: Floats) -> None:
        """Raise unless our scores, put through the activation, are the model's output."""
        scores = scores_of(sample)
        expected = own_output(self._replay, sample, self._tolerance)
        if not (np.isfinite(scores).all() and np.isfinite(expected).all()):
            raise self._not_finite(0)
        self.activation = find_activation(
            self._replay,
            scores,
            expected,
            sample=sample,
            scores_of=scores_of,
            tolerance=self._tolerance,
        )
        self.num_classes = scores.shape[1]

    def _not_finite(self, number: int) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"model {self.model.name!r} computes NaN or infinite values for images[{number}] "
            f"(layer {self.layer!r}, precision {self.model.dtype_policy.name}): check its "
            "weights, or use float32."
        )


def _input_shape(model: Any) -> tuple[int | None, ...]:
    graph = graph_of(model)
    return (None, None, None) if graph is None else tuple(graph.inputs[0].shape)[1:]
