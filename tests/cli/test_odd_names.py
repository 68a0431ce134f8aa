"""Class folders and files of unusual names: what trains is evaluated, shown and explained."""

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr._support.text.names import name_bytes, printable, shown, unshown
from keras_cxr._support.text.prediction_tables import read_written
from keras_cxr.cli import main
from keras_cxr.data import find_images
from keras_cxr.data.splitting.actions import read_actions

CLASSES = (b"COVID ", b"a\\b", b"caf\xe9")
FILES = (b"bad\xff.png", b"n" * 245 + b".png", b" a.png", b"b .png", b"c\\d.png", b"e\nf.png",
         b"g\x1b[31m.png", b"h.png")  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Three classes of eight films, and the folder of a run that was trained on them."""
    folder = tmp_path_factory.mktemp("odd")
    for index, label in enumerate(CLASSES):
        place = folder / "data" / os.fsdecode(label)
        place.mkdir(parents=True)
        for number, name in enumerate(FILES):
            pixels = np.full((32, 32), 20 + 60 * index + 3 * number, np.uint8)
            pixels[4:-4, 8 : 20 - index] = 5 * number
            (place / os.fsdecode(name)).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (folder / "data" / ".DS_Store").write_bytes(b"")
    words = ["train", folder / "data", "--model", "lenet5", "--image-size", 32, 32, "--epochs", 1,
             "--no-group-duplicates", "--out", folder / "run"]  # fmt: skip
    assert main([str(word) for word in words]) == 0
    return folder


def test_classes_are_text_and_files_keep_their_own_names(odd):
    catalog = find_images(odd / "data")
    assert catalog.class_names == ("COVID ", "a\\b", "caf\\udce9")
    assert all(Path(catalog.path(entry.file)).is_file() for entry in catalog.entries)
    assert len(catalog.entries) == 24


@pytest.mark.parametrize("part", ["train", "all"])
def test_what_trains_is_evaluated(odd, tmp_path, part, capsys):
    words = ["evaluate", odd / "run", odd / "data", "--part", part, "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    printed = capsys.readouterr()
    assert "caf\\udce9" in printed.out
    assert "Note: left out: 1 hidden or system file(s) or folder(s)\n" in printed.err
    table = read_written(tmp_path / "out" / "predictions.csv", ["file", "real"])
    assert all((odd / "data" / file).is_file() for file in table["file"])


def test_predict_and_explain_show_every_name(odd, tmp_path, capsys):
    for command, out, encoding in (("predict", "p.csv", "ascii"), ("explain", "maps", "utf-8")):
        capsys._capture.out.tmpfile.reconfigure(encoding=encoding, errors="strict")
        words = [command, odd / "data", "--model", odd / "run", "--out", tmp_path / out]
        assert main([str(word) for word in words]) == 0
        text = capsys.readouterr().out
        assert "bad\\udcff.png" in text
        assert "e\\nf.png" in text
        assert "\x1b" not in text
    answers = read_written(tmp_path / "p.csv", ["file", "predicted"])
    assert all(Path(file).is_file() for file in answers["file"])
    table = pd.read_csv(tmp_path / "maps" / "heatmaps.csv")
    assert table["heatmap"].is_unique
    assert all((tmp_path / "maps" / name).is_file() for name in table["heatmap"])
    page = (tmp_path / "maps" / "index.html").read_text(encoding="utf-8")
    assert len(re.findall('loading="lazy"', page)) == 24


def test_audit_and_its_actions_find_the_files(odd, tmp_path, capsys):
    assert main(["audit", str(odd / "data"), "--out", str(tmp_path / "audit")]) == 0
    capsys.readouterr()
    actions = read_actions(tmp_path / "audit" / "actions.csv", find_images(odd / "data"))
    assert sum(map(len, actions.groups)) == 22


@pytest.mark.parametrize("name", [os.fsdecode(name) for name in (*CLASSES, *FILES)])
def test_names_are_shown_and_found_again(name):
    assert unshown(shown(name)) == name
    assert name_bytes(name) == os.fsencode(name)
    shown(name).encode()
    assert printable("a\x1b[31m\n\tb\x00") == "a\\x1b[31m\n\tb\\x00"
