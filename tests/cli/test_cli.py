"""The command line as its users meet it: in a process of its own, or in this one for speed."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest

import keras_cxr
from keras_cxr.cli import main
from keras_cxr.training import RECIPES
from tests.cli.conftest import SMALL
from tests.cli.processes import interruptible, run, wait_until
from tests.forked import run_forked

COMMANDS = (
    "demo", "audit", "study", "train", "evaluate", "predict", "explain", "segment", "export",
    "models", "doctor", "cache",
)  # fmt: skip


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"keras-cxr {command}" in text
    assert command == "cache" or "Example" in text


def test_version(capsys):
    from keras_cxr import __version__

    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_models_as_text_and_json(capsys):
    assert main(["models"]) == 0
    assert "287,688" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["models"]]
    assert names == keras_cxr.list_models()
    assert {"alexnet", "lenet5", "lmap3", "vgg19"} <= set(names)


def test_module_is_quiet_and_exits_with_the_commands_code():
    done = run("models")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lmap3" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["modles"], "Unknown command"),
        (["train"], "requires an argument"),
        (["train", "nowhere", "--part", "x"], "--part"),
    ],
)
def test_wrong_usage_exits_with_2(words, message, capsys):
    assert main(words) == 2
    text = capsys.readouterr()
    assert message in text.out + text.err


def test_mistyped_folder_is_one_line_with_a_near_name(phantoms, tmp_path, capsys):
    wrong = phantoms.with_name(phantoms.name + "s")
    assert main(["train", str(wrong), "--out", str(tmp_path / "out")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("Error: ")
    assert f"Did you mean {phantoms}" in text
    assert "Traceback" not in text


def test_reader_that_leaves_early_costs_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_cxr", "models"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), error) == (0, "")


def test_debug_shows_the_traceback(tmp_path):
    words = ["predict", str(tmp_path / "no-run"), str(tmp_path), "--debug"]
    done = run_forked(main, words, cwd=tmp_path)
    assert "Traceback" in done.stderr
    assert "NotFoundError" in done.stderr


def test_unknown_model_is_refused_before_the_data_is_read(phantoms, tmp_path, capsys):
    words = ["train", str(phantoms), "--model", "lmap", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "Did you mean 'lmap3'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_train_leaves_a_run(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"run", "result.json", "split.csv", "predictions.csv", "curves.png"} <= names
    assert json.loads((trained / "result.json").read_text())["settings"]["model"] == "lmap3"


def test_recipes_are_known_by_name(phantoms, capsys):
    assert main(["train", str(phantoms), "--recipe", "transfr"]) == 2
    text = capsys.readouterr().err
    assert all(name in text for name in RECIPES)


@pytest.mark.slow
def test_the_recipe_of_two_stages(phantoms, tmp_path):
    words = ["--model", "lenet5", "--image-size", "32", "32", *SMALL[3:], "--recipe", "transfer"]
    assert main(["train", str(phantoms), "--out", str(tmp_path / "run"), *words]) == 0
    head = json.loads((tmp_path / "run" / "run" / "run.json").read_text())["head"]
    assert len(head["seconds_per_epoch"]) == RECIPES["transfer"].head_epochs
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["settings"]["recipe"] == "transfer"
    assert result["training"]["head"]["history"] == head["history"]


def test_train_as_json_prints_json_alone(trained, phantoms, capsys):
    assert main(["train", str(phantoms), "--out", str(trained), *SMALL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["num_images"] == len(pd.read_csv(trained / "predictions.csv"))


def test_errors_speak_of_options(phantoms, tmp_path, capsys):
    folder = tmp_path / "xrays"
    shutil.copytree(phantoms, folder)
    (folder / "Normal" / "images" / "Normal-1.png").write_text("no image")
    words = ["train", str(folder), "--out", str(tmp_path / "out"), *SMALL]
    assert main(words) == 2
    text = capsys.readouterr().err
    assert "Normal-1.png" in text
    assert "--on-error skip" in text
    assert not (tmp_path / "out").exists()


def test_options_of_the_split_reach_the_data(phantoms, tmp_path, capsys):
    actions = tmp_path / "actions.csv"
    actions.write_text("file,action\nCOVID/images/nothing.png,drop\n")
    words = ["--out", str(tmp_path / "out"), *SMALL[-2:], "--no-group-duplicates"]
    for command in ("train", "study"):
        assert main([command, str(phantoms), *words, "--split-by", "hospital"]) == 2
        assert "--split-by hospital names a column" in capsys.readouterr().err
        assert main([command, str(phantoms), *words, "--audit", str(actions)]) == 2
        assert "row 1 (COVID/images/nothing.png): this file is not" in capsys.readouterr().err


def test_lungs_need_masks(phantoms, tmp_path, capsys):
    plain = tmp_path / "plain"
    for name in ("COVID", "Normal"):
        shutil.copytree(phantoms / name / "images", plain / name)
    words = ["train", str(plain), "--region", "lungs", "--out", str(tmp_path / "out"), *SMALL]
    assert main([*words, "--masks", "files"]) == 2
    assert "pass --masks auto, which finds them" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output_folder(phantoms, tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main(["train", str(phantoms), "--out", str(tmp_path / "out"), *SMALL]) == 2
    assert "Cannot write" in capsys.readouterr().err


def test_cache_is_listed_and_cleared(trained, capsys):
    assert main(["cache", "list"]) == 0
    assert "images, 96 x 96" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert "Deleted" in capsys.readouterr().out
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out.startswith("0 caches")


def test_study_prints_its_table_or_json(phantoms, tmp_path, capsys):
    words = ["study", str(phantoms), "--experiments", "A", "--epochs", "1", "--out"]
    words += [str(tmp_path / "out"), "--image-size", "96", "96", "--batch-size", "16"]
    assert main(words) == 0
    text = capsys.readouterr()
    assert "LMAP3, full images, no augmentation" in text.out
    assert "report.html" in text.out
    assert main([*words, "--json"]) == 0  # done before: the table alone
    text = capsys.readouterr()
    assert json.loads(text.out) == json.loads((tmp_path / "out" / "results.json").read_text())
    assert "done before, skipped" in text.err
    settings = json.loads((tmp_path / "out" / "A" / "run" / "run.json").read_text())["settings"]
    assert settings["data"]["image_size"] == [96, 96]
    assert settings["data"]["batch_size"] == 16


def test_study_without_vgg19s_weights_names_both_ways_out(phantoms, tmp_path, capsys):
    words = ["study", str(phantoms), "--experiments", "E", "--weights", str(tmp_path / "none.h5")]
    assert main([*words, "--out", str(tmp_path / "out"), "--image-size", "32", "32"]) == 2
    text = capsys.readouterr().err
    assert "none.h5 does not exist" in text
    assert "--weights none" in text


@pytest.mark.parametrize("backend", ["torch_that_is_not_here", "numpyy"])
def test_backend_that_is_not_installed_is_one_line(backend):
    done = run("models", env={**os.environ, "KERAS_BACKEND": backend})
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Keras cannot load its backend")
    assert done.stderr.count("\n") == 1
    assert backend in done.stderr
    assert "KERAS_BACKEND" in done.stderr


def test_completion_of_shells_can_be_installed(capsys):
    assert main(["--install-completion", "--help"]) == 0
    assert "completion" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("lmap", "lmap3"), ("LeNet", "lenet5"), ("vgg16", "vgg19"), ("alex-net", "alexnet")],
)
def test_near_names_of_models_are_offered(typed, meant, phantoms, capsys):
    assert main(["train", str(phantoms), "--model", typed]) == 2
    assert f"Did you mean '{meant}'" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["resnet", "efficientnetb0", "unet"])
def test_other_networks_are_no_misspellings(typed, phantoms, capsys):
    assert main(["train", str(phantoms), "--model", typed]) == 2
    text = capsys.readouterr().err
    assert "Did you mean" not in text
    assert ", ".join(keras_cxr.list_models()) in text


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a signal on POSIX")
def test_ctrl_c_leaves_a_run_that_goes_on(phantoms, tmp_path):
    words = ["train", phantoms, "--out", tmp_path / "out", "--model", "lenet5"]
    words += ["--image-size", "32", "32", "--epochs", "500", "--precision", "float32"]
    process = interruptible(*words)
    record = tmp_path / "out" / "run" / "run.json"
    wait_until(lambda: _epochs(record), process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    done = _epochs(record)
    assert done >= 1
    words[words.index("500")] = str(done + 1)
    resumed = run_forked(main, list(map(str, words)), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    history = json.loads(record.read_text())["history"]["loss"]
    assert len(history) == done + 1


def _epochs(record):
    return json.loads(record.read_text())["epochs_trained"] if record.exists() else 0
