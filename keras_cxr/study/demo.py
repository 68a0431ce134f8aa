"""The demo: phantoms, a trained LMAP3, its table, plots, heat maps and report."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from keras_cxr._files import output_folder
from keras_cxr.data import make_datasets, make_phantoms
from keras_cxr.explain import GradCAM
from keras_cxr.study.run import StudyResult, run_study

EXPERIMENT = "B"
# half the study's: so few images need more steps for the batch normalization's averages
BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class DemoResult:
    """What the demo found.

    Attributes:
        study: the one experiment's results and where its report lies.
        heat_in_lesions: mean share of a map's heat that lies inside the drawn lesions, over the
            test images with a lesion that were answered right; NaN where there is none.
        lesion_area: mean share of the picture that those lesions cover: the heat of a map
            without any idea would lie in them by this share.
    """

    study: StudyResult
    heat_in_lesions: float
    lesion_area: float

    def __str__(self) -> str:
        result = self.study.results[EXPERIMENT]["evaluation"]
        chance = 1 / len(result["class_names"])
        return (
            f"LMAP3 on phantoms: accuracy {result['accuracy']:.3f} "
            f"[{result['accuracy_interval'][0]:.3f}, {result['accuracy_interval'][1]:.3f}] on "
            f"{result['num_images']} test images (guessing: {chance:.2f})\n"
            f"Grad-CAM: {self.heat_in_lesions:.0%} of the heat lies in the lesions, which cover "
            f"{self.lesion_area:.0%} of the picture\n"
            f"Report: {self.study.report}\n"
            "Phantoms are drawings: these figures say nothing about real X-rays."
        )


def run_demo(
    out_dir: str | os.PathLike[str] = "demo-report",
    *,
    epochs: int = 20,
    images_per_class: int = 240,
    seed: int = 0,
    say: Callable[[str], None] = print,
    verbose: Any = "auto",
) -> DemoResult:
    """Draw phantoms, run experiment B on them and measure whether the maps hit the lesions.

    Args:
        out_dir: gets `phantoms/`, `B/`, the tables and `report.html`.
        epochs: training epochs.
        images_per_class: phantoms of each of the four classes.
        seed: of the phantoms, the split, the augmentation and the first weights.
        say: called with lines of text on the way.
        verbose: progress of training, as `train` takes it.

    Raises:
        OutputError: (an OSError) the folder cannot be written.
    """
    folder = output_folder(out_dir)
    say(f"Drawing {4 * images_per_class} phantoms in {folder / 'phantoms'}")
    phantoms = make_phantoms(folder / "phantoms", images_per_class=images_per_class, seed=seed)
    study = run_study(
        phantoms,
        folder,
        EXPERIMENT,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        seed=seed,
        say=say,
        verbose=verbose,
    )
    model = keras.saving.load_model(folder / EXPERIMENT / "run" / "last.keras", compile=False)
    return DemoResult(study, *lesion_heat(model, phantoms, seed=seed))


def lesion_heat(model: keras.Model, phantoms: Path, *, seed: int = 0) -> tuple[float, float]:
    """Mean share of Grad-CAM's heat in the lesions, and mean share of the picture they cover.

    Over the test images with a lesion whose class the model got right.

    Args:
        model: trained on the phantoms with the same split seed.
        phantoms: folder of `make_phantoms`.
        seed: of the split.
    """
    height, width = model.input_shape[1:3]
    datasets = make_datasets(
        phantoms, image_size=(height, width), augment=False, seed=seed, format="keras"
    )
    images, labels = datasets.load("test")
    right = np.asarray(model.predict_on_batch(images)).argmax(axis=1) == labels
    maps = GradCAM(model)(images)
    shares, areas = [], []
    for index, file in enumerate(datasets.files("test")):
        path = phantoms / file.replace("/images/", "/lesions/")
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None or not right[index]:
            continue
        lesion = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) > 127
        if lesion.any() and maps[index].sum() > 0:
            shares.append(float(maps[index][lesion].sum() / maps[index].sum()))
            areas.append(float(lesion.mean()))
    if not shares:
        return float("nan"), float("nan")
    return float(np.mean(shares)), float(np.mean(areas))
