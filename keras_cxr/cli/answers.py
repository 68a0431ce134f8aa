"""Commands that use a trained model: evaluate, predict, explain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from keras_cxr._quiet import import_keras_quietly
from keras_cxr.cli.common import AsJson, OnError, print_result, report_failed

if TYPE_CHECKING:
    import pandas as pd

Images = Annotated[Path, Parameter(name="IMAGES", required=True)]


def evaluate(
    model: Path,
    data: Path,
    /,
    *,
    part: Literal["test", "val", "train", "all"] = "test",
    out: Path | None = None,
    on_error: OnError = "raise",
    as_json: AsJson = False,
) -> None:
    """Accuracy, per-class figures and confusion matrix on labelled images.

    The images are read and split as the model's run did; `--part all` takes every image of a
    folder that the model has not seen.

    Example: `keras-cxr evaluate my-run my-xrays`

    Args:
        model: Folder of a run, or a .keras file.
        data: Folder of images in one of the known layouts, or a CSV file.
        part: Part of the split to test on.
        out: Folder for predictions.csv, evaluation.json and the confusion matrix.
        on_error: Stop at bad image files, or leave them out and count them.
        as_json: Print the figures as JSON.
    """
    import_keras_quietly()
    from keras_cxr.study.single import evaluate_and_report

    result = evaluate_and_report(model, data, part=part, out=out, on_error=on_error)
    print_result(result.to_dict(), as_json, str(result))


def predict(
    model: Path,
    /,
    *images: Images,
    out: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Class probabilities of image files (PNG, JPEG, DICOM).

    Example: `keras-cxr predict my-run film.png folder-of-films --out answers.csv`

    Args:
        model: Folder of a run, or a .keras file.
        images: Image files or folders of them.
        out: CSV file for the answers.
        as_json: Print the answers as JSON.
    """
    import_keras_quietly()
    from keras_cxr._files import write_whole
    from keras_cxr.inference import list_image_files, load_classifier

    files = list_image_files(images)
    table, failed = load_classifier(model).predict_files(files)
    if out is not None:
        write_whole(out, table.to_csv(index=False))
    answers = table.to_dict("records")
    print_result({"predictions": answers}, as_json, _probabilities(table))
    return report_failed(failed)


def explain(
    model: Path,
    /,
    *images: Images,
    out: Path = Path("heatmaps"),
    layer: str | None = None,
    class_name: str | None = None,
    placement: Literal["receptive_field", "stretch"] = "receptive_field",
    as_json: AsJson = False,
) -> int:
    """Grad-CAM overlays of image files.

    Example: `keras-cxr explain my-run film.png --out heatmaps`

    Args:
        model: Folder of a run, or a .keras file.
        images: Image files or folders of them.
        out: Folder for one PNG per image.
        layer: Layer to look into, by name or path such as vgg19/block5_conv4.
        class_name: Class to explain; the predicted one by default.
        placement: Draw each cell of a map where it looks, or stretch the map over the image as
            other libraries do.
        as_json: Print the written files and answers as JSON.
    """
    import_keras_quietly()
    from keras_cxr.inference import list_image_files, load_classifier
    from keras_cxr.study.heatmaps import write_heatmaps

    table, failed = write_heatmaps(
        load_classifier(model),
        list_image_files(images),
        out,
        layer=layer,
        class_name=class_name,
        placement=placement,
    )
    print_result({"heatmaps": table.to_dict("records")}, as_json, _probabilities(table))
    return report_failed(failed)


def _probabilities(table: "pd.DataFrame") -> str:
    return table.to_string(index=False, float_format="{:.3f}".format)
