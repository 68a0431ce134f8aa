"""Where a model looks: the share of Grad-CAM's heat that lies in the lungs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.scores import in_words, interval_of, mean_of
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, measured, not_measured
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain import GradCAM
from keras_cxr.explain.faithfulness.controls import control_maps
from keras_cxr.explain.faithfulness.localization import area_share, energy_inside
from keras_cxr.statistics.intervals.estimates import Estimate

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

MOST_IMAGES = 200  # the interval of the mean is then about 0.04 wide, after seconds of work


@dataclass(frozen=True, eq=False)
class LungHeat:
    """How much of the heat of a model's own predictions lies in the lungs, beside their area.

    Heat outside the lungs is no proof of a shortcut (heart, ribs and mediastinum are findings
    too, and masks often leave out the lung behind the heart). Heat inside is no proof of reading
    it: `docs/heatmaps.md` says what Grad-CAM does not show.

    Attributes:
        heat: mean share of a map's heat inside the lung mask, in [0, 1].
        area: mean share of the picture that the masks cover: what a map of one heat everywhere
            reaches.
        random: the same share for random maps of the layer's own resolution.
        num_images: test images with a map and a mask, spread evenly over the part.
        layer: what Grad-CAM looked into.
    """

    heat: Estimate
    area: float
    random: Estimate
    num_images: int
    layer: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The shares in one sentence."""
        sentence = (
            f"Of the Grad-CAM heat of its answers on {self.num_images:,} test images "
            f"{in_words(self.heat)} lies in the lungs, which cover {self.area:.2f} of the picture; "
            f"of random maps {in_words(self.random)}."
        )
        return (Finding("lung_heat", sentence, self.heat.value, interval_of(self.heat)),)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        return {
            "heat": self.heat.to_dict(),
            "area": self.area,
            "random": self.random.to_dict(),
            "num_images": self.num_images,
            "layer": self.layer,
        }


def ask_lung_heat(subject: AuditedModel) -> Outcome:
    """Return what `measure_lung_heat` finds, or why it finds nothing."""
    what = "heat in the lungs"
    try:
        found = measure_lung_heat(subject.model, subject.datasets, seed=subject.seed)
    except InvalidArgumentError as error:
        return not_measured(what, error)
    if found is None:
        return not_measured(what, "no test image has both a mask and a map.")
    return measured(found)


def measure_lung_heat(
    model: keras.Model, datasets: "Datasets", *, seed: int = 0
) -> LungHeat | None:
    """Return where the heat of a model's predictions lies, on at most 200 test images.

    None where no test image has both a lung mask and a map with any heat.

    Args:
        model: a trained classifier with a convolution.
        datasets: what it was trained on.
        seed: of the random maps and of the bootstrap.

    Raises:
        InvalidArgumentError: the model has no layer that Grad-CAM can look into.
    """
    table = datasets.table[datasets.table["part"] == "test"]
    masked = np.flatnonzero(table["mask"] != "")
    if not len(masked):
        return None
    places = np.linspace(0, len(masked) - 1, min(len(masked), MOST_IMAGES)).round().astype(int)
    rows = masked[places]
    images, _ = datasets.load("test", rows)
    lungs = np.asarray(datasets.load_masks("test", rows), bool)
    gradcam = GradCAM(model, placement="stretch")
    explained = gradcam.explain(images)
    size = (explained.raw_map.shape[1], explained.raw_map.shape[2])
    noise = control_maps(images, size, np.random.default_rng(seed))["random"]
    inside = energy_inside(explained.heatmap, lungs)
    used = np.isfinite(inside)
    if not used.any():
        return None
    groups = table["group"].to_numpy(str)[rows][used]
    return LungHeat(
        heat=mean_of(inside[used], groups, seed=seed),
        area=float(area_share(lungs)[used].mean()),
        random=mean_of(energy_inside(noise, lungs)[used], groups, seed=seed),
        num_images=int(used.sum()),
        layer=gradcam.layer,
    )
