"""Training a recipe anew on each kind of picture; a finished control is not trained again."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from keras_cxr._support.disk.documents import FormError, parse_json, read_bytes
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import as_json, write_json
from keras_cxr._support.progress import Say, speaker
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr.audit.of_model.base.predictions import (
    LabelledPredictions,
    predictions_in,
    read_predictions,
)
from keras_cxr.audit.of_model.base.scores import chance_of, kept_share, score_of
from keras_cxr.audit.of_model.controls.masking import maskings_of
from keras_cxr.audit.of_model.controls.recipe import Recipe
from keras_cxr.audit.of_model.controls.result import SHUFFLED, Controls
from keras_cxr.data.subset import fewer_images
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation import evaluate
from keras_cxr.training import train

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

MODES = ("none", "quick", "full")
# About 630 batches of 32, as many as two epochs of the whole database hold: twelve minutes for six
# controls of LMAP3 on two cores.
QUICK_IMAGES, QUICK_EPOCHS = 2_500, 8
QUICK_VALIDATION = 500  # images; they decide nothing, and would cost a tenth of the time
SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class _Job:
    """One training: what on, from which seed, and the settings that it is known by."""

    key: str
    title: str
    datasets: "Datasets"
    seed: int
    settings: dict[str, Any]


def train_controls(
    datasets: "Datasets",
    recipe: Recipe,
    *,
    mode: str = "quick",
    folder: Path | None = None,
    num_seeds: int = 1,
    seed: int = 0,
    say: Say | None = None,
    verbose: Any = "auto",
) -> Controls:
    """Return the scores of a recipe trained on the images as they are and as controls.

    Keras' global random seed is set before each model is built. With a folder the work is kept
    there: controls that are done are not trained again, and one that was interrupted goes on
    after its last complete epoch.

    Args:
        datasets: what the model was trained on.
        recipe: how it was trained.
        mode: "full" trains on all training images for the recipe's epochs; "quick" on at most
            2,500 (classes in proportion, groups whole) for at most 8 epochs.
        folder: gets a folder for each control.
        num_seeds: how often the recipe is trained on the images as they are.
        seed: of the first weights, of the images that "quick" draws and of the bootstrap.
        say: called with a line of text before each control;
            by default on standard error, as `verbose` says.
        verbose: progress of each training, as `train` takes it.

    Raises:
        InvalidArgumentError: an unknown mode, no seed, or a model that cannot be built anew.
    """
    if mode not in MODES[1:]:
        raise InvalidArgumentError(f'controls must be "none", "quick" or "full", not {mode!r}.')
    if num_seeds < 1:
        raise InvalidArgumentError(f"num_seeds must be at least 1, not {num_seeds!r}.")
    tell = speaker(say, verbose)
    epochs = recipe.epochs
    if mode == "quick":
        epochs = min(epochs, QUICK_EPOCHS)
        datasets = fewer_images(datasets, QUICK_IMAGES, seed=seed)
        if datasets.val is not None:
            datasets = fewer_images(datasets, QUICK_VALIDATION, part="val", seed=seed)
    jobs, notes = _jobs(datasets, recipe, epochs=epochs, seeds=range(seed, seed + num_seeds))
    found: dict[str, LabelledPredictions] = {}
    started, trained = time.perf_counter(), 0
    for number, job in enumerate(jobs, 1):
        place = None if folder is None else folder / job.key
        head = f"control {number} of {len(jobs)}: {job.title}"
        predictions = None if place is None else _done(place, job)
        if predictions is not None:
            tell(f"{head}: done before, skipped")
        else:
            tell(f"{head}{_left(started, trained, len(jobs) - number + 1)}")
            predictions = _train(job, recipe, place, verbose)
            trained += 1
        found[job.key] = predictions_in(predictions, job.datasets)
    whole = found["full"]
    controls = {job.key: job.title for job in jobs if not job.key.startswith("seed-")}
    return Controls(
        mode=mode,
        scores={key: score_of(found[key]) for key in controls},
        kept={key: kept_share(whole, found[key], seed=seed) for key in controls if key != "full"},
        titles=controls,
        seeds=tuple(
            score_of(predictions).balanced_accuracy.value
            for key, predictions in found.items()
            if key == "full" or key.startswith("seed-")
        ),
        chance=chance_of(whole),
        region=datasets.region,
        num_training=len(datasets.files("train")),
        epochs=epochs,
        notes=notes,
    )


def _jobs(
    datasets: "Datasets", recipe: Recipe, *, epochs: int, seeds: range
) -> tuple[list[_Job], tuple[str, ...]]:
    maskings, notes = maskings_of(datasets)
    todo = [(one.key, one.title, one.of(datasets), seeds[0]) for one in maskings]
    todo.append((SHUFFLED, "labels shuffled", _shuffled(datasets, seeds[0]), seeds[0]))
    todo += [(f"seed-{seed}", f"seed {seed}", datasets, seed) for seed in seeds[1:]]
    described = {**recipe.to_dict(), "epochs": epochs}
    jobs = []
    for key, title, altered, seed in todo:
        settings = {"data": altered.fingerprint, "recipe": described, "seed": seed}
        plain = as_json({"schema_version": SCHEMA_VERSION, **settings})
        jobs.append(_Job(key, title, altered, seed, plain))
    return jobs, notes


def _shuffled(datasets: "Datasets", seed: int) -> "Datasets":
    """Return the data sets with the classes of train and val images dealt out at random."""
    rng = np.random.default_rng(seed)
    table = datasets.table
    index_of = {name: index for index, name in enumerate(datasets.class_names)}
    parts = [part for part in ("train", "val") if (table["part"] == part).any()]
    return datasets.altered(
        labels={
            part: rng.permutation(
                [index_of[name] for name in table["class"][table["part"] == part]]
            )
            for part in parts
        }
    )


def _done(place: Path, job: _Job) -> pd.DataFrame | None:
    """Return the predictions of a control that is done with the same settings."""
    record, table = place / "control.json", place / "predictions.csv"
    if not _is_of(record, job):
        return None
    try:
        predictions = read_predictions(table)
        predictions_in(predictions, job.datasets)
    except DataError:  # damaged: trained again
        return None
    return predictions


def _is_of(record: Path, job: _Job) -> bool:
    """Whether a file beside a control names the job's settings; a damaged one does not."""
    try:
        return bool(parse_json(read_bytes(record)) == job.settings)
    except FormError:
        return False


def _train(job: _Job, recipe: Recipe, place: Path | None, verbose: Any) -> pd.DataFrame:
    resume = False
    if place is not None:
        begun = output_folder(place) / "begun.json"
        resume = _is_of(begun, job)
        (place / "control.json").unlink(missing_ok=True)
        if not resume and (place / "run").is_dir():
            shutil.rmtree(place / "run")  # before `begun.json` says whose it is
        write_json(begun, job.settings)
    model = recipe.new_model(job.seed)
    train(
        model,
        job.datasets,
        recipe=recipe.stages(),
        epochs=job.settings["recipe"]["epochs"],
        optimizer=recipe.new_optimizer(),
        loss=recipe.new_loss(),
        class_weight=recipe.class_weight,
        precision=recipe.precision,
        run_dir=None if place is None else place / "run",
        resume=resume,
        verbose=verbose,
    )
    predictions = evaluate(model, job.datasets).predictions
    if place is not None:
        write_whole(place / "predictions.csv", csv_text(predictions))
        write_json(place / "control.json", job.settings)
    return predictions


def _left(started: float, trained: int, waiting: int) -> str:
    """How long the controls that wait will take, once one of them was trained."""
    if not trained:
        return ""
    minutes = (time.perf_counter() - started) / trained * waiting / 60
    return f", {max(1, round(minutes))} min left for {waiting}"
