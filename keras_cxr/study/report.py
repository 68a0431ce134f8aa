"""The study's table beside ours, as a data frame and as one self-contained HTML file."""

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.disk.file_names import (
    LESIONS_PICTURE,
    REPORT_FILE,
    RUN_FOLDER,
    RUN_PICTURES,
)
from keras_cxr._support.disk.files import write_whole
from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.pages import data_address, render_page
from keras_cxr.evaluation import Comparison
from keras_cxr.models import model_info
from keras_cxr.runs.trust import questions
from keras_cxr.study.experiments import (
    EXPERIMENTS,
    STUDY_CLASS_COUNTS,
    STUDY_EPOCHS,
    STUDY_IMAGE_SIZE,
)
from keras_cxr.training.checkpoint import read_record

PICTURES = {
    RUN_PICTURES["curves"]: "Loss and accuracy per epoch, training and validation",
    RUN_PICTURES["confusion_matrix"]: (
        "Confusion matrix of the test images in percent of the real class"
    ),
    RUN_PICTURES["predictions"]: "Test images with their answers, spread evenly over the files",
    LESIONS_PICTURE: "Where the drawn lesions are, and where the heat lies",
    RUN_PICTURES["gradcam_answers"]: (
        "Grad-CAM of right and of wrong answers, spread over each class's files"
    ),
    RUN_PICTURES["gradcam_average"]: "Average heat map of each answer, over the average image",
}


def results_table(results: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return a row per experiment: our figures, each beside the study's where it has one.

    Seconds per epoch are the median over the epochs, of the training pass alone: the first
    epoch holds the compilation too.
    """
    rows = []
    for key, result in results.items():
        row, found, training = EXPERIMENTS[key], result["evaluation"], result["training"]
        rows.append(
            {
                "experiment": key,
                "title": row.title,
                "accuracy": found["accuracy"],
                "accuracy_low": found["accuracy_interval"][0],
                "accuracy_high": found["accuracy_interval"][1],
                "study_accuracy": row.study_accuracy,
                "balanced_accuracy": found["balanced_accuracy"],
                "balanced_accuracy_low": found["balanced_accuracy_interval"][0],
                "balanced_accuracy_high": found["balanced_accuracy_interval"][1],
                "seconds_per_epoch": statistics.median(training["seconds_per_epoch"]),
                "study_seconds_per_epoch": row.study_seconds,
                "epochs": len(training["seconds_per_epoch"]),
                "precision": training["precision"],
                "parameters": result["parameters"],
                "test_images": found["num_images"],
            }
        )
    return pd.DataFrame(rows).set_index("experiment")


def write_report(
    folder: Path, results: dict[str, dict[str, Any]], comparison: Comparison | None = None
) -> Path:
    """Write `report.html`, with every picture inside the file, and return its path."""
    sections = [
        {
            "key": key,
            "title": EXPERIMENTS[key].title,
            "result": result,
            "pictures": [
                (data_address(path.read_bytes()), text)
                for path, text in ((folder / key / name, text) for name, text in PICTURES.items())
                if path.is_file()
            ],
        }
        for key, result in results.items()
    ]
    page = render_page(
        "keras_cxr.study",
        "report.html.j2",
        table=as_json(results_table(results).reset_index().to_dict("records")),
        sections=sections,
        questions=questions(folder, list(results), comparison),
        differences=_differences(folder, results),
        machine=next(reversed(results.values()))["machine"],
    )
    path = folder / REPORT_FILE
    write_whole(path, page)
    return path


def _differences(folder: Path, results: dict[str, dict[str, Any]]) -> list[str]:
    """Return what makes our figures and the study's not comparable digit by digit, in words."""
    first = next(iter(results.values()))
    ours = {name: sum(parts.values()) for name, parts in first["images"].items()}
    lines = []
    if first["phantoms"]:
        lines.append(
            "Phantoms, drawn by keras-cxr: no figure here says anything about real X-rays."
        )
    if ours != STUDY_CLASS_COUNTS:
        lines.append(
            f"Data: {sum(ours.values()):,} images ({_counts(ours)}); the study had "
            f"{sum(STUDY_CLASS_COUNTS.values()):,} ({_counts(STUDY_CLASS_COUNTS)}). Accuracy "
            "depends on how many images each class has: compare balanced accuracy too."
        )
    sizes = _image_sizes(folder, results)
    if sizes not in ([STUDY_IMAGE_SIZE], []):
        here = " or ".join(f"{height} x {width}" for height, width in sizes)
        lines.append(
            f"Image size: {here} here, {STUDY_IMAGE_SIZE[0]} x {STUDY_IMAGE_SIZE[1]} in the study."
        )
    ours_alone = [key for key in results if EXPERIMENTS[key].recipe != "study"]
    lines += [f"{EXPERIMENTS[key].title} ({key}) is a row of ours." for key in ours_alone]
    epochs = sorted(
        {
            len(result["training"]["seconds_per_epoch"])
            for key, result in results.items()
            if key not in ours_alone
        }
    )
    if epochs not in ([STUDY_EPOCHS], []):
        lines.append(f"Epochs: {' or '.join(map(str, epochs))} here, {STUDY_EPOCHS} in the study.")
    precisions = sorted({r["training"]["precision"] for r in results.values()})
    lines.append(f"Precision: {' and '.join(precisions)} here; the study does not name its own.")
    machine = first["machine"]
    lines.append(
        f"Machine: {machine['processor']}, {machine['cores']} cores, accelerator: "
        f"{machine['accelerator']}. The study's times are from another machine: only the ratios "
        "between its rows can be set beside the ratios between ours."
    )
    for key, found in results.items():
        row, weights = EXPERIMENTS[key], found["settings"]["weights"]
        if model_info(row.model).takes_weights and weights != "imagenet":
            lines.append(
                f"{row.title.split(',')[0]} ({key}) started from {weights or 'random weights'}, "
                "not from Keras' ImageNet weights as in the study."
            )
    return lines


def _image_sizes(folder: Path, keys: Iterable[str]) -> list[tuple[int, int]]:
    """(height, width) of the experiments' images, as far as their runs are still there."""
    records = [read_record(folder / key / RUN_FOLDER) for key in keys]
    sizes = [found["settings"]["data"].get("image_size") for found in records if found]
    return sorted({(size[0], size[1]) for size in sizes if size})


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
