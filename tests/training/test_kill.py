"""Killed and interrupted for real, in processes of their own."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cxr.training import load_run, train
from tests.forked import started_script
from tests.training.conftest import assert_same_state, state_of
from tests.training.train_in_process import make

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("train_in_process.py")


@contextlib.contextmanager
def started(*arguments):
    """The script in a process of its own, which is gone afterwards whatever happened."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stderr=subprocess.PIPE,
        text=True,
        # a background shell may have had the signal ignored, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process, words):
    """What it wrote up to the line with these words; it must come."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"{words!r} did not come:\n{''.join(lines)}")


def uninterrupted(name, precision, epochs):
    model, datasets = make(name, seed=11)
    run = train(model, datasets, epochs=epochs, precision=precision, verbose=0)
    return run, state_of(model)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("lenet5", "float32"),
        pytest.param("lmap3", "float32", marks=pytest.mark.slow),
        pytest.param("alexnet", "mixed_bfloat16", marks=pytest.mark.slow),
    ],
)
def test_killed_in_an_epoch_and_resumed_it_ends_the_same(tmp_path, name, precision):
    with started_script(SCRIPT, tmp_path / "run", name, precision, 2, "1:2", cwd=ROOT) as running:
        running.process.join(300)
        assert running.process.exitcode == -signal.SIGKILL, running.stderr
    assert json.loads((tmp_path / "run/run.json").read_text())["epochs_trained"] == 1
    model, datasets = make(name, seed=12)  # other random weights than the killed run's
    resumed = train(
        model, datasets, epochs=2, precision=precision, run_dir=tmp_path / "run", verbose=0
    )
    run, state = uninterrupted(name, precision, 2)
    assert resumed.history == run.history
    assert resumed.best_epoch == run.best_epoch
    assert_same_state(state_of(model), state)
    for one, two in zip(load_run(tmp_path / "run").model.weights, run.model.weights, strict=True):
        assert one.numpy().tobytes() == two.numpy().tobytes()


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_the_same(tmp_path):
    draw = random.Random(5)
    for seed in (11, 21, 22):
        arguments = (tmp_path, "lmap3", "float32", 500, "free", seed)
        with started_script(SCRIPT, *arguments, cwd=ROOT) as running:
            running.wait_for("precision")
            running.process.join(draw.uniform(0.5, 3))
        assert running.process.exitcode == -signal.SIGKILL
    epochs = json.loads((tmp_path / "run.json").read_text())["epochs_trained"] + 1
    model, datasets = make("lmap3", seed=12)
    resumed = train(
        model, datasets, epochs=epochs, precision="float32", run_dir=tmp_path, verbose=0
    )
    run, state = uninterrupted("lmap3", "float32", epochs)
    assert resumed.history == run.history
    assert_same_state(state_of(model), state)


def test_ctrl_c_leaves_a_usable_run_and_says_how_to_go_on(tmp_path):
    with started(tmp_path, "lmap3", "float32", 500, "free") as process:
        read_until(process, "epoch   2/500")
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
        process.wait()
    # Python ends an uncaught KeyboardInterrupt by the signal itself
    assert process.returncode == -signal.SIGINT, f"exit code {process.returncode}: {errors}"
    assert f"of 500 is kept in {tmp_path}: the same call, or command, goes on" in errors
    assert "KeyboardInterrupt" in errors
    run = load_run(tmp_path)
    assert run.interrupted
    assert run.epochs_trained >= 2
    assert {"best.keras", "last.keras", "run.json"} <= {p.name for p in tmp_path.iterdir()}
