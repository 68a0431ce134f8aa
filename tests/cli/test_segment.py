"""`keras-cxr segment`: lung masks of a folder."""

import json
import shutil

import cv2
import numpy as np
import pytest

from keras_cxr._support.disk.files import write_whole
from keras_cxr.cli import main
from keras_cxr.inference import lung_masks


@pytest.fixture
def films(phantoms, tmp_path):
    """A flat folder: a film whose name has spaces, a blank one, a file that is cut off."""
    folder = tmp_path / "my films"
    folder.mkdir()
    film = shutil.copy(phantoms / "Normal/images/Normal-1.png", folder / "film of May 3.png")
    cv2.imwrite(str(folder / "blank.png"), np.zeros((40, 40), np.uint8))
    (folder / "cut.png").write_bytes(film.read_bytes()[:200])
    return folder


def test_a_flat_folder_as_text_and_json(films, tmp_path, capsys):
    out = tmp_path / "lung masks"
    assert main(["segment", str(films), "--out", str(out)]) == 2
    text = capsys.readouterr()
    assert "1 of 3 films have a mask now" in text.out
    assert "blank.png: lungs would cover 0.0% of the picture" in text.out
    assert text.err.startswith(f"Error: {films / 'cut.png'}: ")
    assert main(["segment", str(films), "--out", str(out), "--json"]) == 2
    rows = json.loads(capsys.readouterr().out)["films"]
    assert [row["file"] for row in rows] == ["blank.png", "cut.png", "film of May 3.png"]
    assert [row["found"] for row in rows] == [False, False, True]
    assert rows[1]["confidence"] is None
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert names == ["masks/film of May 3.png", "segmentation.csv"]
    (films / "cut.png").unlink()
    assert main(["segment", str(films), "--out", str(out)]) == 0


def test_wrong_words(films, tmp_path, capsys):
    for words, text in (
        (["segment", str(films)], "requires an argument"),
        (["segment", str(tmp_path / "none"), "--out", "x"], "There is no folder or file"),
        (["segment", str(films / "blank.png"), "--out", "x"], "is a file; expected a folder"),
        (["segment", str(films), "--out", str(films)], "lies inside the data folder"),
    ):
        assert main(words) == 2
        assert text in "".join(capsys.readouterr())


def test_ctrl_c_leaves_whole_masks_and_no_table(phantoms, tmp_path, monkeypatch, capsys):
    written = []

    def write_three(path, content):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write_whole(path, content)

    monkeypatch.setattr(lung_masks, "write_whole", write_three)
    out = tmp_path / "out"
    assert main(["segment", str(phantoms / "Normal" / "images"), "--out", str(out)]) == 130
    assert capsys.readouterr().err.endswith("Interrupted.\n")
    left = [path for path in out.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(written)
    assert all(cv2.imread(str(mask)).shape == (96, 96, 3) for mask in left)
