"""The demo: phantoms, a trained LMAP3, its table, plots, heat maps and report."""

import os
from dataclasses import dataclass
from typing import Any

from keras_cxr._support.disk.file_names import (
    LAST_MODEL_FILE,
    LESIONS_PICTURE,
    PHANTOMS_FILE,
    RUN_FOLDER,
)
from keras_cxr._support.disk.files import output_folder
from keras_cxr._support.disk.outputs import STUDY, check_free
from keras_cxr._support.progress import Say, speaker
from keras_cxr.data import make_phantoms
from keras_cxr.data.finding.walk import read_folder
from keras_cxr.errors import OutputError
from keras_cxr.models.files import read_model
from keras_cxr.runs.pictures import DPI
from keras_cxr.study.lesion_heat import LesionHeat, measure_lesion_heat
from keras_cxr.study.report import write_report
from keras_cxr.study.run import StudyResult, run_study

EXPERIMENT = "B"
# half the study's: so few images need more steps for the batch normalization's averages
BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class DemoResult:
    """What the demo found.

    Attributes:
        study: the one experiment's results and where its report lies.
        lesions: how the heat maps lie to the drawn lesions.
    """

    study: StudyResult
    lesions: LesionHeat

    def __str__(self) -> str:
        result = self.study.results[EXPERIMENT]["evaluation"]
        chance = 1 / len(result["class_names"])
        return (
            f"LMAP3 on phantoms: accuracy {result['accuracy']:.3f} "
            f"[{result['accuracy_interval'][0]:.3f}, {result['accuracy_interval'][1]:.3f}] on "
            f"{result['num_images']} test images (guessing: {chance:.2f})\n"
            f"{self.lesions}\n"
            f"Report: {self.study.report}\n"
            "Phantoms are drawings: these figures say nothing about real X-rays."
        )


def run_demo(
    out_dir: str | os.PathLike[str] = "demo-report",
    *,
    epochs: int = 20,
    images_per_class: int = 240,
    seed: int = 0,
    say: Say | None = None,
    verbose: Any = "auto",
) -> DemoResult:
    """Draw phantoms, run experiment B on them and measure whether the maps hit the lesions.

    Args:
        out_dir: gets `phantoms/`, `B/`, the tables and `report.html`.
        epochs: training epochs.
        images_per_class: phantoms of each of the four classes.
        seed: of the phantoms, the split, the augmentation and the first weights.
        say: called with lines of text on the way; by default on standard error, as `verbose` says.
        verbose: progress of training, as `train` takes it.

    Raises:
        OutputError: (an OSError) the folder cannot be written, or holds images of somebody else.
    """
    folder = check_free(out_dir, STUDY)
    drawn = (folder / "phantoms" / PHANTOMS_FILE).is_file()
    if not drawn and folder.is_dir() and any(read_folder(folder).images()):
        raise OutputError(
            f"The folder {folder} holds images: phantoms drawn beside them would become part of "
            "that data. Pass a new folder."
        )
    output_folder(folder)
    speaker(say, verbose)(f"Drawing {4 * images_per_class} phantoms in {folder / 'phantoms'}")
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
        group_duplicates=False,  # phantoms are drawn one by one: to look for copies takes a minute
    )
    model = read_model(folder / EXPERIMENT / RUN_FOLDER / LAST_MODEL_FILE)
    lesions = measure_lesion_heat(model, phantoms, seed=seed)
    if lesions.figure is not None:
        lesions.figure.savefig(folder / EXPERIMENT / LESIONS_PICTURE, dpi=DPI)
        write_report(folder, study.results)
    return DemoResult(study, lesions)
