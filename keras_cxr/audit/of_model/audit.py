"""`audit_model`: whether to believe what a trained model scores on its own test part."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import MODEL_AUDIT, check_free
from keras_cxr._support.progress import Say, speaker
from keras_cxr.audit.findings import Finding, wrapped
from keras_cxr.audit.of_model.base.predictions import Answers, answer
from keras_cxr.audit.of_model.base.scores import score_of
from keras_cxr.audit.of_model.calibrated_file import write_calibrated
from keras_cxr.audit.of_model.card import write_model_card
from keras_cxr.audit.of_model.controls.masked import MaskedInputs
from keras_cxr.audit.of_model.controls.recipe import Recipe, recipe_of
from keras_cxr.audit.of_model.controls.result import Controls
from keras_cxr.audit.of_model.controls.train import MODES, train_controls
from keras_cxr.audit.of_model.document import as_document
from keras_cxr.audit.of_model.page import render_model_audit
from keras_cxr.audit.of_model.questions.confidence import Confidence
from keras_cxr.audit.of_model.questions.held_out import HeldOut
from keras_cxr.audit.of_model.questions.label_disagreement import DeniedLabels
from keras_cxr.audit.of_model.questions.lung_heat import LungHeat
from keras_cxr.audit.of_model.questions.table import MEASURES, Case, run_measures
from keras_cxr.audit.of_model.questions.unusual import Unusual
from keras_cxr.audit.of_model.sentences import state_findings
from keras_cxr.data.datasets import check_datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.shift import Shift
from keras_cxr.statistics.intervals.scores import BootstrapIntervals
from keras_cxr.statistics.subgroups import Subgroups

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


_LINES = 24  # of a terminal's smallest usual screen


@dataclass(frozen=True, eq=False, repr=False)
class ModelAudit:
    """What speaks for and against a model's score; made by `audit_model`.

    Every attribute from `held_out` on is None where it was not measured; `notes` say why.

    Attributes:
        name: The model's.
        score: Accuracy, balanced accuracy and the classes' figures on the test part, with
            intervals by group.
        held_out: Copies and patients that training has seen.
        masked: The finished model on pictures without lungs, of borders, of 24 x 24 pixels.
        controls: The same recipe trained anew on such pictures.
        confidence: Calibration, prediction sets, abstention.
        unusual: Whether it notices pictures of another kind.
        shift: What it loses under brightness, blur, noise and the like.
        subgroups: Scores by each column of the metadata.
        where: Heat in the lungs.
        labels: Labels of validation and test images that the model denies.
        notes: What was not measured, and why.
        datasets: What was audited.
    """

    name: str
    score: BootstrapIntervals
    held_out: HeldOut | None = None
    masked: MaskedInputs | None = None
    controls: Controls | None = None
    confidence: Confidence | None = None
    unusual: Unusual | None = None
    shift: Shift | None = None
    subgroups: Subgroups | None = None
    where: LungHeat | None = None
    labels: DeniedLabels | None = None
    notes: tuple[str, ...] = ()
    datasets: "Datasets" = field(kw_only=True)
    model: keras.Model = field(kw_only=True)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, as plain sentences, the score first."""
        return state_findings(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns what `model_audit.json` holds, without NaN; `docs/trust.md` describes it."""
        return as_document(self)

    def write(self, out_dir: str | os.PathLike[str], **card: Any) -> Path:
        """Writes the page, the model card, the calibrated model and, last, model_audit.json.

        Args:
            out_dir: A folder, created where it is missing.
            **card: Further options of `write_model_card`, such as `license="apache-2.0"`.

        Returns:
            The folder.

        Raises:
            OutputError: It cannot be written, or holds files of these names of somebody else.
        """
        folder = output_folder(check_free(out_dir, MODEL_AUDIT))
        reason = write_calibrated(self, folder)
        audit = self
        if reason:
            audit = replace(self, notes=(*self.notes, f"No calibrated model was saved: {reason}."))
        write_whole(folder / "trust.html", render_model_audit(audit))
        write_model_card(audit, folder, **card)
        write_json(folder / "model_audit.json", audit.to_dict())
        return folder

    def __str__(self) -> str:
        lines = wrapped(f"{self.name}, {self.score.num_images:,} test images")
        for finding in self.findings:
            lines += wrapped(finding.sentence, "- ")
        for note in self.notes:
            lines += wrapped(note, "  ")
        if len(lines) > _LINES - 1:
            lines = [*lines[: _LINES - 2], "... and more in model_audit.json"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ModelAudit({self.name!r}, accuracy={self.score.accuracy})"


def audit_model(
    model: keras.Model,
    datasets: "Datasets",
    *,
    controls: str = "none",
    measures: Sequence[str] = MEASURES,
    recipe: Recipe | None = None,
    build: Callable[[], keras.Model] | None = None,
    epochs: int | None = None,
    num_seeds: int = 1,
    metadata: Any = None,
    seed: int = 0,
    out_dir: str | os.PathLike[str] | None = None,
    test: Answers | None = None,
    notes: Sequence[str] = (),
    say: Say | None = None,
    verbose: Any = "auto",
) -> ModelAudit:
    """Returns what speaks for and against the score of a trained model.

    Without controls nothing is trained: the finished model answers on the test part as it is,
    without lungs, on borders and thumbnails, blurred, darkened and so on, which takes minutes.
    With controls the same recipe is trained anew on such pictures and on shuffled labels; Keras'
    global random seed is set for that. The model stays as it is.

    What it does not show: how the model does on images from elsewhere. The test part comes from
    the same hospitals as the training part.

    Args:
        model: A trained classifier.
        datasets: What it was trained, validated and tested on.
        controls: "none"; "quick": trained on at most 2,500 images for at most 8 epochs; "full":
            on all training images for the recipe's own epochs.
        measures: Which questions to ask, see `MEASURES`.
        recipe: How it was trained; by default what the model itself tells of.
        build: Returns a new, untrained model, where the recipe is not given: for subclassed
            models and for those that began from pretrained weights.
        epochs: Of a full training, where the recipe is not given; 25 otherwise.
        num_seeds: How often controls train the recipe on the images as they are.
        metadata: A CSV file or DataFrame with the column file and columns of subgroups.
        seed: Of the controls and of the bootstrap.
        out_dir: Where controls are kept, so that they go on after an interruption.
        test: The model's answers on the test part, where they are known already.
        notes: What else is worth knowing; they end the list of what was not measured.
        say: Called with a line of text before each piece of work;
            by default on standard error, as `verbose` says.
        verbose: Progress of training, as `train` takes it.

    Raises:
        InvalidArgumentError: An argument has a value that cannot work, or images and model do
            not fit each other.
        DataError: The metadata fit no image.
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
    check_datasets(datasets, "audit_model")
    datasets.files("test")  # refuses data without a test part
    folder = None if out_dir is None else check_free(out_dir, MODEL_AUDIT)
    if controls != "none":  # what cannot be built anew is refused before any work
        recipe = recipe or recipe_of(model, build=build, epochs=epochs)
        recipe.new_optimizer()
        recipe.new_loss()
        recipe.build()
    tell = speaker(say, verbose)
    if test is None:
        tell(f"testing on {len(datasets.files('test')):,} images")
        test = answer(model, datasets)
    case = Case(model, datasets, test, metadata=metadata, seed=seed, say=tell)
    found, remarks = run_measures(case, measures)
    if controls != "none" and recipe is not None:
        found["controls"] = train_controls(
            datasets,
            recipe,
            mode=controls,
            folder=None if folder is None else folder / f"controls-{controls}",
            num_seeds=num_seeds,
            seed=seed,
            say=tell,
            verbose=verbose,
        )
        remarks += [note for note in found["controls"].notes if note not in remarks]
    return ModelAudit(
        name=model.name,
        score=score_of(test),
        notes=(*remarks, *notes),
        datasets=datasets,
        model=model,
        **found,
    )
