"""What the study's experiments need before they are trained: data, models, settings, folders."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from keras_cxr._support.disk.file_names import RESULT_FILE
from keras_cxr._support.progress import Say
from keras_cxr.data import Datasets, find_images, make_datasets
from keras_cxr.errors import DataError, InvalidArgumentError, WeightsUnavailableError
from keras_cxr.inference.recorded import RUN_RESULT
from keras_cxr.models import build, model_info
from keras_cxr.runs.saving import tell_notes
from keras_cxr.study.experiments import EXPERIMENTS, Experiment
from keras_cxr.training.recipes import get_recipe, options_for

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Job:
    """An experiment with all that its training needs.

    Attributes:
        row: the experiment.
        datasets: what it is trained and tested on.
        model: as it is before training.
        settings: what decides its result, kept in `result.json`.
        folder: where its result lies.
    """

    row: Experiment
    datasets: Datasets
    model: keras.Model
    settings: dict[str, Any]
    folder: Path


def prepare(
    chosen: Iterable[Experiment],
    folder: Path,
    data: Any,
    data_options: dict[str, Any],
    *,
    training: dict[str, Any],
    weights: PathLike | None,
    allow_random_weights: bool,
    say: Say,
) -> list[Job]:
    """Everything that experiments need, found or refused before the first of them is trained.

    Args:
        chosen: the experiments.
        folder: of the study.
        data: what `make_datasets` takes.
        data_options: of `make_datasets`, for all experiments.
        training: `epochs` (`None` is the recipe's), `precision` and `seed`.
        weights: pretrained ones, for the networks that have any.
        allow_random_weights: whether random weights will do where those cannot be had.
        say: called with notes on the data.
    """
    jobs: list[Job] = []
    told: list[str] = []
    for row in chosen:
        datasets = _datasets(row, data, data_options)
        tell_notes(datasets, say, known=told)
        told += datasets.notes
        model, used = _build(
            row, datasets, weights, training["seed"], say if allow_random_weights else None
        )
        described, recipe = asdict(row), get_recipe(row.recipe)
        if row.recipe == "study":
            del described["recipe"]  # results of earlier releases name none
        settings = {
            "experiment": described,
            "data": datasets.fingerprint,
            **training,
            "epochs": recipe.epochs if training["epochs"] is None else training["epochs"],
            **({} if row.recipe == "study" else {"recipe": row.recipe}),
            "weights": None if used is None else str(used),
        }
        jobs.append(Job(row, datasets, model, settings, folder / row.key))
    return jobs


def limited(
    data: Any, max_images_per_class: int, *, root: PathLike | None = None, **_: Any
) -> tuple[pd.DataFrame, Path]:
    """Return a table of at most so many images of each class, and where its paths start.

    Raises:
        InvalidArgumentError: (a ValueError) the number is not positive.
    """
    if max_images_per_class < 1:
        raise InvalidArgumentError(
            f"max_images_per_class must be at least 1, not {max_images_per_class}."
        )
    catalog = find_images(data, root=root)
    table = pd.DataFrame(catalog.entries)[["file", "label", "group", "mask", "part"]]
    of_class = table.groupby("label")["file"]
    place, count = of_class.cumcount(), of_class.transform("size")
    # the images at which floor(place * share) grows: evenly spread, exactly as many as asked
    share = (max_images_per_class / count).clip(upper=1)
    kept = np.floor((place + 1) * share + 1e-9) > np.floor(place * share + 1e-9)
    return table[kept].reset_index(drop=True), catalog.root


def _datasets(row: Experiment, data: Any, options: dict[str, Any]) -> Datasets:
    return make_datasets(
        data,
        augment=row.augment,
        region=row.region,
        color_mode=model_info(row.model).color_mode,
        format="tf" if keras.backend.backend() == "tensorflow" else "keras",
        **{**get_recipe(row.recipe).data_options, **options},
    )


def _build(
    row: Experiment,
    datasets: Datasets,
    weights: PathLike | None,
    seed: int,
    say_fallback: Say | None,
) -> tuple[keras.Model, PathLike | None]:
    """Return the model with repeatable first weights, and the weights that it really got."""
    info = model_info(row.model)
    arguments: dict[str, Any] = {
        "input_shape": datasets.input_shape,
        "num_classes": datasets.num_classes,
        **options_for(info.builder, get_recipe(row.recipe)),
    }
    if not info.takes_weights:
        keras.utils.set_random_seed(seed)
        return build(row.model, **arguments), None
    try:
        keras.utils.set_random_seed(seed)
        return build(row.model, weights=weights, **arguments), weights
    except WeightsUnavailableError as error:
        if say_fallback is None:
            others = "".join(key for key in EXPERIMENTS if key != row.key)
            raise WeightsUnavailableError(
                f"{error} allow_random_weights=True does the last for this experiment alone, and "
                f"says so; experiments={others!r} leaves it out."
            ) from error
        say_fallback(f"{row.key}: {error}\n{row.key}: falling back to random weights, as asked.")
    keras.utils.set_random_seed(seed)
    return build(row.model, weights=None, **arguments), None


def is_done(job: Job, say: Say) -> bool:
    """Whether its folder holds a result with the same settings; a damaged one is said."""
    file = job.folder / RESULT_FILE
    if not file.is_file():
        return False
    try:
        return bool(RUN_RESULT.read(file)["settings"] == job.settings)
    except DataError as error:
        say(f"{job.row.key}: {error}")
        return False
