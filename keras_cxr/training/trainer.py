"""`train`: a recipe, in a loop that can be stopped anywhere and goes on exactly."""

import contextlib
import math
import operator
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.processes import check_not_forked
from keras_cxr.data.datasets import check_datasets
from keras_cxr.errors import InvalidArgumentError, TrainingError
from keras_cxr.keras_graph.heads import outputs_probabilities
from keras_cxr.keras_graph.interface import check_model_fits
from keras_cxr.models.files import why_unreadable
from keras_cxr.training.checkpoint import RunFolder
from keras_cxr.training.loop import Loop
from keras_cxr.training.objective import METRICS, make_objective
from keras_cxr.training.precision import choose_precision
from keras_cxr.training.progress import Progress, make_progress
from keras_cxr.training.recipes import TrainingRecipe, get_recipe
from keras_cxr.training.run import TrainingRun, make_run
from keras_cxr.training.settings import describe_settings, find_difference, with_later_options
from keras_cxr.training.stages.head import plan_first_stage

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


def train(
    model: keras.Model,
    datasets: "Datasets",
    *,
    recipe: str | TrainingRecipe = "study",
    epochs: int | None = None,
    optimizer: Any = None,
    loss: Any = None,
    metrics: Sequence[Any] = METRICS,
    class_weight: str | dict[int, float] | None = "recipe",
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = True,
    precision: str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> TrainingRun:
    """Train a classifier in place and return the course of it.

    The study's recipe by default: Adam, categorical cross-entropy, accuracy, balanced class
    weights, 25 epochs. The model is compiled with them, replacing what it was compiled with. A
    recipe also wants certain data and models, which are made before: see `get_recipe`.

    With a `run_dir` the state after each epoch is on disk. The same call after a crash, a
    kill or Ctrl-C, in a new process with a newly built model, goes on there and ends, on the
    same machine with a CPU, with the same history and weights, bit for bit, as a run that was
    never stopped. A run that is done returns at once; more `epochs` continue it.

    Ctrl-C waits for the batch to end (a second one does not): the model goes back to the last
    complete epoch, `last.keras` is written, and KeyboardInterrupt is raised with a text that
    says how to go on. Without a `run_dir` the model keeps the weights it has at that moment.

    Args:
        model: a Functional or Sequential model that returns softmax probabilities, or logits
            (the loss is then computed from logits), of exclusive classes.
        datasets: what `make_datasets` returns; epoch `n` trains on
            `datasets.at_epoch(n).train` and is validated on `datasets.val`, where there is one.
        recipe: "study", "best" (AdamW, a rate that rises and falls, smoothed labels, weights by
            the square root, 24 epochs), "gentle" (the same at a fifth of the rate, for networks of
            many millions of weights), "transfer" (for pretrained weights: first the head alone, on
            features of the frozen backbone that are computed once, then all trainable layers at a
            low rate), or a `TrainingRecipe`. What the arguments below name goes before it.
        epochs: number of epochs of the whole run, resumed ones included, those of a first stage
            not; `None` is the recipe's. Where the rate falls to zero by the last epoch, a run that
            is done cannot be made longer.
        optimizer: a Keras optimizer or its name; `None` is the recipe's. A first stage has its
            own, the recipe's.
        loss: a Keras loss, its name, or a function of one-hot labels and outputs; `None` is
            the recipe's, categorical cross-entropy. A name follows the model's head (probabilities
            or logits), an object must agree with it. It is written down with the run: of a
            function its name alone, of an object what its `get_config` says.
        metrics: what is measured besides the loss: Keras metrics, their names or functions, as
            `compile` takes them. A resumed run needs the same.
        class_weight: "recipe", "balanced" (`datasets.class_weight`), "sqrt_balanced" (the square
            roots of those), a dictionary from class index to weight, or `None`. It weights the
            training loss, not the validation loss.
        run_dir: folder for `run.json`, `checkpoint/`, `best.keras` (smallest validation loss)
            and `last.keras`; created, and locked while training. `None` writes nothing.
        resume: go on with the run in `run_dir`; `False` deletes it and begins anew.
        precision: "float32", "mixed_bfloat16" or "auto": mixed_bfloat16 where the hardware
            computes in bfloat16. A resumed run keeps its own. The softmax, the loss and the
            weights are float32 always, and the model is as it was when training ends.
        callbacks: keras callbacks, which see no first stage. EarlyStopping, ReduceLROnPlateau,
            ModelCheckpoint and any with `get_state()` and `set_state(state)` are resumed too; a
            warning names others.
            Another warning says, before the first epoch, where files of a model with parts of
            your own will not be read back without them.
        verbose: "auto" (bars in a terminal, else a line per epoch), 0, 1 (bars) or 2 (lines);
            on standard error.

    Returns:
        The run: history, seconds, best epoch, and the model that was passed.

    Raises:
        InvalidArgumentError: (a ValueError) an argument cannot work, such as data that are no
            `Datasets`, or images, classes and model do not fit each other, or the recipe has a
            first stage and the model no head of dense layers.
        TrainingError: the run in `run_dir` was started with other settings, is damaged, or is
            in use; or the loss became NaN (the last complete epoch is then kept).
        OutputError: (an OSError) `run_dir` cannot be written.

    Examples:
        >>> run = train(build_lmap3(), make_datasets("xrays"), run_dir="runs/lmap3")
    """
    chosen_recipe = get_recipe(recipe)
    epochs = _check_epochs(chosen_recipe.epochs if epochs is None else epochs)
    _check_callbacks(callbacks)
    check_not_forked()
    check_datasets(datasets, "train")
    check_model_fits(model, datasets.input_shape, datasets.num_classes)
    _check_classes(datasets)
    from_logits = not outputs_probabilities(model)
    if loss is None:
        loss = chosen_recipe.new_loss(from_logits=from_logits)
    objective = make_objective(loss, metrics, from_logits=from_logits)
    if optimizer is None:
        optimizer = chosen_recipe.new_optimizer(epochs * len(datasets.train))
    optimizer = _get_optimizer(optimizer)
    weights = _get_class_weight(
        chosen_recipe.class_weight if class_weight == "recipe" else class_weight, datasets
    )
    choose_precision(precision)
    settings = describe_settings(
        model, datasets, optimizer=optimizer, class_weight=weights, objective=objective
    )
    settings |= chosen_recipe.head_settings
    if run_dir is not None and (reason := why_unreadable(model)):
        warnings.warn(
            f"The model {model.name!r} can be trained, but its files in {run_dir} will not be "
            f"read back: {reason}",
            stacklevel=2,
        )
    progress = make_progress(
        verbose,
        epochs=epochs,
        steps=len(datasets.train),
        images=len(datasets.files("train")),
        batch_size=datasets.batch_size,
    )
    first_stage = plan_first_stage(
        model,
        datasets,
        recipe=chosen_recipe,
        objective=objective,
        class_weight=weights,
        progress=progress,
        verbose=verbose,
    )
    with _opened(run_dir) as folder:
        record = _find_record(folder, settings, resume=resume, epochs=epochs)
        chosen = _settle_precision(precision, record, progress)
        loop = Loop(
            model,
            datasets,
            record=record or new_record(settings, chosen),
            folder=folder,
            callbacks=callbacks,
            class_weight=weights,
            progress=progress,
            first_stage=first_stage,
        )
        try:
            with loop.policies.training():
                model.compile(
                    optimizer,
                    loss=objective.loss,
                    metrics=objective.metrics,
                    auto_scale_loss=False,
                )
                loop.run(epochs, resumed=record is not None)
        finally:
            progress.close()
        return make_run(loop.record, model, None if folder is None else folder.path)


def new_record(settings: dict[str, Any], precision: str) -> dict[str, Any]:
    """Return the record of a run before its first epoch."""
    return {
        "settings": settings,
        "precision": precision,
        "keras_version": keras.version(),
        "backend": keras.backend.backend(),
        "epochs_trained": 0,
        "best_epoch": None,
        "stopped": False,
        "finished": False,
        "history": {},
        "seconds_per_epoch": [],
        "validation_seconds": [],
    }


@contextlib.contextmanager
def _opened(run_dir: str | os.PathLike[str] | None) -> Iterator[RunFolder | None]:
    if run_dir is None:
        yield None
        return
    folder = RunFolder(Path(run_dir))
    try:
        yield folder
    finally:
        folder.close()


def _find_record(
    folder: RunFolder | None, settings: dict[str, Any], *, resume: bool, epochs: int
) -> dict[str, Any] | None:
    if folder is None:
        return None
    if not resume:
        folder.clear()
        return None
    record = folder.read()
    if record is None:
        return None
    difference = find_difference(with_later_options(record["settings"]), settings)
    if difference is not None:
        raise TrainingError(
            f"The run in {folder.path} was started with other settings ({difference}). Pass "
            "resume=False to delete it and begin anew, or another run_dir."
        )
    if record["epochs_trained"] > epochs:
        raise TrainingError(
            f"The run in {folder.path} has {record['epochs_trained']} epochs already, more than "
            f"epochs={epochs}: ask for at least as many, pass resume=False to delete it and "
            "begin anew, or another run_dir."
        )
    return record


def _settle_precision(precision: str, record: dict[str, Any] | None, progress: Progress) -> str:
    chosen, reason = choose_precision(precision)
    if record is not None:
        if precision not in ("auto", record["precision"]):
            raise TrainingError(
                f"The run was started in {record['precision']}, not in {precision}: pass "
                f'precision="auto" to go on, resume=False to begin anew, or another run_dir.'
            )
        chosen, reason = record["precision"], "as the run was started"
    progress.say(f"precision {chosen} ({reason})")
    return chosen


def _check_classes(datasets: "Datasets") -> None:
    weights = datasets.class_weight.items()
    untrained = [datasets.class_names[index] for index, weight in weights if weight == 0.0]
    if untrained:
        raise InvalidArgumentError(
            f"No training image shows {', '.join(untrained)}, so no model can learn it. Add some, "
            "or make the data set without class_names= and the model with fewer classes."
        )


def _check_epochs(epochs: Any) -> int:
    try:
        count = operator.index(epochs)
    except TypeError:
        count = 0
    if count < 1:
        raise InvalidArgumentError(f"epochs must be a whole number of at least 1, not {epochs!r}.")
    return count


def _check_callbacks(callbacks: Sequence[Any]) -> None:
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InvalidArgumentError(
                f"callbacks must be keras.callbacks.Callback objects, not {callback!r}."
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise InvalidArgumentError(
                "BackupAndRestore would disturb train's own checkpoints, which lose nothing: "
                "leave it out and pass run_dir."
            )


def _get_optimizer(optimizer: Any) -> Any:
    try:
        return keras.optimizers.get(optimizer)
    except (ValueError, TypeError) as error:
        raise InvalidArgumentError(
            f"optimizer must be a Keras optimizer or its name, not {optimizer!r}."
        ) from error


def _get_class_weight(class_weight: Any, datasets: "Datasets") -> dict[int, float] | None:
    if class_weight is None:
        return None
    if class_weight == "balanced":
        class_weight = datasets.class_weight
    elif class_weight == "sqrt_balanced":
        class_weight = {index: math.sqrt(weight) for index, weight in datasets.class_weight.items()}
    classes = range(datasets.num_classes)
    if not isinstance(class_weight, dict) or set(class_weight) != set(classes):
        raise InvalidArgumentError(
            'class_weight must be "recipe", "balanced", "sqrt_balanced", None, or a dictionary '
            f"with one weight for each class index 0 to {classes[-1]}, not {class_weight!r}."
        )
    weights = {int(index): float(class_weight[index]) for index in classes}
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        raise InvalidArgumentError(
            f"class_weight must be finite and not negative, not {class_weight!r}."
        )
    return weights
