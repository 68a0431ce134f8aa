"""No identifier of a DICOM film reaches what the commands write, cache or print."""

import pytest

pytest.importorskip("pydicom", reason="the extra dicom is not installed")

from keras_cxr.cli import main
from tests.data.splitting.test_patients import PLANTED, TWELVE, films, search, written

TRAIN = ["--model", "lenet5", "--image-size", "32", "32", "--epochs", "1"]


def test_no_command_names_a_patient(tmp_path, monkeypatch, capfd, caplog):
    monkeypatch.setenv("KERAS_CXR_CACHE", str(tmp_path / "cache"))
    planted = {name: value for name, value in PLANTED.items() if name != "PatientID"}
    patients = [f"{PLANTED['PatientID']}{number}" for number in TWELVE]
    root = films(tmp_path / "films", patients, Manufacturer="Acme", **planted)
    (root / "a" / "99.dcm").write_bytes((root / "a" / "00.dcm").read_bytes()[:-50])
    (tmp_path / "answers").mkdir()
    run, good = tmp_path / "run", str(root / "a" / "00.dcm")
    for words, code in (
        (["train", root, "--out", run, "--on-error", "skip", *TRAIN], 0),
        (["train", root, "--out", tmp_path / "none", *TRAIN], 2),  # the damaged film is named
        (["evaluate", run, root, "--out", tmp_path / "evaluation", "--on-error", "skip"], 0),
        (["predict", root, "--model", run, "--out", tmp_path / "answers" / "a.csv"], 2),
        (["predict", good, "--model", run, "--json"], 0),
        (["explain", root / "b", "--model", run, "--out", tmp_path / "maps"], 0),
    ):
        assert main([str(word) for word in words]) == code, words
    made = [path for path in tmp_path.iterdir() if path != root]
    assert {path.name for path in made} >= {"cache", "evaluation", "maps", "answers", "run"}
    found = list(written(*made))
    assert any(b"99.dcm" in content for _, content in found)  # files are named, patients are not
    search(found, [capfd.readouterr(), caplog.text])
