"""The model that is as sure as it is right, saved beside its audit."""

from pathlib import Path
from typing import TYPE_CHECKING

from keras_cxr._support.disk.files import whole_file
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.calibrated import calibrated_model

if TYPE_CHECKING:
    from keras_cxr.audit.of_model.audit import ModelAudit

CALIBRATED_FILE, SETS_FILE = "calibrated.keras", "prediction_sets.json"


def write_calibrated(audit: "ModelAudit", folder: Path) -> str | None:
    """Writes the calibrated model and its prediction sets; returns why it could not, or None.

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
    return None
