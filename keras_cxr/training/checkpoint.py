"""A run's folder: every file written whole or not at all, `run.json` last."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_cxr._support.disk.archives import ArchiveError, read_npz
from keras_cxr._support.disk.documents import COUNT, Document, Range, Text
from keras_cxr._support.disk.file_names import (
    BEST_MODEL_FILE,
    CHECKPOINT_FOLDER,
    LAST_MODEL_FILE,
    LOCK_FILE,
    RUN_RECORD_FILE,
)
from keras_cxr._support.disk.files import temporaries_of, whole_file
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr._support.disk.locking import try_lock
from keras_cxr.errors import OutputError, TrainingError
from keras_cxr.training.state import Arrays

SCHEMA_VERSION = 1
_OWN = (RUN_RECORD_FILE, BEST_MODEL_FILE, LAST_MODEL_FILE, CHECKPOINT_FOLDER, LOCK_FILE)


def _contradiction(record: dict[str, Any]) -> str:
    """Return what in a record of the right form cannot be; "" where all agrees."""
    epochs, best, history = (record[key] for key in ("epochs_trained", "best_epoch", "history"))
    full = [record["seconds_per_epoch"], record["validation_seconds"], history.get("loss", [])]
    if any(len(values) != epochs for values in full):
        return f"has no loss or no seconds for each of its {epochs} epochs"
    if any(len(values) > epochs for values in history.values()):
        return f"has more values in its history than its {epochs} epochs"
    if epochs and (best is None or best >= epochs):
        return f"has best_epoch {best}, none of its {epochs} epochs"
    if record["finished"] and "changed_at_end" not in record:
        return "lacks changed_at_end"
    head = record.get("head")
    if head and any(len(v) != len(head["seconds_per_epoch"]) for v in head["history"].values()):
        return "has a first stage with more or fewer values than epochs"
    return ""


RUN_RECORD = Document(
    what="the record of a training run",
    form={
        "settings": {
            "data": {
                "class_names?": [str],
                "image_size?": [Range(1, 2**16, whole=True), Range(1, 2**16, whole=True)],
                "region?": str,
                "batch_size?": Range(1, 2**31, whole=True),
                "augment?": bool,
                "seed?": int,
            },
            "class_weight": ([Range(0)], None),
            "optimizer": {},
            "loss?": {},
            "head?": {"epochs": COUNT, "learning_rate": Range(0)},
        },
        "precision": Text("float32|mixed_bfloat16", '"float32" or "mixed_bfloat16"'),
        "keras_version": str,
        "backend": str,
        "epochs_trained": COUNT,
        "best_epoch": (COUNT, None),
        "stopped": bool,
        "finished": bool,
        "history": {str: [(float, None)]},
        "seconds_per_epoch": [Range(0)],
        "validation_seconds": [Range(0)],
        "state": Text(
            rf"{CHECKPOINT_FOLDER}/state-\d{{5,9}}\.npz", f"a file in {CHECKPOINT_FOLDER}/"
        ),
        "head?": {
            "layers": [str],
            "history": {str: [(float, None)]},
            "seconds_per_epoch": [Range(0)],
            "feature_seconds": Range(0),
            "feature_shape": [COUNT],
            "notes": [str],
        },
        "last_epochs?": COUNT,
        "changed_at_end?": bool,
    },
    remedy="Pass resume=False to begin anew, or another run_dir.",
    version=SCHEMA_VERSION,
    error=TrainingError,
    rule=_contradiction,
)

Save = Callable[[Path], None]


class RunFolder:
    """The folder of one run, locked for as long as it is open.

    `run.json` names the state file it belongs to, and is replaced only when that file is on
    disk; the state before is deleted only after that. Killed at any instant, the folder holds
    the last complete epoch. A new `best.keras` waits beside the state until `run.json` speaks
    of it, and is put in place by the next `open` if the run was killed just there.

    Args:
        path: the folder; created where it does not exist.

    Raises:
        OutputError: the folder cannot be written, or holds files that are not a run's.
        TrainingError: another process is training in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            (path / CHECKPOINT_FOLDER).mkdir(parents=True, exist_ok=True)
            self._lock = (path / LOCK_FILE).open("a")
        except OSError as error:
            raise OutputError(
                f"Cannot write the run's folder {path}: {error}. Choose another run_dir."
            ) from error
        try:
            self._refuse_second()
            self._refuse_foreign()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.close()

    def read(self) -> dict[str, Any] | None:
        """Return the run's record, what a kill left half done completed; `None` for a new run."""
        record = read_record(self.path)
        if record is not None:
            best = best_file(self.path, record)
            if best != self.path / BEST_MODEL_FILE:
                best.replace(self.path / BEST_MODEL_FILE)
        self._tidy(record)
        return record

    def commit(self, record: dict[str, Any], arrays: Arrays, save_best: Save | None = None) -> None:
        """Put an epoch on disk: the state, the best model if it is a new one, the record."""
        epoch = record["epochs_trained"]
        record["state"] = f"{CHECKPOINT_FOLDER}/state-{epoch:05d}.npz"
        with whole_file(self.path / record["state"]) as temporary:
            _write_arrays(temporary, arrays)
        if save_best is not None:
            best = self.path / CHECKPOINT_FOLDER / f"best-{epoch:05d}.keras"
            with whole_file(best) as temporary:
                save_best(temporary)
        self.write_record(record)
        if save_best is not None:
            best.replace(self.path / BEST_MODEL_FILE)
        self._tidy(record)

    def finish(self, record: dict[str, Any], save_last: Save) -> None:
        """Write `last.keras`, then the record that says so."""
        with whole_file(self.path / LAST_MODEL_FILE) as temporary:
            save_last(temporary)
        self.write_record({**record, "last_epochs": record["epochs_trained"]})

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace `run.json`."""
        with whole_file(self.path / RUN_RECORD_FILE) as temporary:
            temporary.write_text(to_json({"schema_version": SCHEMA_VERSION, **record}))

    def clear(self) -> None:
        """Remove the run; the record first, so that nothing half removed is taken for a run."""
        for name in (RUN_RECORD_FILE, BEST_MODEL_FILE, LAST_MODEL_FILE):
            (self.path / name).unlink(missing_ok=True)
        self._tidy(None)

    def _tidy(self, record: dict[str, Any] | None) -> None:
        kept = None if record is None else self.path / record["state"]
        for file in (self.path / CHECKPOINT_FOLDER).iterdir():
            if file != kept:
                file.unlink(missing_ok=True)
        for name in (RUN_RECORD_FILE, BEST_MODEL_FILE, LAST_MODEL_FILE):
            for left in temporaries_of(self.path / name):
                left.unlink(missing_ok=True)

    def _refuse_second(self) -> None:
        if not try_lock(self._lock):
            raise TrainingError(
                f"Another process is training in {self.path}: wait for it, or choose another "
                "run_dir."
            )

    def _refuse_foreign(self) -> None:
        if (self.path / RUN_RECORD_FILE).exists():
            return
        own = {self.path / name for name in _OWN}
        own |= {left for file in own for left in temporaries_of(file)}
        foreign = [file.name for file in self.path.iterdir() if file not in own]
        if foreign:
            raise OutputError(
                f"{self.path} holds files that are not a run's ({', '.join(sorted(foreign)[:3])}) "
                f"and no {RUN_RECORD_FILE}: choose an empty or new folder as run_dir."
            )


def read_record(path: Path, *, remedy: str = "") -> dict[str, Any] | None:
    """Return the folder's `run.json`, or `None` where there is none.

    Args:
        path: the run's folder.
        remedy: what a person does where it is damaged; by default what one who trains does.

    Raises:
        TrainingError: it cannot be read or used, or a newer release wrote it.
    """
    file = path / RUN_RECORD_FILE
    if not file.exists():
        return None
    record = RUN_RECORD.read(file, remedy=remedy)
    stages = [record, *([record["head"]] if "head" in record else [])]
    for values in (values for stage in stages for values in stage["history"].values()):
        values[:] = [math.nan if value is None else value for value in values]  # as it was
    return record


def best_file(path: Path, record: dict[str, Any]) -> Path:
    """Where the best model is: a kill may have left a new one beside the state."""
    if record["best_epoch"] is not None:
        pending = path / CHECKPOINT_FOLDER / f"best-{record['best_epoch'] + 1:05d}.keras"
        if pending.exists():
            return pending
    return path / BEST_MODEL_FILE


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of a state file, checked against their checksums.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    try:
        return {_name(key): _from_stored(key, array) for key, array in read_npz(path).items()}
    except (ArchiveError, TypeError, ValueError) as error:
        raise TrainingError(
            f"The checkpoint {path} is missing or damaged ({error}): pass resume=False to begin "
            "anew, or another run_dir."
        ) from error


def _write_arrays(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **dict(_to_stored(name, array) for name, array in arrays.items()))


def _to_stored(name: str, array: Any) -> tuple[str, Any]:
    # numpy stores bfloat16 and float8 as nameless bytes
    if array.dtype.kind in "biufcSU":
        return name, array
    return f"{name}|{array.dtype.name}", array.view(f"u{array.dtype.itemsize}")


def _name(key: str) -> str:
    return key.partition("|")[0]


def _from_stored(key: str, array: Any) -> Any:
    dtype = key.partition("|")[2]
    return array.view(dtype) if dtype else array
