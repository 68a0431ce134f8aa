"""The command that writes a model for other programs: export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from keras_cxr._support.quiet import import_keras_quietly, noise_kept_back
from keras_cxr.cli.common import AsJson, print_notes, print_result
from keras_cxr.runtimes.formats import FORMAT_NAMES, FORMATS, check_installed

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
    calibrate_on: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Write a model for other programs: pixels in, calibrated probabilities out.

    The format's own runtime is asked beside Keras before anything is written; where they differ,
    nothing is.

    Examples: `keras-cxr export my-run --format onnx --out my-onnx`,
    `keras-cxr export lung_unet --format litert --out lungs`

    Args:
        model: Folder of a run, a .keras file, a preset's name or folder, an audit's folder with
            calibrated.keras, or lung_unet, which finds lungs.
        format: What is written: a Keras file, TensorFlow's SavedModel, ONNX, or LiteRT with the
            model's own numbers or with whole ones (int8).
        out: Folder for the model and export.json: a new one, or an earlier export in this format.
        class_name: Name of a class, for a file that no run names; once for each output, in order.
        calibrate: Put the temperature inside that the audit of the run has found.
        calibrate_on: Folder of films that set the ranges of int8; without it phantoms do.
        as_json: Print what export.json holds.
    """
    check_installed(FORMATS[format])  # before Keras, which takes seconds
    import_keras_quietly()
    with noise_kept_back():
        from keras_cxr.exports.writing import export as write_export

        found = write_export(
            model,
            out,
            format=format,
            class_names=class_name or None,
            calibrate=calibrate,
            calibrate_on=calibrate_on,
        )
    print_result(found.to_dict(), as_json, str(found))
    print_notes(found.notes)
