"""Commands that train: demo, study, train."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keras_cxr._support.quiet import import_keras_quietly
from keras_cxr.cli.common import AsJson, OnError, print_aside, print_result, print_text

Intensity = Literal["stored", "percentiles"]
Region = Literal["full", "lungs", "outside"]
ImageSize = Annotated[tuple[int, int], Parameter(negative="")]
Precision = Literal["auto", "float32", "mixed_bfloat16"]


def demo(out: Path = Path("demo-report"), *, epochs: int = 20, seed: int = 0) -> None:
    """Draw phantoms, train LMAP3 on them and write a report; no download, no data needed.

    Example: `keras-cxr demo`

    Args:
        out: Folder for the phantoms, the model and report.html.
        epochs: Training epochs.
        seed: Of the phantoms, the split and the first weights.
    """
    import_keras_quietly()
    from keras_cxr.study.demo import run_demo

    print_text(str(run_demo(out, epochs=epochs, seed=seed)))


def study(
    data: Path,
    /,
    *,
    out: Path = Path("study-results"),
    experiments: str = "ABCDE",
    epochs: int = 25,
    batch_size: int = 32,
    image_size: ImageSize = (224, 224),
    seed: int = 0,
    precision: Precision = "auto",
    weights: str = "imagenet",
    allow_random_weights: bool = False,
    max_images_per_class: int | None = None,
    intensity: Intensity = "stored",
    groups: Path | None = None,
    group_duplicates: bool = True,
    group_patients: bool = True,
    audit: Path | None = None,
    split_by: str | None = None,
    on_error: OnError = "raise",
    as_json: AsJson = False,
) -> None:
    """Run the study's experiments A to E and write the report with its table.

    Run it again with the same folder to go on after an interruption.

    Example: `keras-cxr study COVID-19_Radiography_Dataset --experiments AB --out results`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        out: Folder for models, plots, tables and report.html.
        experiments: Letters of the experiments to run.
        epochs: Training epochs; the study used 25.
        batch_size: Images in a batch.
        image_size: Height and width in pixels; the study used 224 224, LMAP3 needs 94 94.
        seed: Of the split, the augmentation and the first weights.
        precision: Arithmetic of training; auto takes bfloat16 where it is faster.
        weights: Of VGG19: "imagenet", "none" for random ones, or the path of a weights file.
        allow_random_weights: Fall back to random weights where VGG19's cannot be downloaded.
        intensity: Show the range that files may use, or each film from its own 0.5th to its 99.5th
            percentile, for files that use little of their range.
        max_images_per_class: Use no more images of each class, for a quick trial.
        groups: CSV file with the columns file and group (or patient): groups stay in one part.
        group_duplicates: Keep copies of one photograph in one part.
        group_patients: Keep films of one patient, as DICOM files name them, in one part, where no
            groups are given.
        audit: CSV file of actions that an audit wrote: files to drop, to group, to label anew.
        split_by: Column of the CSV file, or of groups, whose values go to one part each.
        on_error: Stop at bad image files, or leave them out and count them.
        as_json: Print what results.json holds.
    """
    import_keras_quietly()
    from keras_cxr.study import run_study

    result = run_study(
        data,
        out,
        experiments,
        epochs=epochs,
        batch_size=batch_size,
        image_size=image_size,
        seed=seed,
        precision=precision,
        vgg19_weights=None if weights.lower() == "none" else weights,
        allow_random_weights=allow_random_weights,
        max_images_per_class=max_images_per_class,
        groups=groups,
        group_duplicates="auto" if group_duplicates else False,
        group_patients="auto" if group_patients else False,
        intensity=intensity,
        audit=audit,
        split_by=split_by,
        on_error=on_error,
        say=print_aside,
    )
    print_result(result.to_dict(), as_json, str(result))


def train(
    data: Path,
    /,
    *,
    model: str = "lmap3",
    out: Path = Path("run"),
    epochs: int = 25,
    batch_size: int = 32,
    image_size: ImageSize = (224, 224),
    region: Region = "full",
    intensity: Intensity = "stored",
    augment: bool = True,
    seed: int = 0,
    precision: Precision = "auto",
    weights: str = "imagenet",
    resume: bool = True,
    groups: Path | None = None,
    group_duplicates: bool = True,
    group_patients: bool = True,
    audit: Path | None = None,
    split_by: str | None = None,
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
        intensity: Show the range that files may use, or each film from its own 0.5th to its 99.5th
            percentile, for files that use little of their range.
        augment: Rotate, zoom and flip the training images.
        seed: Of the split, the augmentation and the first weights.
        precision: Arithmetic of training; auto takes bfloat16 where it is faster.
        weights: Of VGG19: "imagenet", "none" for random ones, or the path of a weights file.
        resume: Go on with an interrupted run in the same folder.
        groups: CSV file with the columns file and group (or patient): groups stay in one part.
        group_duplicates: Keep copies of one photograph in one part.
        group_patients: Keep films of one patient, as DICOM files name them, in one part, where no
            groups are given.
        audit: CSV file of actions that an audit wrote: files to drop, to group, to label anew.
        split_by: Column of the CSV file, or of groups, whose values go to one part each.
        on_error: Stop at bad image files, or leave them out and count them.
        as_json: Print the results as JSON.
    """
    import_keras_quietly()
    from keras_cxr.runs.single import train_and_report

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
        group_duplicates="auto" if group_duplicates else False,
        group_patients="auto" if group_patients else False,
        intensity=intensity,
        audit=audit,
        split_by=split_by,
        on_error=on_error,
        say=print_aside,
    )
    text = f"{result}\n\nModels, tables and plots: {out}"
    print_result(result.to_dict(), as_json, text)
