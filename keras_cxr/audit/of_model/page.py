"""The files of a model's audit: page, card, calibrated model and document."""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from keras_cxr._support.disk.files import output_folder, whole_file, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import MODEL_AUDIT, check_free
from keras_cxr._support.text.pages import data_address, jpeg_address, render_page
from keras_cxr._version import __version__
from keras_cxr.audit.of_model.base.tables import score_rows, view_rows
from keras_cxr.audit.of_model.card import CALIBRATED_FILE, write_model_card
from keras_cxr.audit.of_model.questions.label_disagreement import LabelDisagreement
from keras_cxr.audit.of_model.result import ModelAudit
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation import plot_reliability, plot_risk_coverage
from keras_cxr.evaluation.calibrated import calibrated_model

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

SETS_FILE = "prediction_sets.json"
DPI = 100
NUM_CARDS = 12  # labels, in three rows of pictures on a wide page


def write_audit(audit: ModelAudit, out_dir: str | os.PathLike[str], **card: Any) -> Path:
    """Write the page, the model card, the calibrated model and, last, model_audit.json.

    Args:
        audit: what `audit_model` found.
        out_dir: a folder, created where it is missing.
        **card: further options of `write_model_card`.

    Returns:
        The folder.

    Raises:
        OutputError: it cannot be written, or holds files of these names of somebody else.
    """
    folder = output_folder(check_free(out_dir, MODEL_AUDIT))
    reason = _write_calibrated(audit, folder)
    if reason:
        audit = replace(audit, notes=(*audit.notes, f"No calibrated model was saved: {reason}."))
    write_whole(folder / "trust.html", render_model_audit(audit))
    write_model_card(audit, folder, **card)
    write_json(folder / "model_audit.json", audit.to_dict())
    return folder


def _write_calibrated(audit: ModelAudit, folder: Path) -> str:
    """Write the calibrated model and its prediction sets; return why it could not, or "".

    `calibrated.keras` loads with plain Keras. `prediction_sets.json` is `ConformalSets.save`, for
    the probabilities of that model. Older files are deleted first, so that they are not taken for
    these.
    """
    path, sets_path = folder / CALIBRATED_FILE, folder / SETS_FILE
    sets_path.unlink(missing_ok=True)
    found = audit.confidence
    if found is None or found.temperature is None or found.sets is None:
        path.unlink(missing_ok=True)
        if found is None:
            return "calibration was not asked for"
        return "there are no validation images to fit a temperature on"
    try:
        model = calibrated_model(audit.model, found.temperature)
    except InvalidArgumentError as error:
        path.unlink(missing_ok=True)
        return str(error).rstrip(".")
    with whole_file(path) as temporary:
        model.save(temporary)
    found.sets.save(sets_path)
    return ""


def render_model_audit(audit: ModelAudit) -> str:
    """Return the page: the findings as sentences, then what they rest on."""
    return render_page(
        "keras_cxr.audit.of_model",
        "model_audit.html.j2",
        audit=audit,
        version=__version__,
        data_name=audit.datasets.root.name if audit.datasets.root is not None else "arrays",
        scores=score_rows(audit.score),
        views=_views(audit),
        pictures=_pictures(audit),
        contradicted=[] if audit.labels is None else label_cards(audit.labels, audit.datasets),
    )


def _views(audit: ModelAudit) -> list[dict[str, Any]]:
    """Return the tables of masked inputs and controls, in the same shape."""
    return [
        {
            "title": title,
            "lead": lead,
            "chance": found.chance,
            "rows": view_rows(found.scores, found.kept, found.titles),
        }
        for title, lead, found in (
            (
                "The same recipe, trained anew on each kind of picture",
                "" if audit.controls is None else _budget(audit.controls),
                audit.controls,
            ),
            (
                "The finished model on the test images, shown in several ways",
                "Nothing was trained. A low score here may only mean that the model stumbles over "
                "pictures it has never seen.",
                audit.masked,
            ),
        )
        if found is not None
    ]


def _budget(controls: Any) -> str:
    return (
        f"{controls.num_training:,} training images and {controls.epochs} epochs each, tested on "
        "the same test images. The lungs' outline stays visible where they are blacked out."
    )


def _pictures(audit: ModelAudit) -> list[tuple[str, str]]:
    found = audit.confidence
    if found is None:
        return []
    pictures = [
        (
            _address(plot_reliability(found.calibrations)),
            "How often predictions are right against their confidence; dots with 95 % intervals",
        )
    ]
    if found.selection is not None:
        pictures.append(
            (
                _address(plot_risk_coverage(found.selection)),
                "Errors among the predictions that are kept, where the model may abstain if unsure",
            )
        )
    return pictures


def _address(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return data_address(stream.getvalue())


def label_cards(found: LabelDisagreement, datasets: "Datasets") -> list[dict[str, Any]]:
    """Return the labels that are contradicted most.

    Args:
        found: the ranked labels.
        datasets: loads the pictures.

    Returns:
        Twelve at most, each with its file, label, suggested class, confidence and picture.
    """
    shown = found.labels.table[found.labels.table["suspicious"]].head(NUM_CARDS)
    place_of = {
        file: (part, place)
        for part in ("val", "test")
        if getattr(datasets, part) is not None
        for place, file in enumerate(datasets.files(part))
    }
    cards = shown[["file", "label", "suggested", "confidence"]].to_dict("records")
    for card in cards:
        part, place = place_of[card["file"]]
        image = datasets.load(part, [place])[0][0, ..., 0]
        card["address"] = jpeg_address(np.rint(image).astype(np.uint8))
    return [{str(key): value for key, value in card.items()} for card in cards]
