"""`keras-cxr audit` as its users meet it."""

import json
import signal
import subprocess
import sys
from typing import get_args

import pandas as pd
import pytest

from keras_cxr.audit.of_data.failures import FAILURES
from keras_cxr.cli import main
from keras_cxr.cli.audits import FailOn
from tests.audit.planted import film, patients, state
from tests.cli.processes import interruptible, wait_until
from tests.data.helpers import write


def run(capsys, *words):
    code = main(["audit", *map(str, words)])
    text = capsys.readouterr()
    return code, text.out, text.err


def clean(root):
    for number in range(8):
        label, image = film(number)
        write(root / label / f"{number}.png", image)
    return root


def test_an_audit_writes_its_three_files_and_exits_with_0(planted, tmp_path, capsys):
    folder, _ = planted
    before = state(folder)
    out = tmp_path / "audit"
    code, text, error = run(capsys, folder, "--out", out)
    assert (code, error) == (0, "")
    assert text.startswith("films: 35 images")
    assert text.endswith(f"Page, lists and actions: {out}\n")
    assert len(text.splitlines()) <= 24
    assert sorted(path.name for path in out.iterdir()) == [
        "actions.csv",
        "audit.html",
        "audit.json",
    ]
    assert state(folder) == before


def test_an_audit_of_data_loads_no_keras(tmp_path):
    script = """
import sys
from keras_cxr.cli import main
code = main(["audit", sys.argv[1], "--out", sys.argv[2]])
loaded = sorted({"jax", "keras", "tensorflow", "torch"} & set(sys.modules))
sys.exit(f"exit code {code}, loaded {loaded}" if code or loaded else 0)
"""
    words = [clean(tmp_path / "films"), tmp_path / "audit"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "audit" / "audit.html").is_file()


def test_json_is_what_audit_json_holds(planted, tmp_path, capsys):
    folder, _ = planted
    metadata = tmp_path / "patients.csv"
    patients(folder).to_csv(metadata, index=False)
    words = [folder, "--metadata", metadata, "--out", tmp_path / "audit", "--json"]
    code, text, _ = run(capsys, *words)
    assert code == 0
    document = json.loads(text)
    assert document == json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert [one["patient"] for one in document["patients_across_classes"]] == ["p2"]


def test_fail_on_decides_the_exit_code(planted, tmp_path, capsys):
    folder, _ = planted
    code, text, error = run(capsys, folder, "--fail-on", "conflicts", "--fail-on", "corrupt")
    assert code == 1
    assert text.startswith("films: ")
    assert error == (
        "Found conflicts: 2 (--fail-on conflicts)\nFound corrupt: 1 (--fail-on corrupt)\n"
    )
    assert run(capsys, folder, "--fail-on", "patients")[0] == 0
    words = ["conflicts", "corrupt", "duplicates", "flags", "leakage", "patients", "against"]
    options = [word for name in words for word in ("--fail-on", name)]
    assert run(capsys, clean(tmp_path / "clean"), *options)[0] == 0


def test_every_failure_can_be_named():
    assert get_args(FailOn) == tuple(FAILURES)


def test_another_folder(planted, tmp_path, capsys):
    folder, _ = planted
    other = tmp_path / "external"
    write(other / "COVID" / "x.png", film(12)[1])
    write(other / "Normal" / "y.png", film(50)[1])
    code, text, error = run(capsys, folder, "--against", other, "--fail-on", "against")
    assert code == 1
    assert "1 of 2 images of external show a photograph of films" in text
    assert error == "Found against: 1 (--fail-on against)\n"


def test_mistakes_are_one_clear_line(planted, tmp_path, capsys):
    folder, _ = planted
    empty = tmp_path / "empty"
    empty.mkdir()
    taken = tmp_path / "taken"
    taken.write_text("a file")
    metadata = tmp_path / "table.csv"
    pd.DataFrame({"file": ["a.png"], "patient": ["p"]}).to_csv(metadata, index=False)
    for words, message in (
        ([f"{folder}s"], f"Did you mean {folder}?"),
        ([folder, "--against", f"{folder}s"], f"Did you mean {folder}?"),
        ([folder, "--out", folder / "audit"], f"--out {folder / 'audit'} lies inside the audited"),
        ([folder, "--out", taken], f"Cannot write to the folder {taken}"),
        ([folder, "--metadata", metadata], "--metadata names none of the 35 images"),
        ([empty], f"The folder {empty} is empty"),
    ):
        code, text, error = run(capsys, *words)
        assert (code, text) == (2, "")
        assert error.startswith("Error: ")
        assert message in error
        assert len(error.splitlines()) == 1
    assert not (folder / "audit").exists()
    assert run(capsys, folder, "--fail-on", "nothing")[0] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a signal on POSIX")
def test_ctrl_c_leaves_no_results(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CXR_CACHE", str(tmp_path / "cache"))
    folder, out = tmp_path / "films", tmp_path / "out"
    source = planted[0] / "COVID" / "images" / "film-0.png"
    for name in ("COVID", "Normal"):
        (folder / name).mkdir(parents=True)
        for number in range(3000):
            (folder / name / f"{number}.png").symlink_to(source)
    process = interruptible("audit", folder, "--out", out)
    wait_until(lambda: any((tmp_path / "cache").glob("images-*/pixels-*")), process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert error.endswith("Interrupted.\n")
    assert "Traceback" not in error
    assert not out.exists()


def test_shortcuts_are_measured_once_and_can_fail(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_CXR_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "films"
    for number in range(24):
        label, image = ("COVID", "Normal")[number % 2], film(4 * number)[1]
        write(folder / label / f"{number}.png", image[:, : 128 - 16 * (number % 2)])
    code, text, error = run(capsys, folder, "--out", tmp_path / "out", "--fail-on", "shortcuts")
    assert (code, error) == (1, "Found shortcuts: 1 (--fail-on shortcuts)\n")
    assert "File attributes alone" in text
    found = json.loads((tmp_path / "out" / "audit.json").read_text())["shortcuts"]
    assert found["carrier"] == "size"
    assert found["table"][0]["balanced_accuracy"] > 0.9
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "<td>size and proportions of the picture</td>" in page
    (kept,) = tmp_path.glob("cache/images-*/shortcuts-*.json")
    content = json.loads(kept.read_text())
    content["answer"]["carrier"] = "as kept"
    kept.write_text(json.dumps(content))
    assert json.loads(run(capsys, folder, "--json")[1])["shortcuts"]["carrier"] == "as kept"
    content["answer"]["table"][0].pop("accuracy")  # as a row without it would be
    kept.write_text(json.dumps(content))
    assert json.loads(run(capsys, folder, "--json")[1])["shortcuts"] == found
    kept.write_text("damaged")
    assert json.loads(run(capsys, folder, "--json")[1])["shortcuts"] == found


def test_the_command_asks_the_model_and_writes_page_card_and_json(
    phantoms, trained, tmp_path, capsys
):
    out = tmp_path / "audit"
    words = ["audit", str(phantoms), "--model", str(trained), "--out", str(out), "--json"]
    assert main(words) == 0
    text, error = capsys.readouterr()
    document = json.loads(text)
    assert document == json.loads((out / "model_audit.json").read_text())
    assert document["controls"] is None
    assert {path.name for path in out.iterdir()} == {
        "calibrated.keras", "model_audit.json", "model_card.json", "model_card.md",
        "prediction_sets.json", "trust.html",
    }  # fmt: skip
    assert "measuring heat in the lungs" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick"], "--quick, --full and --seeds train a recipe: name --model RUN."),
        (["--model", "run", "--quick", "--full"], "--quick and --full exclude each other"),
        (["--model", "run", "--fail-on", "flags"], "--against and --fail-on are about data"),
        (["--model", "nowhere"], "There is no model nowhere"),
        (["--model", "RUN", "--quick", "--seeds", "0"], "--seeds must be at least 1, not 0."),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(phantoms, trained, capsys, words, message):
    words = [str(trained) if word == "RUN" else word for word in words]
    assert main(["audit", str(phantoms), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
