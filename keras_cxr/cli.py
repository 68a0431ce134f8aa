"""The command line: parse, call, print.

Exit codes: 0 done, 2 something that the user can mend, 130 interrupted with Ctrl-C.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from keras_cxr._quiet import import_keras_quietly
from keras_cxr._version import __version__
from keras_cxr.errors import KerasCXRError

if TYPE_CHECKING:
    import pandas as pd

Region = Literal["full", "lungs", "outside"]
OnError = Literal["raise", "skip"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]

app = App(
    name="keras-cxr",
    version=__version__,
    help="Train, evaluate and explain chest X-ray classifiers.",
    help_format="markdown",
    help_epilogue="`keras-cxr COMMAND --help` shows each command's options with an example. "
    "`--debug` after any command shows the traceback of an error.",
    suppress_keyboard_interrupt=False,
)
cache_app = App(name="cache", help="List or clear the cache of decoded images.")
app.command(cache_app)


@app.command
def demo(out: Path = Path("demo-report"), *, epochs: int = 12, seed: int = 0) -> None:
    """Draw phantoms, train LMAP3 on them and write a report; no download, no data needed.

    Example: `keras-cxr demo`

    Args:
        out: Folder for the phantoms, the model and report.html.
        epochs: Training epochs.
        seed: Of the phantoms, the split and the first weights.
    """
    import_keras_quietly()
    from keras_cxr.study.demo import run_demo

    print(run_demo(out, epochs=epochs, seed=seed))


@app.command
def study(
    data: Path,
    *,
    out: Path = Path("study-results"),
    experiments: str = "ABCDE",
    epochs: int = 25,
    seed: int = 0,
    precision: Precision = "auto",
    vgg19_weights: str = "imagenet",
    allow_random_weights: bool = False,
    max_images_per_class: int | None = None,
    on_error: OnError = "raise",
) -> None:
    """Run the study's experiments A to E and write the report with its table.

    Run it again with the same folder to go on after an interruption.

    Example: `keras-cxr study COVID-19_Radiography_Dataset --experiments AB --out results`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        out: Folder for models, plots, tables and report.html.
        experiments: Letters of the experiments to run.
        epochs: Training epochs; the study used 25.
        seed: Of the split, the augmentation and the first weights.
        precision: Arithmetic of training; auto takes bfloat16 where it is faster.
        vgg19_weights: "imagenet", "none" for random weights, or the path of a weights file.
        allow_random_weights: Fall back to random weights where VGG19's cannot be downloaded.
        max_images_per_class: Use no more images of each class, for a quick trial.
        on_error: Stop at bad image files, or leave them out and count them.
    """
    import_keras_quietly()
    from keras_cxr.study import run_study

    print(
        run_study(
            data,
            out,
            experiments,
            epochs=epochs,
            seed=seed,
            precision=precision,
            vgg19_weights=None if vgg19_weights.lower() == "none" else vgg19_weights,
            allow_random_weights=allow_random_weights,
            max_images_per_class=max_images_per_class,
            on_error=on_error,
        )
    )


@app.command
def train(
    data: Path,
    *,
    model: str = "lmap3",
    out: Path = Path("run"),
    epochs: int = 25,
    batch_size: int = 32,
    image_size: Annotated[tuple[int, int], Parameter(negative="")] = (224, 224),
    region: Region = "full",
    augment: bool = True,
    seed: int = 0,
    precision: Precision = "auto",
    weights: str = "imagenet",
    resume: bool = True,
    groups: Path | None = None,
    on_error: OnError = "raise",
    as_json: AsJson = False,
) -> None:
    """Train one model, test it and write model, tables and plots.

    Run it again with the same folder to go on after an interruption.

    Example: `keras-cxr train my-xrays --model lmap3 --epochs 10 --out my-run`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        model: Name of a model, see `keras-cxr models`.
        out: Folder for the run.
        epochs: Training epochs.
        batch_size: Images in a batch.
        image_size: Height and width in pixels.
        region: Full images, the lungs alone or everything outside them (needs masks).
        augment: Rotate, zoom and flip the training images.
        seed: Of the split, the augmentation and the first weights.
        precision: Arithmetic of training; auto takes bfloat16 where it is faster.
        weights: Of VGG19: "imagenet", "none" or the path of a weights file.
        resume: Go on with an interrupted run in the same folder.
        groups: CSV file with the columns file and group (or patient): groups stay in one part.
        on_error: Stop at bad image files, or leave them out and count them.
        as_json: Print the results as JSON.
    """
    import_keras_quietly()
    from keras_cxr.study.single import train_and_report

    result = train_and_report(
        data,
        out,
        model=model,
        weights=None if weights.lower() == "none" else weights,
        epochs=epochs,
        precision=precision,
        resume=resume,
        batch_size=batch_size,
        image_size=image_size,
        region=region,
        augment=augment,
        seed=seed,
        groups=groups,
        on_error=on_error,
        quiet=as_json,
    )
    _print_result(result.to_dict(), as_json, str(result))


@app.command
def evaluate(
    model: Path,
    data: Path,
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
    _print_result(result.to_dict(), as_json, str(result))


@app.command
def predict(
    model: Path,
    *images: Annotated[Path, Parameter(name="IMAGES", required=True)],
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
    from keras_cxr.inference import find_images, load_classifier

    files = find_images(images)
    table, failed = load_classifier(model).predict_files(files)
    if out is not None:
        write_whole(out, table.to_csv(index=False))
    answers = table.to_dict("records")
    _print_result({"predictions": answers}, as_json, _probabilities(table))
    return _report_failed(failed)


@app.command
def explain(
    model: Path,
    *images: Annotated[Path, Parameter(name="IMAGES", required=True)],
    out: Path = Path("heatmaps"),
    layer: str | None = None,
    class_name: str | None = None,
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
        as_json: Print the written files and answers as JSON.
    """
    import_keras_quietly()
    from keras_cxr.inference import find_images, load_classifier
    from keras_cxr.study.heatmaps import write_heatmaps

    table, failed = write_heatmaps(
        load_classifier(model), find_images(images), out, layer=layer, class_name=class_name
    )
    _print_result({"heatmaps": table.to_dict("records")}, as_json, _probabilities(table))
    return _report_failed(failed)


@app.command
def models(*, as_json: AsJson = False) -> None:
    """List the models with their sizes.

    Example: `keras-cxr models`

    Args:
        as_json: Print the list as JSON.
    """
    import_keras_quietly()
    from keras_cxr.models import MODELS

    rows = [
        {
            "name": row.name,
            "parameters": row.parameters,
            "input_shape": row.input_shape,
            "smallest_size": row.smallest_size,
            "reference": row.reference,
        }
        for row in MODELS.values()
    ]
    lines = [f"{'name':8} {'parameters':>11}  {'input':15} {'smallest':9} reference"]
    for row in MODELS.values():
        smallest = f"{row.smallest_size} x {row.smallest_size}"
        shape = " x ".join(map(str, row.input_shape))
        lines.append(f"{row.name:8} {row.parameters:>11,}  {shape:15} {smallest:9} {row.reference}")
    _print_result({"models": rows}, as_json, "\n".join(lines))


@cache_app.command(name="list")
def list_cache() -> None:
    """List the caches of decoded images with their sizes."""
    from keras_cxr.data.cache import list_caches

    caches = list_caches()
    print("\n".join(map(str, caches)) if caches else "The cache is empty.")


@cache_app.command(name="clear")
def clear_cache() -> None:
    """Delete every cache of decoded images; they are made again when needed."""
    from keras_cxr.data.cache import clear_caches

    print(f"Deleted {clear_caches()} caches.")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = app(words, result_action="return_value", exit_on_error=False)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except CycloptsError:  # printed already, with what was expected
        return 2
    except KerasCXRError as error:
        if debug:
            raise
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0


def _print_result(document: dict[str, Any], as_json: bool, text: str) -> None:
    print(json.dumps(document, indent=1) if as_json else text)


def _probabilities(table: "pd.DataFrame") -> str:
    return table.to_string(index=False, float_format="{:.3f}".format)


def _report_failed(failed: dict[Path, str]) -> int:
    for reason in failed.values():
        print(f"Error: {reason}", file=sys.stderr)
    return 2 if failed else 0
