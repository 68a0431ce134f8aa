"""`keras-cxr predict` for many files: lines of JSON, shares, going on, names on standard input."""

import io
import json
import sys

import pandas as pd
import pytest

from keras_cxr.cli import main


@pytest.fixture
def films(phantoms):
    return sorted((phantoms / "Normal" / "images").iterdir())


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_lines_of_json_and_a_bad_file_among_them(trained, films, tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    assert main(["predict", str(bad), *map(str, films), "--model", str(trained), "--jsonl"]) == 2
    text = capsys.readouterr()
    found = lines(text.out)
    assert [row["file"] for row in found] == [*map(str, films), str(bad)]
    assert "not a PNG" in found[-1]["error"]
    assert len({row["model"] for row in found}) == 1
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1)
    assert {"predicted", "unusual", "unusual_score", "narrow"} <= set(found[0])
    assert "bad.png" in text.err


def test_shares_are_all_files_and_going_on_skips_what_is_held(trained, films, tmp_path, capsys):
    out = tmp_path / "answers.jsonl"
    words = ["predict", *map(str, films), "--model", str(trained), "--jsonl", "--out", str(out)]
    assert main([*words, "--shard", "1/2"]) == 0
    half = out.read_bytes()
    assert len(lines(half.decode())) == len(films) // 2
    out.write_bytes(half[:-20])
    capsys.readouterr()
    assert main([*words, "--resume"]) == 0
    told = capsys.readouterr()
    assert f"{len(films) // 2 - 1} of {len(films)} files are in" in told.err
    assert "its last line was cut off and is dropped" in told.err
    found = lines(out.read_text())
    assert sorted(row["file"] for row in found) == [*map(str, films)]
    assert main([*words, "--resume"]) == 0
    assert len(lines(out.read_text())) == len(films)
    assert main([*words[:-4], "lmap3_phantom", "--jsonl", "--out", str(out), "--resume"]) == 2
    assert "holds answers of another model" in capsys.readouterr().err


def test_shares_of_several_processes_are_merged(trained, films, tmp_path, capsys):
    words = ["predict", *map(str, films), "--model", str(trained), "--jsonl", "--out"]
    shares = [str(tmp_path / f"share-{index}.jsonl") for index in (1, 2, 3)]
    for index, share in enumerate(shares, 1):
        assert main([*words, share, "--shard", f"{index}/3"]) == 0
    whole, merged = tmp_path / "whole.jsonl", tmp_path / "merged.jsonl"
    assert main([*words, str(whole), "--shard", "1/1"]) == 0
    capsys.readouterr()
    of = ["--of", *map(str, films)]
    assert main(["merge", *shares[::-1], "--out", str(merged), *of]) == 0
    assert f"{len(films)} films from 3 files, 0 of them with an error" in capsys.readouterr().out
    for one, other in zip(lines(merged.read_text()), lines(whole.read_text()), strict=True):
        assert one["file"] == other["file"]  # batches of another length round in another way
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
    assert main(["merge", *shares[:2], "--out", str(merged), *of, "--json"]) == 2
    told = capsys.readouterr()
    missing = json.loads(told.out)["missing"]
    assert missing == [str(film) for film in films[2 * len(films) // 3 :]]
    assert f"{missing[0]} has no answer" in told.err
    assert main(["merge", shares[0], "--out", str(films[0])]) == 2
    assert "it is not written over" in capsys.readouterr().err


def test_names_come_from_standard_input(trained, films, capsys, monkeypatch):
    for separator in (b"\n", b"\0"):
        names = separator.join(str(film).encode() for film in [*films[:2], "lost.png"])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
        assert main(["predict", "-", "--model", str(trained), "--jsonl"]) == 2
        found = lines(capsys.readouterr().out)
        assert [row["file"] for row in found] == [*map(str, films[:2]), "lost.png"]
        assert "There is no file lost.png" in found[2]["error"]


def test_without_a_model_a_preset_answers_and_says_so(films, tmp_path, capsys):
    maps = tmp_path / "maps"
    assert main(["predict", str(films[0]), "--heatmaps", str(maps)]) == 0
    text = capsys.readouterr()
    assert str(films[0]) in text.out
    assert "no model is named, so the preset lmap3_radiography_standin answers" in text.err
    assert "no medical device" in text.err
    assert len(pd.read_csv(maps / "heatmaps.csv")) == 1


def test_explain_marks_what_predict_marks(trained, films, tmp_path, capsys):
    import cv2

    odd = tmp_path / "odd.png"
    assert cv2.imwrite(str(odd), 255 - cv2.imread(str(films[0]), cv2.IMREAD_GRAYSCALE) // 16)
    for command in ("predict", "explain"):
        out = tmp_path / ("o.csv" if command == "predict" else "o")
        files = [str(odd), str(films[0])]
        assert main([command, *files, "--model", str(trained), "--out", str(out)]) == 0
        text = capsys.readouterr()
        assert f"1 of 2 pictures are not like those the model was trained on: {odd}" in text.out
        assert "1 of 2 images use less than 10% of their range" in text.err
    marks = ["unusual_score", "unusual", "narrow"]
    answered, explained = pd.read_csv(tmp_path / "o.csv"), pd.read_csv(out / "heatmaps.csv")
    pd.testing.assert_frame_equal(answered[marks], explained[marks], rtol=1e-3)
    page = (out / "index.html").read_text()
    assert page.count(">unusual picture<") == page.count(">narrow range<") == 1


def test_a_long_table_is_cut_for_people(trained, films, capsys):
    assert main(["predict", *map(str, films * 4), "--model", str(trained)]) == 0
    out = capsys.readouterr().out
    assert out.count(".png") == 40
    assert f"… and {4 * len(films) - 40} more: --out writes all" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "--resume goes on in a file of --jsonl"),
        (["--jsonl", "--json"], "two forms of the answers"),
        (["--jsonl", "--out", "a.csv"], "--out is a file such as answers.jsonl"),
        (["--out", "a.jsonl"], "add --jsonl"),
        (["--shard", "0/3"], "such as 2/5"),
    ],
)
def test_options_that_do_not_go_together(options, words, films, capsys):
    assert main(["predict", str(films[0]), "--model", "lmap3_phantom", *options]) == 2
    assert words in capsys.readouterr().err
