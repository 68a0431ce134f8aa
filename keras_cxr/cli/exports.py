"""The command that writes a model for other programs: export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from keras_cxr._support.quiet import import_keras_quietly, noise_kept_back
from keras_cxr.cli.common import AsJson, print_notes, print_result
from keras_cxr.exports.formats import FORMAT_NAMES, FORMATS, check_installed

if TYPE_CHECKING:
    FormatName = str
else:  # one of them; type checkers know lists of quoted names alone
    FormatName = Literal[FORMAT_NAMES]


def export(
    model: Path,
    /,
    *,
    format: FormatName = "onnx",
    out: Path = Path("export"),
    class_name: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    calibrate: bool = True,
    as_json: AsJson = False,
) -> None:
    """Write a model for other programs: pixels in, calibrated probabilities out.

    The format's own runtime is asked beside Keras before anything is written; where they differ,
    nothing is.

    Example: `keras-cxr export my-run --format onnx --out my-onnx`

    Args:
        model: Folder of a run, a .keras file, or an audit's folder with calibrated.keras.
        format: What is written: a Keras file, TensorFlow's SavedModel, ONNX or LiteRT.
        out: Folder for the model and export.json: a new one, or an earlier export in this format.
        class_name: Name of a class, for a file that no run names; once for each output, in order.
        calibrate: Put the temperature inside that the audit of the run has found.
        as_json: Print what export.json holds.
    """
    check_installed(FORMATS[format])  # before Keras, which takes seconds
    import_keras_quietly()
    with noise_kept_back():
        from keras_cxr.exports.writing import export as write_export

        found = write_export(
            model, out, format=format, class_names=class_name or None, calibrate=calibrate
        )
    print_result(found.to_dict(), as_json, str(found))
    print_notes(found.notes)
