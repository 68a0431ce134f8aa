import json
import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from keras_cxr.errors import OutputError, TrainingError
from keras_cxr.training.checkpoint import RunFolder, read_arrays, read_record
from keras_cxr.training.trainer import new_record

SETTINGS = {"data": {}, "optimizer": {}, "class_weight": None}
RECORD = new_record(SETTINGS, "float32") | {
    "epochs_trained": 1,
    "best_epoch": 0,
    "history": {"loss": [0.5]},
    "seconds_per_epoch": [1.0],
    "validation_seconds": [0.0],
}


@pytest.fixture
def folder(tmp_path):
    opened = RunFolder(tmp_path / "run")
    yield opened
    opened.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_dead_at_any_step_the_folder_holds_one_complete_epoch(tmp_path):
    """Every call that touches the disk is the last one once."""
    script = Path(__file__).with_name("crash_points.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert len(seen) > 50
    assert set(seen) == {None, 0, 1, 2, 3}
    epochs = [-1 if epoch is None else epoch for epoch in seen]
    assert epochs == sorted(epochs)  # a later death never leaves less


def test_arrays_return_with_their_types(folder):
    arrays = {
        "model/0": np.float32([1.5, np.nan]),
        "model/1": np.array([[1.0, -2.0]], ml_dtypes.bfloat16),
        "model/2": np.uint32([7, 2**32 - 1]),
        "optimizer/0": np.array(3, "int64"),
    }
    record = dict(RECORD)
    folder.commit(record, arrays, lambda path: path.write_text("best"))
    found = read_arrays(folder.path / record["state"])
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damaged_states_are_told(folder, damage):
    record = dict(RECORD)
    folder.commit(record, {"model/0": np.arange(1000.0)})
    state = folder.path / record["state"]
    content = bytearray(state.read_bytes())
    if damage == "gone":
        state.unlink()
    else:
        content[len(content) // 2] ^= 1
        state.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    with pytest.raises(TrainingError, match=r"state-00001.npz is missing or damaged.*resume=False"):
        read_arrays(state)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is no JSON"), ('{"schema_version": 99}', "schema version 99, this release reads")],
)
def test_unreadable_records_are_told(folder, text, words):
    (folder.path / "run.json").write_text(text)
    with pytest.raises(TrainingError, match=words):
        read_record(folder.path)


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(OutputError, match=r"not a run's \(holiday.jpg\)"):
        RunFolder(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Choose another run_dir"):
        RunFolder(tmp_path / "file" / "run")


def test_two_at_once_are_refused(folder):
    with pytest.raises(TrainingError, match="Another process is training"):
        RunFolder(folder.path)


def test_clear_leaves_other_peoples_files(folder):
    folder.commit(dict(RECORD), {"model/0": np.zeros(2)}, lambda path: path.write_text("best"))
    (folder.path / "notes.txt").touch()
    folder.clear()
    assert sorted(p.name for p in folder.path.rglob("*")) == [".lock", "checkpoint", "notes.txt"]
