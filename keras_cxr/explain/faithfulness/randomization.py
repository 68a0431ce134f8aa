"""Whether a map depends on what the model has learnt: its weights are drawn anew, layer by layer.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps". A map that stays the same
while the model forgets everything shows the image, not the model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.maps import Floats
from keras_cxr.keras_graph.clone import cloned
from keras_cxr.keras_graph.walk import leaf_layers

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Randomization:
    """How alike the maps of the model and of its ever more random copies are.

    Attributes:
        layers: the layer that each stage ends with; all from the output back to it are random.
        similarity: (draws, stages, images) float64 in [-1, 1], Spearman's rank correlation of the
            two maps' pixels; NaN where either map is constant, which has no ranks.
        chance: (images,) float64, the same between the model's maps and random maps of the same
            coarseness: what two maps that know nothing of each other reach.
    """

    layers: tuple[str, ...]
    similarity: Doubles
    chance: Doubles

    @property
    def means(self) -> Doubles:
        """(draws, stages): over the images, constant maps left out; NaN where all are constant.

        Images share the random weights of a draw, so that one draw is one proof, however many
        images there are.
        """
        known = ~np.isnan(self.similarity)
        count = known.sum(axis=2)
        total = np.where(known, self.similarity, 0).sum(axis=2)
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)

    def spread(self, stage: int) -> tuple[float, float, float]:
        """Mean, lowest and highest of the draws' `means` at a stage; NaN where there are none."""
        found = self.means[:, stage]
        found = found[~np.isnan(found)]
        if found.size == 0:
            return np.nan, np.nan, np.nan
        return float(found.mean()), float(found.min()), float(found.max())

    @property
    def num_constant(self) -> NDArray[np.intp]:
        """(stages,): pairs, of all draws and images, of which either map is constant."""
        return np.isnan(self.similarity).sum(axis=(0, 2))


def randomize_cascading(
    model: keras.Model,
    explainer: Callable[[keras.Model], Callable[[Floats], Floats]],
    images: Floats,
    *,
    maps: Floats,
    random_maps: Floats,
    draws: int,
    stages: int,
    rng: np.random.Generator,
) -> Randomization:
    """Return how alike the maps stay while a copy's weights are drawn anew from the output back.

    Kernels become normal noise around 0 of the same root mean square; vectors (biases, batch
    statistics) are shuffled, so that variances stay positive. The model itself is not touched.

    Args:
        model: to be cloned by `keras.models.clone_model`.
        explainer: from a model to the function that maps images with it.
        images: (batch, height, width, channels) float32 in [0, 255].
        maps: the model's maps of the images, (batch, height, width) float32.
        random_maps: the random control's maps, of the same shape.
        draws: how often all weights are drawn: with random weights a map's sign is a matter of
            luck, so that one draw says little.
        stages: how often maps are made in each draw, at most once for each layer with weights: at
            the last layer first, with all layers at the end, evenly between.
        rng: where the weights come from.

    Raises:
        InvalidArgumentError: The model cannot be cloned, or has no weights.
    """
    clone = cloned(
        model,
        failing="cloned, so that its weights cannot be drawn anew",
        advice="Use a Functional or Sequential model, or pass randomize=False.",
    )
    explain = explainer(clone)
    layers = [(path, layer) for path, layer in leaf_layers(clone) if layer.get_weights()][::-1]
    if not layers:
        raise InvalidArgumentError(f"model {model.name!r} has no weights that could be random.")
    numbers = np.linspace(0, len(layers) - 1, min(stages, len(layers))).round().astype(int)
    similarity = np.empty((draws, len(numbers), len(images)))
    for draw in similarity:
        clone.set_weights(model.get_weights())
        found = iter(draw)
        for number, (_, layer) in enumerate(layers):
            layer.set_weights([redrawn(weight, rng) for weight in layer.get_weights()])
            if number in numbers:
                next(found)[:] = rank_correlation(maps, explain(images))
    names = tuple(layers[number][0] for number in numbers)
    return Randomization(names, similarity, rank_correlation(maps, random_maps))


def redrawn(weight: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return a weight of the same shape and scale that has learnt nothing."""
    if weight.dtype.kind not in "fV":  # counters, states of random layers
        return weight
    if weight.ndim < 2:
        return rng.permutation(weight)
    size = np.sqrt(np.square(weight.astype(np.float64)).mean())
    return np.asarray(rng.normal(0, size, weight.shape), weight.dtype)


def rank_correlation(maps: Floats, others: Floats) -> Doubles:
    """Return Spearman's correlation of the pixels of two maps, equal pixels sharing their rank.

    Args:
        maps: (batch, height, width) float32.
        others: of the same shape.

    Returns:
        (batch,) float64 in [-1, 1]; NaN where either map is constant.
    """
    found = np.full(len(maps), np.nan)
    for number, (one, other) in enumerate(zip(maps, others, strict=True)):
        if np.ptp(one) > 0 and np.ptp(other) > 0:
            ranks = rankdata(one), rankdata(other)
            found[number] = np.corrcoef(*ranks)[0, 1]
    return found
