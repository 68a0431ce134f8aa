"""Whether heat maps of phantoms meet the lesions, whose places are known."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_cxr.data import make_datasets
from keras_cxr.explain import GradCAM, plot_heatmaps
from keras_cxr.heatmap_pages.masks import read_mask
from keras_cxr.keras_graph.interface import predict_probabilities


@dataclass(frozen=True, eq=False)
class LesionHeat:
    """How Grad-CAM's maps lie to the drawn lesions, over right answers with a lesion and a map.

    Attributes:
        heat: mean share of a map's heat that lies inside the lesions; NaN without any image.
        peaks: share of the maps whose hottest pixel lies inside a lesion (the pointing game of
            Zhang et al. 2018, "Top-down Neural Attention by Excitation Backprop", without its
            margin of 15 pixels).
        area: mean share of the picture that the lesions cover. A map without any idea would reach
            this in both.
        num_images: number of images.
        figure: the first two images of each class, the lesions outlined; None without any.
    """

    heat: float
    peaks: float
    area: float
    num_images: int
    figure: Figure | None

    def __str__(self) -> str:
        if self.num_images == 0:
            return "Grad-CAM: no test image with a lesion was answered right, so no map is judged"
        return (
            f"Grad-CAM: the hottest point lies in a lesion in {self.peaks:.0%} of "
            f"{self.num_images} images, and {self.heat:.0%} of the heat; by chance it would be "
            f"{self.area:.0%}, the lesions' share of the picture"
        )


def measure_lesion_heat(model: keras.Model, phantoms: Path, *, seed: int = 0) -> LesionHeat:
    """Compare the maps of the test images that were answered right with the drawn lesions.

    Args:
        model: trained on the phantoms with the same split seed.
        phantoms: folder of `make_phantoms`.
        seed: of the split.
    """
    height, width = model.input_shape[1:3]
    datasets = make_datasets(
        phantoms,
        image_size=(height, width),
        augment=False,
        seed=seed,
        format="keras",
        group_duplicates=False,
    )
    images, labels = datasets.load("test")
    lesions = np.stack(
        [
            read_mask(phantoms / file.replace("/images/", "/lesions/"), (height, width))
            for file in datasets.files("test")
        ]
    )
    gradcam = GradCAM(model, placement="receptive_field")
    explained = gradcam.explain(images)
    maps = explained.heatmap
    used = np.flatnonzero(
        (explained.class_index == labels) & lesions.any((1, 2)) & maps.any((1, 2))
    )
    if len(used) == 0:
        return LesionHeat(float("nan"), float("nan"), float("nan"), 0, None)
    heat = (maps * lesions).sum((1, 2))[used] / maps.sum((1, 2))[used]
    hottest = maps[used].reshape(len(used), -1).argmax(axis=1)
    firsts = [number for c in np.unique(labels[used]) for number in used[labels[used] == c][:2]]
    sure = predict_probabilities(model, images[firsts])
    figure = plot_heatmaps(
        images[firsts],
        maps[firsts],
        [
            f"{datasets.class_names[label]} {row[label]:.0%}"
            for label, row in zip(labels[firsts], sure, strict=True)
        ],
        outlines=lesions[firsts],
        title=f"Drawn lesions (outlined) and Grad-CAM, layer {gradcam.layer}",
    )
    return LesionHeat(
        float(heat.mean()),
        float(lesions[used].reshape(len(used), -1)[np.arange(len(used)), hottest].mean()),
        float(lesions[used].mean()),
        len(used),
        figure,
    )
