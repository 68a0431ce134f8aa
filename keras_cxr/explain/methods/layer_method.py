"""Methods that look at the output of one layer: class activation maps."""

import abc
import warnings
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats, ScoreGradients
from keras_cxr.explain.engine.maps import upsample
from keras_cxr.explain.engine.run import Engine
from keras_cxr.explain.methods.method import Method, Part
from keras_cxr.keras_graph.interface import check_model, find_output
from keras_cxr.keras_graph.layers import default_site, list_sites, resolve_site
from keras_cxr.keras_graph.placement import PLACEMENTS, Axes, receptive_fields


class LayerMethod(Method):
    """Base of the methods that combine a layer's channels into a map.

    A method of your own needs `combine` alone (and `name` and `title`, to be printed).

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import LayerMethod
        >>> class Activity(LayerMethod):
        ...     name, title = "activity", "Mean activation"
        ...
        ...     def combine(self, activations, gradients):
        ...         return activations.mean(axis=-1)
        >>> Activity(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    def __init__(
        self,
        model: keras.Model,
        layer: Any | None = None,
        *,
        output: int | str | None = None,
        call_index: int = -1,
        placement: str = "stretch",
        normalize: bool = True,
    ) -> None:
        check_model(model)
        check_choice("placement", placement, PLACEMENTS, shown=str)
        number = find_output(model, output)
        site = resolve_site(model, layer, output=number, call_index=call_index)
        engine = Engine(model, site, output=number, call_index=call_index)
        super().__init__(
            engine,
            normalize=normalize,
            settings={
                "layer": site.path,
                "output": output,
                "call_index": call_index,
                "placement": placement,
            },
        )
        self._site, self._output = site, number
        self._placement = placement
        self._placed: dict[tuple[int, int], Axes] = {}
        self._warned = False
        if site.map_size == (1, 1):
            self._warn_flat()
        height, width = engine.input_shape[1:] if engine.channels_first else engine.input_shape[:2]
        if height and width:
            self.axes((height, width))  # which raises where the layer's place is not known

    def with_model(self, model: keras.Model) -> Self:
        """Return the same method, layer and settings for another model with the same layers.

        Args:
            model: such as `keras.models.clone_model` gives it.

        Raises:
            InvalidArgumentError: (a ValueError) it has no such layer.
        """
        return _made_for(model, type(self), self._settings, self._which())

    def __reduce__(self) -> Any:
        """Pickle and copy what it was made from; a copy compiles again when it is first used."""
        return _made_for, (self.model, type(self), self._settings, self._which())

    def _which(self) -> tuple[int, int] | None:
        """Of several layers with this path, the place of this one among so many."""
        places = [s for s in list_sites(self.model) if s.path == self.layer]
        if len({id(s.operation) for s in places}) < 2:
            return None
        return [s.operation is self._site.operation for s in places].index(True), len(places)

    @abc.abstractmethod
    def combine(self, activations: Floats, gradients: Floats) -> NDArray[Any]:
        """Return the map, before ReLU, at the layer's own resolution.

        Args:
            activations: A, (batch, map height, map width, channels) float32.
            gradients: d S / d A of the same shape, S the class's score before the softmax.

        Returns:
            (batch, map height, map width), of any sign: positive where the class is supported.
        """

    def _explain_part(self, images: Floats, class_index: NDArray[np.int32], *, first: int) -> Part:
        found = self._engine.gradients(images, class_index)
        raw_map = self._raw_map(found)
        self._engine.check_results(raw_map, found.scores, first=first)
        size = self._engine.size(images)
        axes = self.axes(size)
        if axes and (axes[0].count, axes[1].count) != raw_map.shape[1:]:
            raise InvalidArgumentError(
                f"where the cells of layer {self.layer!r} look is not known: its map has "
                f'{raw_map.shape[1:]} cells; pass placement="stretch".'
            )
        heatmap = upsample(np.maximum(raw_map, 0), size, axes)
        return Part(heatmap, raw_map, found.scores, found.class_index)

    def _raw_map(self, found: ScoreGradients) -> Floats:
        activations, gradients = found.activations, found.gradients
        if activations.ndim != 4:
            raise InvalidArgumentError(
                f"layer {self.layer!r} gives shape {activations.shape}, which is no map with "
                "height and width; choose a layer with four dimensions."
            )
        if self._site.channels_first:
            activations, gradients = (np.moveaxis(a, 1, -1) for a in (activations, gradients))
        if activations.shape[1:3] == (1, 1):
            self._warn_flat()
        raw_map = np.asarray(self.combine(activations, gradients), np.float32)
        if raw_map.shape != activations.shape[:3]:
            raise InvalidArgumentError(
                f"{type(self).__name__}.combine must return (batch, map height, map width) = "
                f"{activations.shape[:3]}; it returned {raw_map.shape}."
            )
        return raw_map

    def axes(self, size: tuple[int, int]) -> Axes | None:
        """Where in an image of (height, width) the map's cells are drawn; None when stretched."""
        if self._placement == "stretch":
            return None
        if size not in self._placed:
            self._placed[size] = receptive_fields(self.model, self._site, size)
        return self._placed[size]

    def _warn_flat(self) -> None:
        if self._warned:
            return
        self._warned = True
        try:
            better = default_site(self.model, self._output)
            advice = f" Choose {better.path!r}." if better.path != self.layer else ""
        except InvalidArgumentError:
            advice = ""
        warnings.warn(
            f"layer {self.layer!r} gives maps of 1 x 1: each heat map is one flat colour and "
            f"shows no place.{advice}",
            UserWarning,
            stacklevel=3,
        )


def _made_for(
    model: keras.Model,
    kind: type[LayerMethod],
    settings: dict[str, Any],
    which: tuple[int, int] | None,
) -> Any:
    layer: Any = settings["layer"]
    if which is not None:
        others = [s for s in list_sites(model) if s.path == layer]
        layer = others[which[0]].operation if len(others) == which[1] else layer
    return kind(model, **{**settings, "layer": layer})
