"""What training returns, and how to read it back from a run's folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from keras_cxr._support.disk.file_names import BEST_MODEL_FILE, LAST_MODEL_FILE, RUN_RECORD_FILE
from keras_cxr.errors import NotFoundError, TrainingError
from keras_cxr.models.files import read_model
from keras_cxr.training.checkpoint import best_file, read_arrays, read_record
from keras_cxr.training.state import assign_variables


@dataclass(frozen=True, eq=False)
class HeadStage:
    """What a first stage was, in which the head alone is trained on features of the backbone.

    Attributes:
        layers: names of the layers that were trained.
        history: as `TrainingRun.history`, of this stage's epochs.
        seconds_per_epoch: wall-clock seconds of each training pass.
        feature_seconds: wall-clock seconds in which the features were computed; 0 where they were
            read from the cache.
        feature_shape: shape of one image's features, such as (512,).
        notes: what is worth knowing, such as that the features are of images that were not moved.
    """

    layers: tuple[str, ...]
    history: dict[str, list[float]]
    seconds_per_epoch: list[float]
    feature_seconds: float
    feature_shape: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """A line for a terminal."""
        shown = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items())
        seconds = self.feature_seconds + sum(self.seconds_per_epoch)
        return f"head alone: {len(self.seconds_per_epoch)} epochs in {seconds:.1f} s, {shown}"


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """A trained model and the course of its training.

    Attributes:
        model: the model that was passed, with the weights of the last epoch (unless a callback
            such as EarlyStopping put the best ones back).
        history: a list with one value per epoch for "loss", "accuracy" and, with validation
            images, "val_loss" and "val_accuracy". The training values are means over the epoch
            while the weights change, weighted by class, with dropout and augmentation; the
            validation values are of the epoch's last weights, unweighted.
        seconds_per_epoch: wall-clock seconds of each training pass, without validation and
            checkpoints. The first includes compiling the model.
        validation_seconds: wall-clock seconds of each validation pass, 0 without one.
        best_epoch: number of the epoch with the smallest validation loss, from 0; without
            validation images the smallest training loss.
        epochs_trained: number of complete epochs.
        precision: "float32" or "mixed_bfloat16", which the epochs were computed in.
        run_dir: where checkpoints, `best.keras` and `last.keras` are, or `None`.
        interrupted: whether epochs are missing that were asked for; only `load_run` says so,
            since an interrupted `train` raises.
        stopped_early: whether a callback ended training.
        head: the first stage, where the recipe has one; its epochs and seconds are not among those
            above.
    """

    model: keras.Model
    history: dict[str, list[float]]
    seconds_per_epoch: list[float]
    validation_seconds: list[float]
    best_epoch: int
    epochs_trained: int
    precision: str
    run_dir: Path | None = None
    interrupted: bool = False
    stopped_early: bool = False
    head: HeadStage | None = None

    @property
    def best_path(self) -> Path | None:
        """The file of the model after `best_epoch`, `None` without a `run_dir`."""
        return None if self.run_dir is None else self.run_dir / BEST_MODEL_FILE

    @property
    def summary(self) -> str:
        """Two lines for a terminal, three with a first stage."""
        whole = {n: v for n, v in self.history.items() if len(v) == self.epochs_trained}
        best = {name: values[self.best_epoch] for name, values in whole.items()}
        shown = ", ".join(f"{name} {value:.4g}" for name, value in best.items())
        seconds = sum(self.seconds_per_epoch) / len(self.seconds_per_epoch)
        first = "" if self.head is None else f"{self.head.summary}\n"
        return (
            f"{first}{self.epochs_trained} epochs in {self.precision}, {seconds:.1f} s per epoch\n"
            f"best epoch {self.best_epoch + 1}: {shown}"
        )

    def __str__(self) -> str:
        return self.summary


def load_run(
    run_dir: str | os.PathLike[str], *, custom_objects: dict[str, Any] | None = None
) -> TrainingRun:
    """Return the run in a folder as far as it is complete, with the last epoch's weights.

    Nothing in the folder is changed, so a run that is still training may be looked at.

    Args:
        run_dir: the folder that was given to `train`.
        custom_objects: layers and functions of your own in the model, by name, as
            `keras.saving.load_model` takes them.

    Raises:
        NotFoundError: there is no run in the folder.
        TrainingError: no epoch is complete yet, or the record or state is damaged.
        DataError: (a ValueError) the model's file is damaged, or needs `custom_objects`.
    """
    path = Path(run_dir)
    record = read_record(path)
    if record is None:
        raise NotFoundError(f"There is no run in {path}: {path / RUN_RECORD_FILE} does not exist.")
    if record["epochs_trained"] == 0:
        raise TrainingError(f"The run in {path} has no complete epoch yet: train it further.")
    return make_run(record, _load_model(path, record, custom_objects), path)


def make_run(record: dict[str, Any], model: keras.Model, run_dir: Path | None) -> TrainingRun:
    """Return the frozen result of a record."""
    head = record.get("head")
    return TrainingRun(
        model=model,
        history={name: list(values) for name, values in record["history"].items()},
        seconds_per_epoch=list(record["seconds_per_epoch"]),
        validation_seconds=list(record["validation_seconds"]),
        best_epoch=record["best_epoch"],
        epochs_trained=record["epochs_trained"],
        precision=record["precision"],
        run_dir=run_dir,
        interrupted=not record["finished"],
        stopped_early=record["stopped"],
        head=None if head is None else _head_stage(head),
    )


def _head_stage(record: dict[str, Any]) -> HeadStage:
    return HeadStage(
        layers=tuple(record["layers"]),
        history={name: list(values) for name, values in record["history"].items()},
        seconds_per_epoch=list(record["seconds_per_epoch"]),
        feature_seconds=record["feature_seconds"],
        feature_shape=tuple(record["feature_shape"]),
        notes=tuple(record["notes"]),
    )


def _load_model(
    path: Path, record: dict[str, Any], custom_objects: dict[str, Any] | None
) -> keras.Model:
    if record.get("last_epochs") == record["epochs_trained"]:
        return read_model(path / LAST_MODEL_FILE, custom_objects=custom_objects)
    model = read_model(best_file(path, record), custom_objects=custom_objects)
    assign_variables(model.variables, read_arrays(path / record["state"]), "model")
    return model
