"""One model on one folder: what `keras-cxr train` and `keras-cxr evaluate` do."""

import os
from typing import Any

import keras

from keras_cxr._support.disk.file_names import EVALUATION_FILE, PREDICTIONS_FILE, RUN_PICTURES
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import EVALUATION, RUN, check_free
from keras_cxr._support.progress import Say, speaker
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr.data import make_datasets
from keras_cxr.evaluation import Evaluation, evaluate, plot_confusion_matrix
from keras_cxr.inference import load_classifier
from keras_cxr.inference.recorded import all_images, recorded_images
from keras_cxr.models import build, model_info
from keras_cxr.runs.saving import tell_notes, train_and_save
from keras_cxr.training.recipes import get_recipe, options_for

PathLike = str | os.PathLike[str]


def train_and_report(
    data: Any,
    out_dir: PathLike,
    *,
    model: str = "lmap3",
    weights: PathLike | None = "imagenet",
    recipe: str = "study",
    epochs: int | None = None,
    precision: str = "auto",
    resume: bool = True,
    seed: int = 0,
    say: Say | None = None,
    verbose: Any = "auto",
    **data_options: Any,
) -> Evaluation:
    """Train one model of the registry and leave models, tables and plots in a folder.

    Keras' global random seed is set before the model is built, so that its first weights
    repeat.

    Args:
        data: what `make_datasets` takes.
        out_dir: folder for the results; see `train_and_save`.
        model: name in the registry.
        weights: of a network that takes any: "imagenet", the path of a file, or `None`.
        recipe: "study", "best", "gentle" or "transfer", as `train` takes it, with the data
            and model that it wants.
        epochs: training epochs; `None` is the recipe's.
        precision: as `train` takes it.
        resume: go on with an interrupted run in the same folder.
        seed: of the split, the augmentation and the first weights.
        say: called with each note on the data, such as what was left out;
            by default on standard error, as `verbose` says.
        verbose: progress, as `train` takes it.
        **data_options: of `make_datasets`; they go before the recipe's.
    """
    info, chosen = model_info(model), get_recipe(recipe)
    tables = (data_options.get(name) for name in ("groups", "audit"))
    folder = check_free(out_dir, RUN, inputs=(data, *tables))
    datasets = make_datasets(
        data,
        color_mode=info.color_mode,
        seed=seed,
        format="tf" if keras.backend.backend() == "tensorflow" else "keras",
        **{**chosen.data_options, **data_options},
    )
    tell_notes(datasets, speaker(say, verbose))
    arguments = options_for(info.builder, chosen)
    if info.takes_weights:
        arguments["weights"] = weights
    keras.utils.set_random_seed(seed)
    network = build(
        model, input_shape=datasets.input_shape, num_classes=datasets.num_classes, **arguments
    )
    settings = {
        "model": model,
        "data": datasets.fingerprint,
        "epochs": chosen.epochs if epochs is None else epochs,
        "precision": precision,
        "weights": None if weights is None else str(weights),
        "seed": seed,
    }
    if recipe != "study":  # runs of earlier releases name none
        settings["recipe"] = recipe
    return train_and_save(
        network, datasets, folder, settings=settings, resume=resume, verbose=verbose
    )


def evaluate_and_report(
    model: PathLike,
    data: PathLike,
    *,
    part: str = "test",
    out_dir: PathLike | None = None,
    on_error: str = "raise",
    say: Say | None = None,
    verbose: bool | str = "auto",
) -> Evaluation:
    """Evaluate a saved model on the same part that its run kept, or on a whole folder.

    A folder need not hold all of the model's classes: `Evaluation.absent` names the others.

    Args:
        model: folder of a run or a `.keras` file.
        data: folder or CSV file.
        part: "test", "val" or "train" as `split.csv` of the run says, or "all" images.
        out_dir: folder for `predictions.csv`, `evaluation.json` and `confusion_matrix.png`.
        on_error: "raise" or "skip", for bad files.
        say: called with each note on the data, such as what was left out;
            by default on standard error, as `verbose` says.
        verbose: True says so, "auto" only in a terminal.

    Raises:
        DataError: (a ValueError) images show a class that the model does not know, or the run's
            parts do not lie in this folder.
        InvalidArgumentError: (a ValueError) a part is asked of a model without a run.
    """
    classifier = load_classifier(model)
    folder = None
    if out_dir is not None:
        folder = check_free(out_dir, EVALUATION, inputs=(data,), model=model)
    images = all_images(data) if part == "all" else recorded_images(model, data, part)
    datasets = make_datasets(
        images,
        split=(1.0, 0.0, 0.0),
        image_size=classifier.image_size,
        color_mode=classifier.color_mode,
        intensity=classifier.intensity,
        region=classifier.data_options.get("region", "full"),
        augment=False,
        format="keras",
        on_error=on_error,
        cache=part == "all",
        class_names=classifier.class_names,
        # the run says which images belong together, as for its own figures
        group_duplicates="auto" if part == "all" else False,
    )
    tell_notes(datasets, speaker(say, verbose))
    found = evaluate(classifier.model, datasets, part="train")
    if folder is not None:
        output_folder(folder)
        write_whole(folder / PREDICTIONS_FILE, csv_text(found.predictions))
        write_json(folder / EVALUATION_FILE, found.to_dict())
        plot_confusion_matrix(found).savefig(folder / RUN_PICTURES["confusion_matrix"], dpi=110)
    return found
