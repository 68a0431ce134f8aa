"""Commands that train: demo, study, train."""

from pathlib import Path
from typing import Literal

from keras_cxr._support.quiet import import_keras_quietly
from keras_cxr.cli.common import AsJson, print_aside, print_result, print_text
from keras_cxr.cli.training_options import DEFAULTS, TrainingOptions

Recipe = Literal["study", "best", "gentle", "transfer"]
Region = Literal["full", "lungs", "outside"]


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

    print_text(str(run_demo(out, epochs=epochs, seed=seed, say=print_text)))


def study(
    data: Path,
    /,
    *,
    out: Path = Path("study-results"),
    experiments: str = "ABCDE",
    allow_random_weights: bool = False,
    max_images_per_class: int | None = None,
    options: TrainingOptions = DEFAULTS,
    as_json: AsJson = False,
) -> None:
    """Run the study's experiments A to E and write the report with its table.

    Run it again with the same folder to go on after an interruption.

    Example: `keras-cxr study COVID-19_Radiography_Dataset --experiments AB --out results`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        out: Folder for models, plots, tables and report.html.
        experiments: Letters of the experiments to run: A to E are the study's, F and G its
            networks by our recipe.
        allow_random_weights: Fall back to random weights where pretrained ones cannot be had.
        max_images_per_class: Use no more images of each class, for a quick trial.
        options: What all trainings take.
        as_json: Print what results.json holds.
    """
    import_keras_quietly()
    from keras_cxr.study import run_study

    result = run_study(
        data,
        out,
        experiments,
        allow_random_weights=allow_random_weights,
        max_images_per_class=max_images_per_class,
        say=print_aside,
        **options.arguments(),
    )
    print_result(result.to_dict(), as_json, str(result))


def train(
    data: Path,
    /,
    *,
    model: str = "lmap3",
    out: Path = Path("run"),
    recipe: Recipe = "study",
    region: Region = "full",
    augment: bool = True,
    resume: bool = True,
    options: TrainingOptions = DEFAULTS,
    as_json: AsJson = False,
) -> None:
    """Train one model, test it and write model, tables and plots.

    Run it again with the same folder to go on after an interruption.

    Example: `keras-cxr train my-xrays --model lmap3 --epochs 10 --out my-run`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        model: Name of a model, see `keras-cxr models`.
        out: Folder for the run.
        recipe: The study's (Adam, 25 epochs), or what did best on one network (AdamW, a rate that
            rises and falls, smoothed labels, no flip, 24 epochs), gentle (the same at a fifth of
            the rate, for large networks), or transfer from pretrained weights (the head alone on
            features that are computed once, then all at a low rate).
        region: Full images, the lungs alone or everything outside them.
        augment: Rotate, zoom and flip the training images.
        resume: Go on with an interrupted run in the same folder.
        options: What all trainings take.
        as_json: Print the results as JSON.
    """
    import_keras_quietly()
    from keras_cxr.runs.single import train_and_report

    result = train_and_report(
        data,
        out,
        model=model,
        recipe=recipe,
        region=region,
        augment=augment,
        resume=resume,
        say=print_aside,
        **options.arguments(),
    )
    text = f"{result}\n\nModels, tables and plots: {out}"
    print_result(result.to_dict(), as_json, text)
