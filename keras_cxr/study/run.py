"""Runs the study's experiments: one split for all, each resumable, skipped when done."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.disk.file_names import (
    LAST_MODEL_FILE,
    MODEL_AUDIT_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    RESULT_FILE,
    RUN_FOLDER,
    STUDY_RESULTS_FILE,
    STUDY_TABLE_FILE,
)
from keras_cxr._support.disk.files import write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import RUN, STUDY, check_free
from keras_cxr._support.progress import Say, speaker
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr._support.text.terminal import table_text
from keras_cxr.audit.of_model.base.predictions import read_predictions
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation import Comparison
from keras_cxr.inference.recorded import RUN_RESULT
from keras_cxr.models.files import read_model
from keras_cxr.runs.saving import SCHEMA_VERSION, train_and_save
from keras_cxr.runs.trust import AUDIT, compare_experiments, counted_by_groups, write_trust
from keras_cxr.study.experiments import EXPERIMENTS, Experiment, select_experiments
from keras_cxr.study.jobs import Job, PathLike, is_done, limited, prepare
from keras_cxr.study.report import results_table, write_report


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Where a study's results lie, and its table.

    Attributes:
        out_dir: the folder that was written.
        report: the self-contained HTML report in it.
        table: a row per experiment: accuracy and seconds per epoch beside the study's own.
        results: what `result.json` of each experiment holds, by its letter.
        comparison: every pair of experiments on the same test images; `None` for one alone.
    """

    out_dir: Path
    report: Path
    table: pd.DataFrame
    results: dict[str, dict[str, Any]]
    comparison: Comparison | None = None

    def __str__(self) -> str:
        columns = {
            "experiment": "",
            "title": "experiment",
            "accuracy": "accuracy",
            "study_accuracy": "(study)",
            "balanced_accuracy": "balanced",
            "seconds_per_epoch": "s/epoch",
            "study_seconds_per_epoch": "(study)",
        }
        shown = self.table.reset_index()[list(columns)]
        digits = [1 if name.endswith("seconds_per_epoch") else 3 for name in columns]
        lines = table_text(shown.set_axis(list(columns.values()), axis=1), digits=digits)
        return f"{lines}\n\nReport: {self.report}"

    def to_dict(self) -> dict[str, Any]:
        """Return what `results.json` holds."""
        return {
            "schema_version": SCHEMA_VERSION,
            "experiments": self.results,
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
        }


def run_study(
    data: Any,
    out_dir: PathLike,
    experiments: str = "ABCDE",
    *,
    epochs: int | None = None,
    batch_size: int = 32,
    image_size: tuple[int, int] = (224, 224),
    seed: int = 0,
    precision: str = "auto",
    weights: PathLike | None = "imagenet",
    allow_random_weights: bool = False,
    max_images_per_class: int | None = None,
    say: Say | None = None,
    verbose: Any = "auto",
    **data_options: Any,
) -> StudyResult:
    """Table, plots, models and report of the study's experiments on a folder of X-rays.

    A  LMAP3 on full images without augmentation, B with, C on the lung section only,
    D AlexNet, E VGG19, both on full images with augmentation; Adam, categorical cross-entropy,
    class weights, the same split for all. The study names augmentation for C in its time per
    epoch alone (35.9 s beside 34.4 s for B); it is on here.

    Called again with the same folder, an experiment that is done is skipped and one that was
    interrupted goes on after its last complete epoch. Keras' global random seed is set before
    each model is built, so that its first weights repeat.

    Args:
        data: what `make_datasets` takes: a folder, a CSV file or a DataFrame.
        out_dir: folder for the results; `report.html` in it shows all of them.
        experiments: letters from A to G. F and G are rows of ours: LMAP3 and AlexNet on full images
            by the recipe "best", so that the table says what the recipe gives and what the
            network.
        epochs: of every experiment; `None` is what its recipe says, 25 in the study.
        batch_size: images in a batch.
        image_size: `(height, width)` in pixels; at least 94 x 94 for LMAP3.
        seed: of the split, the augmentation and the first weights.
        precision: "auto", "float32" or "mixed_bfloat16", as `train` takes it.
        weights: of a network that takes any, here VGG19: "imagenet", a path, or `None` for random
            weights. The argument's former name, `vgg19_weights`, is taken too.
        allow_random_weights: train it from random weights where the ImageNet weights cannot be
            had, and say so, in place of the error.
        max_images_per_class: use no more of each class, spread evenly over its files: for a
            quick trial.
        say: called with a line of text when something begins or ends;
            by default on standard error, as `verbose` says.
        verbose: progress of training, as `train` takes it.
        **data_options: further options of `make_datasets`, such as `on_error="skip"`.

    Raises:
        InvalidArgumentError: (a ValueError) an unknown experiment or an invalid option.
        WeightsUnavailableError: (an OSError) the weights, before anything is trained.
        OutputError: (an OSError) the output folder cannot be written.
        DataError: (a ValueError) images or masks that cannot be used.

    Examples:
        >>> run_study("COVID-19_Radiography_Dataset", "results", "AB")  # doctest: +SKIP
    """
    tell = speaker(say, verbose)
    weights = data_options.pop("vgg19_weights", weights)
    chosen = select_experiments(experiments)
    _check_fixed(data_options)
    folder = _check_folders(out_dir, chosen, data, data_options)
    if max_images_per_class is not None:
        data, data_options["root"] = limited(data, max_images_per_class, **data_options)
    data_options |= {"image_size": image_size, "batch_size": batch_size, "seed": seed}
    jobs = prepare(
        chosen,
        folder,
        data,
        data_options,
        training={"epochs": epochs, "precision": precision, "seed": seed},
        weights=weights,
        allow_random_weights=allow_random_weights,
        say=tell,
    )
    while jobs:  # a job's model and data are let go when it is done
        _train_or_skip(jobs.pop(0), say=tell, verbose=verbose)
        result = _collect(folder)
    return result


def _check_fixed(data_options: dict[str, Any]) -> None:
    fixed = {"augment", "region", "color_mode", "format"} & set(data_options)
    if fixed:
        raise InvalidArgumentError(
            f"The experiments themselves set {', '.join(sorted(fixed))}; call make_datasets and "
            "train for other combinations."
        )


def _check_folders(
    out_dir: PathLike,
    chosen: Iterable[Experiment],
    data: Any,
    data_options: dict[str, Any],
) -> Path:
    """Return the study's folder; neither it nor an experiment's holds files of somebody else."""
    inputs = (data, data_options.get("groups"), data_options.get("audit"))
    folder = check_free(out_dir, STUDY, inputs=inputs)
    for row in chosen:
        check_free(folder / row.key, RUN, inputs=inputs)
    return folder


def _train_or_skip(job: Job, *, say: Say, verbose: Any) -> None:
    if is_done(job, say):
        say(f"{job.row.key}: {job.row.title}: done before, skipped")
        _audit_if_missing(job)
    else:
        say(f"{job.row.key}: {job.row.title}")
        train_and_save(job.model, job.datasets, job.folder, settings=job.settings, verbose=verbose)


def _audit_if_missing(job: Job) -> None:
    """Audit an experiment whose audit is damaged, or which an earlier version left without."""
    try:
        AUDIT.read(job.folder / MODEL_AUDIT_FILE)
    except DataError:
        write_trust(
            job.folder,
            model=read_model(job.folder / RUN_FOLDER / LAST_MODEL_FILE),
            datasets=job.datasets,
            predictions=read_predictions(job.folder / PREDICTIONS_FILE),
        )


def _collect(folder: Path) -> StudyResult:
    """Tables and report of every experiment that is done in the folder, also in earlier calls."""
    results = {
        file.parent.name: counted_by_groups(file.parent, RUN_RESULT.read(file))
        for file in sorted(folder.glob(f"[A-Z]/{RESULT_FILE}"))
        if file.parent.name in EXPERIMENTS
    }
    table = results_table(results)
    write_whole(folder / STUDY_TABLE_FILE, csv_text(table, index=True))
    comparison = compare_experiments(folder, list(results))
    result = StudyResult(folder, folder / REPORT_FILE, table, results, comparison)
    write_json(folder / STUDY_RESULTS_FILE, result.to_dict())
    write_report(folder, results, comparison)
    return result
