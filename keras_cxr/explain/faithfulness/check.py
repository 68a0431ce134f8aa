"""What a heat map is worth: its measures beside those of maps that know nothing of the model."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.inputs import image_batch
from keras_cxr.explain.faithfulness import measuring, perturbation
from keras_cxr.explain.faithfulness.comparison import ControlComparison, compare
from keras_cxr.explain.faithfulness.localization import Masks
from keras_cxr.explain.faithfulness.measures import (
    METHOD,
    PROBABILITY_MEASURES,
    SENSITIVITY,
    Measure,
    mask_measures,
)
from keras_cxr.explain.faithfulness.report import Faithfulness
from keras_cxr.explain.faithfulness.verdicts import write_sentences
from keras_cxr.explain.methods.method import Method
from keras_cxr.statistics.intervals.means import mean_of_few

# Least and largest value, and whether only whole numbers will do.
_RANGES = {
    "steps": (2, 1000, True),
    "tolerance": (0, 1000, True),
    "noise": (0.01, 255, False),
    "noise_draws": (0, 1000, True),
    "confidence": (0.5, 0.999, False),
    "batch_size": (1, 100_000, True),
    "seed": (0, 2**32 - 1, True),
}


def check_faithfulness(
    method: Method,
    images: ArrayLike,
    class_index: ArrayLike | None = None,
    *,
    masks: Mapping[str, ArrayLike] | None = None,
    steps: int = 20,
    fill: str | float = "blur",
    tolerance: int = 0,
    noise: float = 5.0,
    noise_draws: int = 4,
    randomize: bool = True,
    seed: int = 0,
    confidence: float = 0.95,
    batch_size: int = 32,
) -> Faithfulness:
    """Return what a method's maps of these images are worth, beside controls.

    Six questions are put to the maps and to four maps that do not know the model (random cells,
    the image itself, the centre, the edges): deletion and insertion (Petsiuk et al. 2018),
    average drop and increase in confidence (Chattopadhyay et al. 2018), sensitivity to noise (Yeh
    et al. 2019), and for masks the pointing game (Zhang et al. 2018) and the energy inside (Wang
    et al. 2020), these also beside the mask's share of the picture. Then the weights of a copy of
    the model are drawn anew, layer by layer (Adebayo et al. 2018). The functions of
    `perturbation`, `localization`, `sensitivity` and `randomization` state each formula.

    - Each image's class is fixed before anything is changed; its probability is `method.predict`'s.
    - Equally hot pixels change in the order of the random control. A map of zeros therefore does
      exactly as well as the random control.
    - For average drop and energy each control holds the values of the method's own map, laid out
      in its own order: as much heat, as peaked, in another place.
    - A map of zeros has no hottest pixel: it is left out of pointing, energy and sensitivity.

    Nothing here shows that a finding is there, or that the model looks at the right thing. A map
    that beats all controls tells faithfully what the model uses, the wrong thing included.

    Cost: steps = 20 needs 197 forward passes of each image, about 10 (steps - 1) + 7, and
    1 + `noise_draws` explanations; the randomisation at most 20 explanations of 16 images. The
    model, its weights and all random states are left alone.

    Args:
        method: of `keras_cxr.explain`, or your own.
        images: (batch, height, width, channels) or (batch, height, width), any number type, in
            [0, 255]; a few dozen at least for intervals that say something. All are held in
            memory with their maps: about 4 MB each at 224 x 224.
        class_index: class to explain: None for each image's predicted class, an integer for all,
            or one for each image.
        masks: by name, such as "lungs" and "lesions": (batch, height, width) bool. Images with an
            empty mask (no lesion) are left out of that mask's questions.
        steps: into how many equal shares of the pixels deletion and insertion are cut.
        fill: what takes a pixel's place: "blur", a strong blur of the image, or one grey value in
            [0, 255]; `perturbation.filled` says why.
        tolerance: how many pixels outside a mask the hottest may lie in the pointing game. The
            paper's 15 pixels of about 500 suit photographs; lesions are small, so that the
            default is 0. The area's share is that of the widened mask.
        noise: of the sensitivity, in grey values.
        noise_draws: noisy copies of each image for the sensitivity; 0 leaves it out.
        randomize: whether to draw weights anew.
        seed: of the random maps, noise, weights and intervals.
        confidence: of the intervals, in (0, 1).
        batch_size: images per forward pass.

    Raises:
        InvalidArgumentError: (a ValueError) images, classes or masks do not fit, a number is out
            of range. A model that cannot be cloned is no error: the report then says so and holds
            the rest.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import GradCAM, build_lenet5
        >>> from keras_cxr.explain import check_faithfulness
        >>> method = GradCAM(build_lenet5((32, 32, 1), 2))
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 1))
        >>> found = check_faithfulness(method, images, steps=4)
        >>> found.values["deletion"]["method"].shape
        (8,)
    """
    if not isinstance(method, Method):
        raise InvalidArgumentError(
            f"method must be an explanation method such as GradCAM(model); received {method!r}."
        )
    pictures = image_batch(images).astype(np.float32)
    areas = _checked_masks(masks or {}, pictures.shape[:3])
    _check_numbers(steps=steps, tolerance=tolerance, noise=noise, noise_draws=noise_draws)
    _check_numbers(confidence=confidence, batch_size=batch_size, seed=seed)
    fills = perturbation.filled(pictures, fill)
    mapped = measuring.prepare(
        method, pictures, class_index, fills=fills, seed=seed, batch_size=batch_size
    )
    fractions = np.linspace(0, 1, steps + 1)
    curves = measuring.probability_curves(mapped, fractions)
    values = {
        kind: {name: perturbation.area_under(found, fractions) for name, found in row.items()}
        for kind, row in curves.items()
    }
    values |= measuring.through_the_map(mapped)
    if noise_draws:
        values["sensitivity"] = measuring.sensitivity(
            mapped, noise=noise, draws=noise_draws, seed=seed
        )
    values |= measuring.inside(mapped, areas, tolerance=tolerance)
    test, problem = (
        measuring.randomized(mapped, seed=seed) if randomize else (None, "not asked for.")
    )
    asked = [*PROBABILITY_MEASURES, SENSITIVITY, *mask_measures(areas)]
    measures = tuple(measure for measure in asked if measure.key in values)
    found = Faithfulness(
        title=str(getattr(method, "title", type(method).__name__)),
        layer=method.layer,
        class_index=mapped.class_index,
        measures=measures,
        values=values,
        curves={
            kind: {name: found.mean(axis=0) for name, found in row.items()}
            for kind, row in curves.items()
        },
        fractions=fractions,
        probability=mapped.before,
        fill_probability=mapped.after,
        no_map=mapped.no_map,
        randomization=test,
        randomization_problem=problem,
        settings={
            "steps": int(steps),
            "fill": fill if isinstance(fill, str) else float(fill),
            "tolerance": int(tolerance),
            "noise": float(noise),
            "noise_draws": int(noise_draws),
            "seed": int(seed),
            "confidence": float(confidence),
        },
        estimates={
            measure: {
                name: mean_of_few(each, confidence=confidence, seed=seed)
                for name, each in row.items()
            }
            for measure, row in values.items()
        },
        comparisons={
            measure.key: _against_controls(
                measure, values[measure.key], confidence=confidence, seed=seed
            )
            for measure in measures
            if measure is not SENSITIVITY
        },
    )
    return replace(found, sentences=write_sentences(found))


def _against_controls(
    measure: Measure, values: dict[str, measuring.Doubles], *, confidence: float, seed: int
) -> dict[str, ControlComparison]:
    """Return, by control, how the method does against it on one measure."""
    return {
        name: compare(
            values[METHOD],
            control,
            lower_is_better=measure.lower_is_better,
            confidence=confidence,
            seed=seed,
        )
        for name, control in values.items()
        if name != METHOD
    }


def _checked_masks(masks: Mapping[str, ArrayLike], shape: tuple[int, ...]) -> dict[str, Masks]:
    found = {}
    for name, mask in masks.items():
        array = np.asarray(mask)
        if array.dtype != np.bool_ or array.shape != shape:
            raise InvalidArgumentError(
                f"masks[{name!r}] must be bool of shape {shape}, one mask for each image; received "
                f"{array.dtype} of shape {array.shape}. Compare first, as in masks > 127."
            )
        found[name] = array
    return found


def _check_numbers(**numbers: float) -> None:
    for name, value in numbers.items():
        least, largest, whole = _RANGES[name]
        is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not is_number or not least <= value <= largest or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise InvalidArgumentError(
                f"{name} must be {kind} from {least} to {largest}; received {value!r}."
            )
