"""The commands that use a trained model: evaluate, predict, explain."""

import json
import shutil
import signal
import sys
from typing import get_args

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.cli import main
from tests.cli.processes import interruptible, wait_until


def test_evaluate_repeats_the_runs_own_figures(trained, phantoms, tmp_path, capsys):
    out = tmp_path / "evaluation"
    words = ["evaluate", str(trained), str(phantoms), "--out", str(out), "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    expected = json.loads((trained / "result.json").read_text())["evaluation"]
    assert found["confusion"] == expected["confusion"]
    assert found["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-5)
    assert {path.name for path in out.iterdir()} == {
        "confusion_matrix.png",
        "evaluation.json",
        "predictions.csv",
    }


def test_evaluate_all_images_of_a_folder(trained, phantoms, capsys):
    assert main(["evaluate", str(trained), str(phantoms), "--part", "all"]) == 0
    assert capsys.readouterr().out.startswith("48 images of 4 classes")


def test_evaluate_knows_when_the_split_is_unknown(trained, phantoms, tmp_path, capsys):
    model = shutil.copy(trained / "run" / "last.keras", tmp_path / "alone.keras")
    assert main(["evaluate", str(model), str(phantoms)]) == 2
    assert "--part all" in capsys.readouterr().err


def test_evaluate_on_another_folder_needs_all_of_it(trained, phantoms, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(phantoms / "Normal" / "images", other / "Normal")
    shutil.copytree(phantoms / "COVID" / "images", other / "COVID")
    assert main(["evaluate", str(trained), str(other)]) == 2
    assert "lacks" in capsys.readouterr().err


def test_evaluate_a_folder_with_some_of_the_models_classes(trained, phantoms, tmp_path, capsys):
    other = tmp_path / "other"
    for part, name in (("train", "Normal"), ("test", "Normal"), ("test", "COVID")):
        shutil.copytree(phantoms / name / "images", other / part / name)
    assert main(["evaluate", str(trained), str(other), "--part", "all"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("36 images of 4 classes")  # of all parts
    assert "no image shows Lung_Opacity, Viral Pneumonia: the figures are of the other" in out
    shutil.rmtree(other / "train")
    shutil.rmtree(other / "test" / "COVID")
    assert main(["evaluate", str(trained), str(other / "test"), "--part", "all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["balanced_accuracy"] == found["accuracy"]
    assert found["absent_classes"] == ["COVID", "Lung_Opacity", "Viral Pneumonia"]
    assert found["per_class"]["COVID"]["recall"] is None
    shutil.move(other / "test" / "Normal", other / "test" / "normal")
    assert main(["evaluate", str(trained), str(other / "test"), "--part", "all"]) == 2
    assert "holds images of 'normal' (12), none of the classes COVID" in capsys.readouterr().err


def test_predict_files_and_folders(trained, phantoms, tmp_path, capsys):
    folder = phantoms / "COVID" / "images"
    answers = tmp_path / "answers.csv"
    assert main(["predict", str(trained), str(folder), "--out", str(answers), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["predictions"]
    assert [row["file"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    table = pd.read_csv(answers)
    assert list(table["file"]) == [row["file"] for row in rows]
    assert list(table.columns[-2:]) == ["unusual_score", "unusual"]
    np.testing.assert_allclose(table.iloc[:, 2:-2].sum(axis=1), 1, rtol=1e-5)


def test_predict_names_unusual_pictures(trained, phantoms, tmp_path, capsys):
    film = phantoms / "Normal" / "images" / "Normal-1.png"
    negative = tmp_path / "negative.png"
    assert cv2.imwrite(str(negative), 255 - cv2.imread(str(film), cv2.IMREAD_GRAYSCALE))
    out = tmp_path / "answers.csv"
    assert main(["predict", str(trained), str(negative), "--out", str(out)]) == 0
    text = capsys.readouterr()
    assert text.out.endswith(
        f"1 of 1 pictures are not like those the model was trained on: {negative}\n"
    )
    assert "Note" not in text.err
    assert pd.read_csv(out)["unusual"].tolist() == [True]
    alone = shutil.copy(trained / "run" / "last.keras", tmp_path / "alone.keras")
    assert main(["predict", str(alone), str(negative), "--json"]) == 0
    text = capsys.readouterr()
    assert "unusual" not in json.loads(text.out)["predictions"][0]
    assert "no unusual.npz lies beside it" in text.err


def test_predict_names_bad_files_and_answers_the_others(trained, phantoms, tmp_path, capsys):
    bad = tmp_path / "text.png"
    bad.write_text("no image")
    good = next((phantoms / "Normal" / "images").iterdir())
    assert main(["predict", str(trained), str(bad), str(good)]) == 2
    text = capsys.readouterr()
    assert good.name in text.out
    assert str(bad) in text.err


def test_predict_says_when_no_file_could_be_read(trained, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no image")
    assert main(["predict", str(tmp_path), "--model", str(trained)]) == 2
    text = capsys.readouterr()
    assert text.out == "No image could be read.\n"
    assert "text.png" in text.err


def test_explain_writes_one_picture_an_image(trained, phantoms, tmp_path, capsys):
    files = [phantoms / name / "images" / f"{name}-1.png" for name in ("COVID", "Normal")]
    twin = shutil.copy(files[0], tmp_path / files[0].name)
    out = tmp_path / "maps"
    words = ["explain", str(trained), *map(str, [*files, twin]), "--out", str(out), "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    rows = document["heatmaps"]
    assert len({row["heatmap"] for row in rows}) == 3
    for row in rows:
        assert cv2.imread(row["heatmap"]).shape == (96, 192, 3)
        assert row["predicted"] == row["explained"]
    assert document["gallery"] == str(out / "index.html")
    assert {path.name for path in out.glob("*.*") if path.suffix != ".png"} == {
        "heatmaps.csv",
        "index.html",
    }


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_model_is_an_option_or_the_first_word(command, trained, phantoms, tmp_path, capsys):
    film = str(phantoms / "COVID" / "images" / "COVID-1.png")
    out = ["--out", str(tmp_path / "out")]
    assert main([command, film, "--model", str(trained), *out]) == 0
    option = capsys.readouterr().out
    assert main([command, str(trained), film, *out]) == 0
    assert capsys.readouterr().out == option
    assert film in option


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_words_without_a_model_or_an_image(command, trained, phantoms, tmp_path, capsys):
    film = str(phantoms / "COVID" / "images" / "COVID-1.png")
    broken = tmp_path / "k.keras"
    broken.write_text("broken")
    for words, messages in (
        ([str(trained)], ["There is no image: ", "run was taken as the model, since"]),
        (
            [str(broken), film],
            ["cannot be read as a Keras model", "k.keras was taken as the model"],
        ),
        (
            ["lmap3_phantm", film],
            ["no file or folder lmap3_phantm", "Presets: lmap3_phantom, lmap3_radiography_standin"],
        ),
        (["--model", str(trained)], ["requires an argument"]),
        ([film, "--model", str(trained) + "s"], [f"Did you mean {trained}"]),
    ):
        assert main([command, *words, "--out", str(tmp_path / "out")]) == 2
        text = "".join(capsys.readouterr())
        for message in messages:
            assert message in text
    assert not (tmp_path / "out").exists()


def test_explain_with_every_option_and_a_check(trained, phantoms, tmp_path, capsys):
    out = tmp_path / "maps"
    words = ["explain", str(phantoms / "COVID"), str(phantoms / "Normal"), "--model", str(trained)]
    words += ["--out", str(out), "--method", "layercam", "--placement", "stretch", "--contours"]
    assert main([*words, "--check"]) == 0
    text = capsys.readouterr()
    assert "Checking the maps of 24 images" in text.err
    assert "energy_lungs" in text.out
    assert text.out.endswith(f"Gallery: {out / 'index.html'}\n")
    assert len(pd.read_csv(out / "heatmaps.csv")) == 24
    assert (out / "faithfulness.json").is_file()


def test_explain_offers_every_method():
    from keras_cxr.cli.inference import MethodName
    from keras_cxr.explain import METHODS

    assert get_args(MethodName) == tuple(METHODS)


def test_explain_names_broken_files_and_explains_the_others(trained, phantoms, tmp_path, capsys):
    folder = tmp_path / "films"
    shutil.copytree(phantoms / "COVID" / "images", folder)
    (folder / "COVID-1.png").write_bytes((folder / "COVID-2.png").read_bytes()[:200])
    assert (
        main(["explain", str(folder), "--model", str(trained), "--out", str(tmp_path / "o")]) == 2
    )
    text = capsys.readouterr()
    assert "COVID-1.png" in text.err
    assert len(pd.read_csv(tmp_path / "o" / "heatmaps.csv")) == 11


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a signal on POSIX")
def test_ctrl_c_leaves_whole_pictures_and_no_page(trained, phantoms, tmp_path):
    folder, out = tmp_path / "films", tmp_path / "out"
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number}.png").symlink_to(phantoms / "COVID" / "images" / "COVID-1.png")
    words = ["explain", folder, "--model", trained, "--out", out, "--method", "smoothgrad"]
    process = interruptible(*words)
    wait_until(lambda: len([*out.glob("*.png")]) > 40, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert not {"index.html", "heatmaps.csv"} & {path.name for path in out.iterdir()}
    for path in out.iterdir():
        assert path.suffix == ".png"
        assert cv2.imread(str(path)).shape == (96, 192, 3)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--layer", "conv2", "conv2"),
        ("--class-name", "Covid", "its classes are COVID"),
        ("--method", "grad-cam", "gradcam"),
        ("--placement", "centre", "receptive_field"),
    ],
)
def test_explain_refuses_unknown_names(trained, phantoms, tmp_path, option, value, message, capsys):
    image = next((phantoms / "Normal" / "images").iterdir())
    out = tmp_path / "maps"
    assert main(["explain", str(trained), str(image), "--out", str(out), option, value]) == 2
    assert message in "".join(capsys.readouterr())
    assert not out.exists()


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_out_that_cannot_be_written(command, trained, phantoms, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    out = taken if command == "explain" else taken / "answers.csv"
    words = [command, str(phantoms / "COVID" / "images" / "COVID-1.png"), "--model", str(trained)]
    assert main([*words, "--out", str(out)]) == 2
    assert "Error: Cannot write" in capsys.readouterr().err
    assert taken.read_text() == "a file"


def test_no_command_writes_over_what_it_did_not_write(trained, phantoms, tmp_path, capsys):
    film = shutil.copy(phantoms / "COVID" / "images" / "COVID-1.png", tmp_path / "film.png")
    model = shutil.copytree(trained, tmp_path / "run")
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("film.png", "index.html", "predictions.csv", "audit.json", "report.html"):
        (mine / name).write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    last = model / "run" / "last.keras"
    for words in (
        ["predict", film, "--model", model, "--out", film],
        ["predict", film, "--model", model, "--out", last],
        ["predict", film, "--model", model, "--out", mine / "index.html"],
        ["explain", film, "--model", model, "--out", mine],
        ["explain", film, "--model", model, "--out", tmp_path],
        ["evaluate", model, phantoms, "--out", mine],
        ["evaluate", model, phantoms, "--out", model],
        ["train", phantoms, "--out", mine],
        ["train", phantoms, "--out", phantoms],
        ["train", phantoms, "--out", phantoms / "COVID" / "run"],
        ["train", model / "split.csv", "--out", model],
        ["study", phantoms, "--out", mine],
        ["study", phantoms, "--out", phantoms],
        ["audit", phantoms, "--out", mine],
        ["audit", phantoms, "--model", model, "--out", model],
        ["demo", "--out", mine],
        ["demo", "--out", phantoms],
    ):
        assert main([str(word) for word in words]) == 2, words
        assert capsys.readouterr().err.startswith("Error: "), words
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    answers = tmp_path / "answers.csv"
    for _ in range(2):
        words = ["predict", str(film), "--model", str(model), "--out", str(answers)]
        assert main(words) == 0


def test_explain_refuses_a_layer_for_a_method_of_pixels(trained, phantoms, tmp_path, capsys):
    words = ["explain", str(phantoms / "COVID"), "--model", str(trained), "--method", "saliency"]
    out = tmp_path / "maps"
    assert main([*words, "--layer", "conv_5", "--out", str(out)]) == 2
    assert "takes no layer: leave --layer conv_5 out, or choose one of gradcam" in (
        capsys.readouterr().err
    )
    assert not out.exists()
