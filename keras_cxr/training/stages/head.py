"""The first stage of a training: the head alone, on features of the frozen backbone."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr.keras_graph.backbone import TwoParts, split_classifier, untrained_normalizations
from keras_cxr.training.loop import FirstStage, Loop
from keras_cxr.training.objective import Objective
from keras_cxr.training.progress import Progress, make_progress
from keras_cxr.training.recipes import TrainingRecipe
from keras_cxr.training.stages.features import compute_features
from keras_cxr.training.state import assign_generators, read_generators

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

NOT_AUGMENTED = "the features are of images that were not augmented"


def plan_first_stage(
    model: keras.Model, datasets: "Datasets", *, recipe: TrainingRecipe, **options: Any
) -> FirstStage | None:
    """Return what trains the head in a recipe's first stage; None where the recipe has none.

    Args:
        model: the whole model.
        datasets: the images.
        recipe: the recipe.
        **options: as `train_head` takes them.

    Raises:
        InvalidArgumentError: the model has no head that can be told from a backbone.
    """
    if not recipe.head_epochs:
        return None
    parts = split_classifier(model)
    return partial(train_head, parts=parts, datasets=datasets, recipe=recipe, **options)


def train_head(
    record: dict[str, Any],
    check_interrupt: Callable[[], None],
    *,
    parts: TwoParts,
    datasets: "Datasets",
    recipe: TrainingRecipe,
    objective: Objective,
    class_weight: dict[int, float] | None,
    progress: Progress,
    verbose: Any,
) -> dict[str, Any]:
    """Train the head of a model in place and return what the run's record says of it.

    The backbone is only asked for its features, so that its weights, the statistics of its
    normalizations and every layer's `trainable` stay as they are.

    Args:
        record: of a run before its first epoch, with the precision to compute in.
        check_interrupt: raises KeyboardInterrupt after Ctrl-C.
        parts: the model's.
        datasets: the images; epoch n takes them in the order of `datasets.at_epoch(n).train`.
        recipe: with `head_epochs` and the head's learning rate.
        objective: the whole run's loss and metrics.
        class_weight: the whole run's.
        progress: the whole run's, which says what happens.
        verbose: as `train` takes it.

    Raises:
        TrainingError: the features or the loss are no finite numbers.
        OutputError: the features cannot be kept.
    """
    parts.take()
    generators = read_generators()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        features = compute_features(
            parts.backbone,
            datasets,
            datasets.cache_folder or Path(temporary),
            verbose=verbose if verbose == "auto" else verbose == 1,
            check_interrupt=check_interrupt,
        )
        assign_generators(generators)  # as if nothing had been computed: torch draws in `predict`
        seconds = features.seconds
        made = f"computed in {seconds:.1f} s" if seconds else "read from the cache"
        progress.say(f"first stage: {', '.join(parts.layer_names)}; features {made}")
        own_progress = make_progress(
            verbose,
            epochs=recipe.head_epochs,
            steps=len(features.train),
            images=len(features.values["train"]),
            batch_size=datasets.batch_size,
        )
        loop = Loop(
            parts.head,
            features,
            record=record,
            folder=None,
            callbacks=(),
            class_weight=class_weight,
            progress=own_progress,
        )
        try:
            with loop.policies.training():
                parts.head.compile(
                    recipe.new_head_optimizer(),
                    loss=objective.loss,
                    metrics=[_anew(metric) for metric in objective.metrics],
                    auto_scale_loss=False,
                )
                loop.run_within(recipe.head_epochs, check_interrupt)
        finally:
            own_progress.close()
    parts.hand_back()
    progress.say("second stage: all trainable layers")
    notes = [NOT_AUGMENTED]
    if names := untrained_normalizations(parts.backbone):
        notes.append(
            f"never trained: {', '.join(names[:3])}{' and others' if names[3:] else ''}. New batch "
            "normalizations pass values on unchanged in the first stage and normalize them in the "
            "second, in which the head therefore meets other features"
        )
        progress.say(f"Note: {notes[-1]}")
    return {
        "layers": parts.layer_names,
        "history": loop.record["history"],
        "seconds_per_epoch": loop.record["seconds_per_epoch"],
        "feature_seconds": seconds,
        "feature_shape": list(features.input_shape),
        "notes": notes,
    }


def _anew(metric: Any) -> Any:
    """Return a metric of the same settings, since one belongs to one compiled model."""
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric
