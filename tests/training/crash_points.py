"""Runs epochs of a run's folder and dies at one step after another, in forked children.

A process of its own, so that nothing is forked that holds worker threads.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from keras_cxr._support.disk.file_names import BEST_MODEL_FILE
from keras_cxr.training.checkpoint import RunFolder, best_file, read_arrays, read_record

STEPS = ("replace", "fsync", "unlink", "open", "mkdir")


def epoch(folder, number, *, best):
    record = {
        "settings": {"data": {}, "optimizer": {}, "class_weight": None},
        "precision": "float32",
        "keras_version": "3",
        "backend": "tensorflow",
        "epochs_trained": number,
        "best_epoch": best,
        "stopped": False,
        "finished": False,
        "history": {"loss": [1.0] * number},
        "seconds_per_epoch": [1.0] * number,
        "validation_seconds": [0.0] * number,
    }
    arrays = {"model/0": np.full(1000, number, "float32")}
    save = (lambda path: path.write_text(f"epoch {number}")) if best == number - 1 else None
    folder.commit(record, arrays, save)


def run(path):
    folder = RunFolder(path)
    for number, best in ((0, None), (1, 0), (2, 0), (3, 2)):
        epoch(folder, number, best=best)
    folder.finish(folder.read(), lambda file: file.write_text("last"))
    folder.close()


def die_at(step):
    """Replace the calls that touch the disk by ones that count, and die at the given one."""
    left = [step]

    def counted(function):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def check(path):
    """What is left is one complete epoch, and the next process finds it whole."""
    record = read_record(path)
    if record is None:
        RunFolder(path).close()
        return None
    number, best = record["epochs_trained"], record["best_epoch"]
    assert (read_arrays(path / record["state"])["model/0"] == number).all()
    if best is not None:
        assert best_file(path, record).read_text() == f"epoch {best + 1}"
    folder = RunFolder(path)
    assert folder.read() == record
    if best is not None:
        assert (path / BEST_MODEL_FILE).read_text() == f"epoch {best + 1}"
    left = [p for p in path.rglob("*") if ".tmp" in p.name]
    assert not left, left
    states = list((path / "checkpoint").iterdir())
    assert states == [path / record["state"]], states
    folder.close()
    return number


def main(root):
    seen = []
    for step in range(1, 1000):
        path = root / str(step)
        child = os.fork()
        if child == 0:
            die_at(step)
            run(path)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if path.exists():
            seen.append(check(path))
        if status == 0:
            break
        assert status == 9, status
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
