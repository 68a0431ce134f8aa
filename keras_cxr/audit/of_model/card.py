"""`write_model_card`: what a model is worth, written from what was measured and nothing else."""

import math
import os
from pathlib import Path
from typing import Any

import jinja2

from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.text.markdown import markdown_text
from keras_cxr.audit.of_model.base.scores import in_words
from keras_cxr.audit.of_model.base.tables import score_rows, view_rows
from keras_cxr.audit.of_model.result import ModelAudit
from keras_cxr.statistics.intervals.estimates import number_text

CARD_FILE, CARD_DOCUMENT = "model_card.md", "model_card.json"
CALIBRATED_FILE = "calibrated.keras"
SCHEMA_VERSION = 1
FEW_IMAGES = 100  # a recall of 0.8 of so many has an interval 0.16 wide


def write_model_card(
    audit: ModelAudit,
    out_dir: str | os.PathLike[str],
    *,
    license: str = "unknown",
    name: str | None = None,
) -> Path:
    """Write model_card.md, as the Hugging Face hub reads it, and model_card.json beside it.

    Every sentence comes from a result of the audit; what was not measured is listed as such.
    The audit cannot know what the model is for and whom it may harm: write that yourself.

    Args:
        audit: what `audit_model` returned.
        out_dir: a folder, created where it is missing.
        license: an identifier of the hub, such as "apache-2.0"; that of the images and of
            pretrained weights counts too.
        name: of the model; by default its Keras name.

    Returns:
        The path of model_card.md.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = output_folder(out_dir)
    card = describe(audit, license=license, name=name)
    card["files"] = [CALIBRATED_FILE] if (folder / CALIBRATED_FILE).is_file() else []
    calibrations = {} if audit.confidence is None else audit.confidence.calibrations
    template = _environment().get_template("model_card.md.j2")
    text = template.render(audit=audit, card=card, named=calibrations)
    write_whole(folder / CARD_FILE, text)
    write_json(folder / CARD_DOCUMENT, {**card, "audit": audit.to_dict()})
    return folder / CARD_FILE


def describe(audit: ModelAudit, *, license: str, name: str | None) -> dict[str, Any]:
    """Return what the card says, as JSON holds it; the template only lays it out."""
    document = audit.to_dict()
    data = document["data"]
    views = audit.controls if audit.controls is not None else audit.masked
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name or audit.name,
        "license": license,
        "keras_cxr": document["keras_cxr"],
        "data_name": data["name"] or data["layout"],
        "parameters": document["model"]["parameters"],
        "input_shape": list(audit.datasets.input_shape),
        "class_names": list(audit.datasets.class_names),
        "metrics": _metrics(audit),
        "data": data,
        "scores": score_rows(audit.score),
        "views": [] if views is None else view_rows(views.scores, views.kept, views.titles),
        "views_are_trained": audit.controls is not None,
        "findings": [finding.sentence for finding in audit.findings],
        "limits": list(_limits(audit)),
    }


def _metrics(audit: ModelAudit) -> list[dict[str, Any]]:
    """Return the model-index of the front matter: types as the hub's `evaluate` names them."""
    score = audit.score
    found = [
        ("accuracy", "Accuracy", score.accuracy.value),
        ("balanced_accuracy", "Balanced accuracy", score.balanced_accuracy.value),
        ("f1", "Macro F1", score.macro_f1.value),
    ]
    if audit.confidence is not None:
        calibration = audit.confidence.before
        found += [
            ("brier_score", "Brier score", calibration.brier.value),
            ("expected_calibration_error", "Expected calibration error", calibration.ece),
        ]
    return [
        {"type": kind, "name": title, "value": round(value, 4)}
        for kind, title, value in found
        if value is not None and math.isfinite(value)  # YAML would hold "nan"
    ]


def _limits(audit: ModelAudit) -> list[str]:
    """Return what narrows the scores, each from the audit itself."""
    data = audit.datasets
    found = [
        f"Every figure is from {audit.score.num_images:,} test images of "
        f"{data.root.name if data.root is not None else 'arrays in memory'}, the data it was "
        "trained on. No other source was tested."
    ]
    rows = zip(audit.score.class_names, audit.score.recall, strict=True)
    counts = data.table["class"][data.table["part"] == "test"].value_counts()
    for name, recall in rows:
        if 0 < (count := int(counts.get(name, 0))) < FEW_IMAGES:
            found.append(
                f"{name} has {count:,} test images: its recall is known as {in_words(recall)}."
            )
    return [*found, *audit.notes]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_cxr.audit.of_model"),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = markdown_text
    environment.filters["number"] = number_text
    return environment
