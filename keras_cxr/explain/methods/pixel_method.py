"""Methods that look at the pixels themselves: gradients of the score with respect to the image."""

import abc
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats, ScoreGradients
from keras_cxr.explain.engine.run import Engine
from keras_cxr.explain.methods.method import Method, Part
from keras_cxr.keras_graph.interface import check_model, find_output
from keras_cxr.keras_graph.unpublished import graph_of


class PixelMethod(Method):
    """Base of the methods that need no layer; one of your own needs `attribute` alone."""

    def __init__(
        self,
        model: keras.Model,
        layer: None = None,
        *,
        output: int | str | None = None,
        normalize: bool = True,
        settings: dict[str, Any] | None = None,
        differentiate: bool = True,
    ) -> None:
        """Build the engine.

        Args:
            model: As for `GradCAM`.
            layer: None, always.
            output: As for `GradCAM`.
            normalize: As for `GradCAM`.
            settings: what `with_model` passes to the class besides.
            differentiate: whether the method needs gradients.
        """
        check_model(model)
        if layer is not None:
            raise InvalidArgumentError(
                f"{self.title} looks at the pixels: it takes no layer; received {layer!r}."
            )
        super().__init__(
            Engine(model, None, output=find_output(model, output), differentiate=differentiate),
            normalize=normalize,
            settings={"output": output, **(settings or {})},
        )
        graph = graph_of(model)
        kind = "float32" if graph is None else str(graph.inputs[0].dtype)
        if differentiate and not kind.startswith(("float", "bfloat")):
            raise InvalidArgumentError(
                f"{self.title} differentiates by the pixels; model {model.name!r} takes them as "
                f"{kind}, which has no gradient. Choose Occlusion or a method of layers."
            )

    def _explain_part(self, images: Floats, class_index: NDArray[np.int32], *, first: int) -> Part:
        found = self._gradients(images, class_index, first)
        raw_map, delta = self.attribute(images, found, first=first)
        heatmap = np.maximum(raw_map, 0)
        return Part(heatmap, raw_map, found.scores, found.class_index, delta)

    @abc.abstractmethod
    def attribute(
        self, images: Floats, found: ScoreGradients, *, first: int
    ) -> tuple[Floats, Floats | None]:
        """Return the raw maps (batch, height, width), and the convergence delta if there is one.

        Args:
            images: up to 32 images, float32, in the model's own layout.
            found: their scores, the classes to explain, and d score / d image as `gradients`.
            first: number of the first image among all, for messages.
        """

    def _gradients(
        self, images: Floats, class_index: NDArray[np.int32], first: int
    ) -> ScoreGradients:
        """Scores and gradients, shown to be finite."""
        found = self._engine.gradients(images, class_index)
        self._engine.check_results(found.gradients, found.scores, first=first)
        return found

    def _over_channels(self, values: Floats, reduce: Any) -> Floats:
        return np.asarray(reduce(values, axis=1 if self._engine.channels_first else -1))
