"""`audit_model`: whether to believe what a trained model scores on its own test part."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.disk.outputs import MODEL_AUDIT, check_free
from keras_cxr._support.progress import Say, speaker
from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions, predict_part
from keras_cxr.audit.of_model.base.scores import in_words, interval_of, score_of
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.of_model.controls.recipe import Recipe, recipe_of
from keras_cxr.audit.of_model.controls.train import MODES, train_controls
from keras_cxr.audit.of_model.page import write_audit
from keras_cxr.audit.of_model.result import MEASURED, MEASURES, ModelAudit
from keras_cxr.audit.outcomes import Question, all_notes, ask_all, measured
from keras_cxr.data.datasets import check_datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.intervals.scores import BootstrapIntervals

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


def audit_model(
    model: keras.Model,
    datasets: "Datasets",
    *,
    controls: str = "none",
    measures: Sequence[str] = tuple(MEASURES),
    recipe: Recipe | None = None,
    build: Callable[[], keras.Model] | None = None,
    epochs: int | None = None,
    num_seeds: int = 1,
    metadata: Any = None,
    seed: int = 0,
    out_dir: str | os.PathLike[str] | None = None,
    test: LabelledPredictions | None = None,
    notes: Sequence[str] = (),
    say: Say | None = None,
    verbose: Any = "auto",
) -> ModelAudit:
    """Return what speaks for and against the score of a trained model.

    Without controls nothing is trained: the finished model is tried on the test part as it is,
    without lungs, on borders and thumbnails, blurred, darkened and so on, which takes minutes.
    With controls the same recipe is trained anew on such pictures and on shuffled labels; Keras'
    global random seed is set for that. The model stays as it is.

    What it does not show: how the model does on images from elsewhere. The test part comes from
    the same hospitals as the training part.

    Args:
        model: a trained classifier.
        datasets: what it was trained, validated and tested on.
        controls: "none"; "quick": trained on at most 2,500 images for at most 8 epochs; "full":
            on all training images for the recipe's own epochs.
        measures: which questions to ask: names of `MEASURES`, by default all.
        recipe: how it was trained; by default what the model itself tells of.
        build: returns a new, untrained model, where the recipe is not given: for subclassed
            models and for those that began from pretrained weights.
        epochs: of a full training, where the recipe is not given; 25 otherwise.
        num_seeds: how often controls train the recipe on the images as they are.
        metadata: a CSV file or DataFrame with the column file and columns of subgroups.
        seed: of the controls and of the bootstrap.
        out_dir: where controls are kept, so that they go on after an interruption.
        test: the model's predictions on the test part, where they are known already.
        notes: what else is worth knowing; they end the list of what was not measured.
        say: called with a line of text before each piece of work;
            by default on standard error, as `verbose` says.
        verbose: progress, as `train` takes it.

    Raises:
        InvalidArgumentError: an argument has a value that cannot work, or images and model do
            not fit each other.
        DataError: the metadata fit no image.
        OutputError: `out_dir` cannot be written.

    Examples:
        >>> from keras_cxr.audit import audit_model
        >>> audit = audit_model(model, datasets)  # doctest: +SKIP
        >>> print(audit)  # doctest: +SKIP
        >>> audit.write("my-audit")  # doctest: +SKIP
    """
    if controls not in MODES:
        raise InvalidArgumentError(f'controls must be "none", "quick" or "full", not {controls!r}.')
    if num_seeds < 1:
        raise InvalidArgumentError(f"num_seeds must be at least 1, not {num_seeds!r}.")
    questions = _chosen(measures)
    check_datasets(datasets, "audit_model")
    datasets.files("test")  # refuses data without a test part
    folder = None if out_dir is None else check_free(out_dir, MODEL_AUDIT)
    tell = speaker(say, verbose)
    if controls != "none":
        recipe = _checked(recipe or recipe_of(model, build=build, epochs=epochs))
    if test is None:
        tell(f"testing on {len(datasets.files('test')):,} images")
        test = predict_part(model, datasets)
    subject = AuditedModel(model, datasets, test, metadata=metadata, seed=seed)
    outcomes = ask_all(questions, subject, say=lambda title: tell(f"measuring {title}"))
    if controls != "none" and recipe is not None:
        trained = train_controls(
            datasets,
            recipe,
            mode=controls,
            folder=None if folder is None else folder / f"controls-{controls}",
            num_seeds=num_seeds,
            seed=seed,
            say=tell,
            verbose=verbose,
        )
        outcomes["controls"] = measured(trained)
    score = score_of(test)
    read = [name for name in MEASURED if name in outcomes]
    return ModelAudit(
        name=model.name,
        score=score,
        **{name: outcomes[name].value if name in outcomes else None for name in MEASURED},
        findings=(_of_score(score), *(one for name in read for one in outcomes[name].findings)),
        notes=(*all_notes(outcomes.values()), *notes),
        datasets=datasets,
        model=model,
        _write=write_audit,
    )


def _chosen(names: Sequence[str]) -> dict[str, Question]:
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise InvalidArgumentError(
            f"measures must be of {', '.join(MEASURES)}, not {', '.join(map(repr, unknown))}."
        )
    return {name: MEASURES[name] for name in names}


def _checked(recipe: Recipe) -> Recipe:
    """Refuse, before any work, a recipe that cannot be trained anew."""
    recipe.new_optimizer()
    recipe.new_loss()
    recipe.build()
    return recipe


def _of_score(score: BootstrapIntervals) -> Finding:
    found, groups = score.balanced_accuracy, ""
    if score.num_groups < score.num_images:
        groups = f" ({score.num_groups:,} where copies and patients count once)"
    sentence = (
        f"Accuracy is {in_words(score.accuracy)} and balanced accuracy {in_words(found)} on "
        f"{score.num_images:,} test images{groups}."
    )
    sentence += f" {score.caution}" if score.caution else ""
    return Finding("score", sentence, found.value, interval_of(found))
