import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from keras_cxr.cli import main
from keras_cxr.installation import describe, packages, probe
from keras_cxr.installation.describe import describe_installation

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "backend": "tensorflow",
    "devices": ["cpu:0"],
    "precision": "float32",
    "precision_reason": "this CPU does not multiply bfloat16",
}


def fits(text):
    return max(map(len, text.splitlines())) <= 80


def test_what_works_is_said_to_work(monkeypatch, capsys):
    monkeypatch.setattr(describe, "ask_keras", lambda: GOOD)
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert fits(text)
    assert "auto takes float32: this CPU does not multiply bfloat16" in text
    assert text.endswith("All that is needed works.\n")
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["works"] is True
    assert document["schema_version"] == 1
    assert document["cache"]["free_bytes"] > 0
    assert document["extras"]["dicom"]["adds"] == "reads DICOM files"


@pytest.mark.parametrize("backend", ["numpyy", "torch"])
def test_a_backend_that_does_not_load_is_a_problem_among_the_rest(backend, monkeypatch, capsys):
    if packages.version_of(backend):
        pytest.skip(f"{backend} is installed")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert main(["doctor"]) == 1
    shown = capsys.readouterr()
    assert fits(shown.out)
    assert "Traceback" not in shown.out + shown.err
    assert f"Backend     {backend} (not installed)" in shown.out
    assert "Problem     Keras does not load with the backend" in shown.out
    assert "Cache" in shown.out
    assert "All that is needed works" not in shown.out


def test_a_backend_that_cannot_train_is_a_problem(monkeypatch):
    monkeypatch.setattr(describe, "ask_keras", lambda: GOOD | {"backend": "numpy"})
    found = describe_installation()
    assert found.problems == (
        "Keras runs on numpy, which cannot train: set KERAS_BACKEND to one of tensorflow, jax, "
        "torch.",
    )
    assert fits(str(found))


def test_missing_packages_and_a_cache_out_of_reach_are_problems(monkeypatch, tmp_path):
    monkeypatch.setattr(describe, "ask_keras", lambda: GOOD)
    monkeypatch.setattr(describe, "needed_packages", lambda: {"numpy": "2.0", "h5py": None})
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_CXR_CACHE", str(tmp_path / "file" / "cache"))
    found = describe_installation()
    assert not found.works
    assert found.problems[0].startswith("h5py not installed: pip install h5py")
    assert found.problems[1].startswith("The cache cannot be looked at")
    assert "h5py MISSING" in str(found)
    assert "Cache       unknown" in str(found)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (subprocess.TimeoutExpired("python", 300), "it does not answer within 300 seconds"),
        (OSError(12, "Cannot allocate memory"), r"cannot be started \(Cannot allocate memory\)"),
        (
            subprocess.CompletedProcess([], -6, b"", b"x\nterminate called\n"),
            r"ended with -6 \(terminate called\)",
        ),
        (subprocess.CompletedProcess([], 1, b"7\n", b""), r"ended with 1 \(no message\)"),
    ],
)
def test_a_process_that_dies_is_told_in_words(outcome, words, monkeypatch):
    def run(*words, **options):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(probe.subprocess, "run", run)
    error = probe.ask_keras()["error"]
    assert re.search(words, error), error


def test_keras_is_asked_in_a_process_of_its_own():
    found = probe.ask_keras()
    assert "error" not in found, found
    assert found["backend"]
    assert found["devices"]
    assert found["precision"] in ("float32", "mixed_bfloat16")


def test_extras_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extra in packages.EXTRAS.items():
        wanted = [packages._NAME.match(line)[0] for line in project["optional-dependencies"][name]]
        assert list(extra.packages) == wanted
    known = set(project["optional-dependencies"])
    assert known - set(packages.EXTRAS) == {"test", "test-backends", "lint", "docs"}


def test_from_its_source_packages_are_unknown(monkeypatch):
    def absent(name):
        raise packages.metadata.PackageNotFoundError(name)

    assert "numpy" in packages.needed_packages()
    monkeypatch.setattr(packages.metadata, "requires", absent)
    assert packages.needed_packages() == {}
