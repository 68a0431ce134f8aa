"""The images of one check with their maps and controls, and each measure over all of these maps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.maps import Floats, normalize
from keras_cxr.explain.faithfulness import controls, localization, perturbation
from keras_cxr.explain.faithfulness.measures import AREA, METHOD
from keras_cxr.explain.faithfulness.randomization import Randomization, randomize_cascading
from keras_cxr.explain.faithfulness.sensitivity import max_sensitivity
from keras_cxr.explain.methods.layer_method import LayerMethod
from keras_cxr.explain.methods.method import Method

Doubles = NDArray[np.float64]
Values = dict[str, dict[str, Doubles]]
RANDOMIZED_IMAGES, RANDOMIZED_DRAWS, RANDOMIZED_STAGES = 16, 4, 5


@dataclass(frozen=True, eq=False)
class MappedImages:
    """The images with everything that several measures need; maps and ranks by name."""

    method: Method
    images: Floats
    fills: Floats
    class_index: NDArray[np.int32]
    maps: dict[str, Floats]
    ranks: dict[str, NDArray[np.int32]]
    probability: perturbation.ClassProbability
    before: Doubles
    after: Doubles

    @property
    def no_map(self) -> NDArray[np.bool_]:
        """(images,): the method's map is zero everywhere."""
        return np.asarray(self.maps[METHOD].max(axis=(1, 2)) == 0)

    @property
    def laid_out(self) -> dict[str, Floats]:
        """The method's values in the order of every map; its own map stays as it is."""
        own = self.maps[METHOD]
        return {name: controls.with_values_of(own, ranks) for name, ranks in self.ranks.items()}


def prepare(
    method: Method,
    images: Floats,
    class_index: ArrayLike | None,
    *,
    fills: Floats,
    seed: int,
    batch_size: int,
) -> MappedImages:
    """Return the images with their maps, their classes fixed and all pixels ranked."""
    explained = method.explain(images, class_index)
    own = normalize(explained.heatmap)
    size = (images.shape[1], images.shape[2])
    if own.shape[1:] != size:
        raise InvalidArgumentError(
            "images must be (batch, height, width, channels), the channels last; received "
            f"{images.shape}, whose maps are {own.shape}."
        )
    cells = (explained.raw_map.shape[1], explained.raw_map.shape[2])
    axes = method.axes(size) if isinstance(method, LayerMethod) else None
    rng = np.random.default_rng([seed, 0])
    maps = {METHOD: own, **controls.control_maps(images, cells, rng, axes=axes)}
    flat = maps["random"].reshape(len(images), -1)
    shuffled = np.argsort(rng.random(flat.shape), axis=1)  # where the random maps too are zero
    ties = controls.order_of(flat, shuffled)
    probability = perturbation.ClassProbability(method, explained.class_index, batch_size)
    return MappedImages(
        method,
        images,
        fills,
        explained.class_index,
        maps,
        {name: controls.pixel_ranks(found, ties) for name, found in maps.items()},
        probability,
        probability(images),
        probability(fills),
    )


def probability_curves(mapped: MappedImages, fractions: Doubles) -> Values:
    """Return, by "deletion" or "insertion" and map, (images, points): the class's probability."""
    counts = np.round(fractions[1:-1] * mapped.images[0, ..., 0].size).astype(np.intp)
    found: Values = {}
    for kind, first, last in (
        ("deletion", mapped.before, mapped.after),
        ("insertion", mapped.after, mapped.before),
    ):
        found[kind] = {}
        for name, ranks in mapped.ranks.items():
            inner = perturbation.curve(
                mapped.probability,
                mapped.images,
                mapped.fills,
                ranks=ranks,
                counts=counts,
                deletion=kind == "deletion",
            )
            found[kind][name] = np.column_stack([first, inner, last])
    return found


def through_the_map(mapped: MappedImages) -> Values:
    """Return average drop and increase in confidence by map, (images,) each."""
    drops, gains = {}, {}
    for name, heat in mapped.laid_out.items():
        seen = mapped.probability(perturbation.kept(mapped.images, mapped.fills, heat))
        drops[name] = perturbation.average_drop(mapped.before, seen)
        gains[name] = (seen > mapped.before).astype(np.float64)
    return {"average_drop": drops, "increase": gains}


def sensitivity(mapped: MappedImages, *, noise: float, draws: int, seed: int) -> dict[str, Doubles]:
    """Return the sensitivity to noise of the method and of every control, (images,) each."""
    found = max_sensitivity(
        mapped.maps,
        {
            METHOD: _explainer(mapped, mapped.class_index)(mapped.method.model),
            **controls.FIXED_CONTROLS,
        },
        mapped.images,
        noise=noise,
        draws=draws,
        rng=np.random.default_rng([seed, 1]),
    )
    return found | {"random": np.zeros(len(mapped.images))}  # drawn without a look at the image


def inside(mapped: MappedImages, areas: dict[str, localization.Masks], *, tolerance: int) -> Values:
    """Return pointing game and energy for each mask, by map and beside the area's share."""
    found: Values = {}
    laid_out = mapped.laid_out if areas else {}
    for mask, area in areas.items():
        wide = localization.widened(area, tolerance)
        pointing = {name: localization.pointing_game(heat, wide) for name, heat in laid_out.items()}
        energy = {name: localization.energy_inside(heat, area) for name, heat in laid_out.items()}
        found[f"pointing_{mask}"] = {**pointing, AREA: localization.area_share(wide)}
        found[f"energy_{mask}"] = {**energy, AREA: localization.area_share(area)}
    return found


def randomized(mapped: MappedImages, *, seed: int) -> tuple[Randomization | None, str]:
    """Return the cascade over at most 16 images, evenly chosen; or None and why there is none."""
    count = len(mapped.images)
    chosen = np.unique(np.linspace(0, count - 1, min(count, RANDOMIZED_IMAGES)).round().astype(int))
    try:
        found = randomize_cascading(
            mapped.method.model,
            _explainer(mapped, mapped.class_index[chosen]),
            mapped.images[chosen],
            maps=mapped.maps[METHOD][chosen],
            random_maps=mapped.maps["random"][chosen],
            draws=RANDOMIZED_DRAWS,
            stages=RANDOMIZED_STAGES,
            rng=np.random.default_rng([seed, 2]),
        )
    except InvalidArgumentError as error:  # the other measures stand without it
        return None, str(error)
    return found, ""


def _explainer(mapped: MappedImages, class_index: NDArray[np.int32]) -> Callable[[Any], Any]:
    """Return a function from a model to one from images to the method's maps with it."""

    def for_model(model: Any) -> Callable[[Floats], Floats]:
        same = model is mapped.method.model
        method = mapped.method if same else mapped.method.with_model(model)
        return lambda images: normalize(method(images, class_index))

    return for_model
