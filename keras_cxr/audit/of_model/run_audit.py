"""`audit_run`: the audit of a training run's folder, with the images and recipe of that run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_cxr._support.progress import Say
from keras_cxr.audit.of_model.audit import audit_model
from keras_cxr.audit.of_model.controls.recipe import Recipe, builder_of, recipe_of, recipe_of_run
from keras_cxr.audit.of_model.result import ModelAudit
from keras_cxr.data import Datasets, make_datasets
from keras_cxr.errors import DataError
from keras_cxr.inference import Classifier, load_classifier
from keras_cxr.inference.recorded import recorded_catalog, recorded_result, recorded_run
from keras_cxr.models import build as build_by_name
from keras_cxr.models import list_models, model_info

PathLike = str | os.PathLike[str]


def audit_run(
    run: PathLike,
    data: PathLike,
    *,
    controls: str = "none",
    build: Callable[[], keras.Model] | None = None,
    out_dir: PathLike | None = None,
    say: Say | None = None,
    **options: Any,
) -> ModelAudit:
    """Return what speaks for and against the score of a run's model, on the run's own split.

    Args:
        run: folder of a run (as `keras-cxr train` or `study` left it), or a `.keras` file in it.
        data: the folder or CSV file that it was trained on.
        controls: as `audit_model` takes it; the recipe is the run's own: optimizer, class
            weights, precision, batch size, augmentation.
        build: returns a new, untrained model; by default the run's own architecture,
            from the pretrained weights it was begun with where it takes any.
        out_dir: where controls are kept, so that they go on after an interruption.
        say: called with a line of text before each piece of work;
            by default on standard error, as `verbose` says.
        **options: further ones of `audit_model`.

    Raises:
        NotFoundError: there is no such model or data.
        InvalidArgumentError: no run lies beside the model, or an option cannot work.
        DataError: images of the run are missing, or the classes are other ones.
        WeightsUnavailableError: pretrained weights that controls would begin from.
        OutputError: `out_dir` cannot be written.
    """
    classifier = load_classifier(run)
    datasets = datasets_of_run(classifier, run, data)
    record, result = _record(run), recorded_result(run)
    notes = []
    fingerprint = record.get("settings", {}).get("data", {}).get("fingerprint")
    if fingerprint is not None and fingerprint != datasets.fingerprint:
        notes.append(
            "Images, labels or augmentation are not quite those that the run was trained with: "
            "its data fingerprint differs."
        )
    recipe = None
    if controls != "none":
        if build is None:
            build = _builder(classifier.model, result)
            notes += _notes_on_builder(result)
        recipe = _recipe(record, classifier.model, datasets, build)
    return audit_model(
        classifier.model,
        datasets,
        controls=controls,
        recipe=recipe,
        out_dir=out_dir,
        notes=tuple(notes),
        say=say,
        **options,
    )


def datasets_of_run(classifier: Classifier, run: PathLike, data: PathLike) -> Datasets:
    """Return the data sets that a run was trained, validated and tested on.

    Raises:
        InvalidArgumentError: no run lies beside the model.
        DataError: images of the run are missing, or the classes are other ones.
    """
    known = classifier.data_options
    names = [
        name for name in ("region", "batch_size", "augment", "seed", "intensity") if name in known
    ]
    datasets = make_datasets(
        recorded_catalog(run, data),
        image_size=classifier.image_size,
        color_mode=classifier.color_mode,
        format="tf" if keras.backend.backend() == "tensorflow" else "keras",
        **{name: known[name] for name in names},
    )
    if datasets.class_names != classifier.class_names:
        raise DataError(
            f"{data} has the classes {', '.join(datasets.class_names)}, the model predicts "
            f"{', '.join(classifier.class_names)}. Name the folder that it was trained on."
        )
    return datasets


def _record(run: PathLike) -> dict[str, Any]:
    """Return what the run's `run.json` holds; empty where only a model is left."""
    place = Path(run)
    for folder in (place, place / "run", place.parent):
        record = recorded_run(folder)
        if record:
            return record
    return {}


def _builder(model: keras.Model, result: dict[str, Any]) -> Callable[[], keras.Model]:
    """Return the architecture with new weights, or with those that the run began from."""
    name = _model_name(result)
    if name is None or name not in list_models() or not model_info(name).takes_weights:
        return builder_of(model)
    shape, count = tuple(model.input_shape[1:]), model.output_shape[-1]
    return lambda: build_by_name(
        name, input_shape=shape, num_classes=count, weights=result["settings"].get("weights")
    )


def _notes_on_builder(result: dict[str, Any]) -> list[str]:
    """Say where it cannot be known what a run began from: its package may not be installed here."""
    name = _model_name(result)
    if name is None or name in list_models():
        return []
    return [
        f"No model is called {name!r} here: the controls have the run's layers and begin from "
        "random weights, whatever the run began from."
    ]


def _model_name(result: dict[str, Any]) -> str | None:
    """Return the run's name in the registry; None where no registry was asked."""
    settings = result.get("settings", {})
    name: str | None = settings.get("model") or settings.get("experiment", {}).get("model")
    return name


def _recipe(
    record: dict[str, Any],
    model: keras.Model,
    datasets: Datasets,
    build: Callable[[], keras.Model],
) -> Recipe:
    if not record:
        return recipe_of(model, build=build)
    return recipe_of_run(record, datasets, build=build)
