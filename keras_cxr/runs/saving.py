"""One training run with everything it leaves in its folder, for the study and for one model."""

import os
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from keras_cxr._support.disk.file_names import (
    PHANTOMS_FILE,
    PREDICTIONS_FILE,
    RESULT_FILE,
    RUN_FOLDER,
    SPLIT_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr.data import Datasets
from keras_cxr.evaluation import Evaluation, evaluate
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.runs.pictures import save_pictures
from keras_cxr.runs.trust import write_trust
from keras_cxr.training import train

SCHEMA_VERSION = 1
PACKAGES = ("keras-cxr", "keras", "numpy", "opencv-python-headless", "scikit-learn")


def tell_notes(
    datasets: Datasets, say: Callable[[str], None], *, known: Sequence[str] = ()
) -> None:
    """Say what is worth knowing of the data but its copies, and but what is known already."""
    passed = {*known, str(datasets.copies)}
    for note in datasets.notes:
        if note not in passed:
            say(f"Note: {note}")


def train_and_save(
    model: keras.Model,
    datasets: Datasets,
    folder: Path,
    *,
    settings: dict[str, Any],
    resume: bool = True,
    verbose: Any = "auto",
) -> Evaluation:
    """Train, test and write what a reader of the folder needs; `result.json` last.

    Args:
        model: an uncompiled model, trained in place.
        datasets: what it is trained and tested on.
        folder: gets `run/` (models, checkpoint and `unusual.npz`), `split.csv`,
            `predictions.csv`, pictures, `model_audit.json` and `result.json`.
        settings: kept in `result.json`; `epochs`, `precision` and, where it is not the study's,
            `recipe` are read from it.
        resume: go on with an interrupted run in the folder.
        verbose: progress, as `train` takes it.
    """
    output_folder(folder)
    write_whole(folder / SPLIT_FILE, csv_text(datasets.table))
    run = train(
        model,
        datasets,
        recipe=settings.get("recipe", "study"),
        epochs=settings["epochs"],
        precision=settings["precision"],
        run_dir=folder / RUN_FOLDER,
        resume=resume,
        verbose=verbose,
    )
    evaluation = evaluate(model, datasets)
    predictions = evaluation.predictions
    write_whole(folder / PREDICTIONS_FILE, csv_text(predictions))
    save_pictures(folder, model=model, datasets=datasets, run=run, found=evaluation)
    unusual = OutOfDistribution.fit(model, datasets, seed=datasets.seed)
    unusual.save(folder / RUN_FOLDER / UNUSUAL_FILE)
    write_trust(folder, model=model, datasets=datasets, predictions=predictions)
    counts = datasets.table.groupby(["class", "part"]).size().unstack(fill_value=0)
    result = {
        "schema_version": SCHEMA_VERSION,
        "settings": settings,
        "machine": describe_machine(),
        "parameters": model.count_params(),
        "training": {
            "precision": run.precision,
            "history": run.history,
            "seconds_per_epoch": run.seconds_per_epoch,
            "validation_seconds": run.validation_seconds,
            "best_epoch": run.best_epoch,
            **({} if run.head is None else {"head": vars(run.head)}),
        },
        "images": {
            str(name): {str(part): int(count) for part, count in row.items()}
            for name, row in counts.iterrows()
        },
        "phantoms": datasets.root is not None and (datasets.root / PHANTOMS_FILE).is_file(),
        "data_summary": datasets.summary,
        "evaluation": evaluation.to_dict(),
    }
    write_json(folder / RESULT_FILE, result)
    return evaluation


def describe_machine() -> dict[str, str]:
    """Return what a result was measured on, as words: processor, cores, backend and versions."""
    backend = keras.backend.backend()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ""),
        "accelerator": ", ".join(keras.distribution.list_devices("gpu")) or "none",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "backend": f"{backend} {metadata.version(backend)}",
        **{package: metadata.version(package) for package in PACKAGES},
    }


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
