import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import find_images
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from tests.data.helpers import kaggle, lungs, picture, plain, write


def files(catalog):
    return [entry.file for entry in catalog.entries]


def test_kaggle_database(tmp_path):
    kaggle(tmp_path, counts={"Viral Pneumonia": 2, "COVID": 3, "Normal": 1})
    write(tmp_path / "COVID" / "lesions" / "COVID-1.png", lungs())
    (tmp_path / "README.md.txt").write_text("read me")
    (tmp_path / "COVID" / "images" / "._COVID-1.png").write_bytes(b"of a Mac")
    catalog = find_images(tmp_path)
    assert catalog.layout == "Kaggle database (CLASS/images)"
    assert catalog.class_names == ("COVID", "Normal", "Viral Pneumonia")
    assert files(catalog)[0] == "COVID/images/COVID-1.png"
    assert len(catalog.entries) == 6
    assert catalog.entries[0].mask == "COVID/masks/COVID-1.png"
    assert all(entry.size > 0 and entry.mask_time > 0 for entry in catalog.entries)
    assert any("3 metadata workbook(s)" in note for note in catalog.notes)


def test_doubled_root(tmp_path):
    inner = kaggle(tmp_path / "COVID-19_Radiography_Dataset" / "COVID-19_Radiography_Dataset")
    for folder in (inner.parent, inner):
        catalog = find_images(folder)
        assert catalog.root == inner
        assert len(catalog.entries) == 14
    assert "in the inner folder COVID-19_Rad" in find_images(inner.parent).layout


def test_plain_folders_with_masks_beside_the_images(tmp_path):
    plain(tmp_path, suffix=".jpg")
    write(tmp_path / "NORMAL" / "masks" / "1.png", lungs())
    write(tmp_path / "masks" / "NORMAL" / "1.png", lungs())
    (tmp_path / "NORMAL" / "9.gif").write_bytes(b"GIF89a")
    catalog = find_images(tmp_path)
    assert catalog.layout == "class folders"
    assert catalog.class_names == ("NORMAL", "PNEUMONIA")
    assert [entry.mask for entry in catalog.entries if entry.mask] == ["NORMAL/masks/1.png"]
    assert catalog.notes == (
        "left out: 1 file(s) that are no image (.gif 1); 1 mask(s) that belong to no image",
    )


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "testing")])
def test_pre_split_folders(tmp_path, names):
    for name in names:
        plain(tmp_path / name)
    catalog = find_images(tmp_path)
    assert catalog.layout.startswith("pre-split folders (")
    assert {entry.part for entry in catalog.entries} == {"train", "val", "test"}
    assert {entry.file.split("/")[0] for entry in catalog.entries} == set(names)
    assert catalog.class_names == ("NORMAL", "PNEUMONIA")


def test_pre_split_kaggle_folders(tmp_path):
    for name in ("train", "test"):
        kaggle(tmp_path / name)
    catalog = find_images(tmp_path)
    assert "CLASS/images" in catalog.layout
    assert catalog.entries[0].mask == "test/COVID/masks/COVID-1.png"


def test_two_folders_for_one_part(tmp_path):
    for name in ("train", "val", "valid"):
        plain(tmp_path / name)
    with pytest.raises(DataError, match="both val and valid, which mean the same part"):
        find_images(tmp_path)


def test_mistyped_path_is_answered_with_a_near_name(tmp_path):
    plain(tmp_path / "chest_xrays")
    with pytest.raises(NotFoundError, match=r"no folder or file .*Did you mean .*chest_xrays\?"):
        find_images(tmp_path / "chest_xray")
    with pytest.raises(NotFoundError, match=r"Did you mean .*chest_xrays\?"):
        find_images(tmp_path / "chest_xary" / "COVID")
    with pytest.raises(NotFoundError, match=r"Did you mean .*chest_xrays.NORMAL\?"):
        find_images(tmp_path / "chest_xary" / "NORMAL")
    with pytest.raises(NotFoundError, match=r"exists, but holds nothing named unlike"):
        find_images(tmp_path / "unlike")
    with pytest.raises(NotFoundError, match="There is no file"):
        find_images(tmp_path / "table.csv")


def test_folders_that_cannot_work(tmp_path):
    with pytest.raises(DataError, match=r"is empty\. Expected folders CLASS/\*\.png"):
        find_images(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"No images found in .*\n  a/\n  notes\.txt"):
        find_images(tmp_path)
    with pytest.raises(DataError, match="is a file; expected a folder"):
        find_images(tmp_path / "notes.txt")
    write(tmp_path / "1.png", picture(1))
    with pytest.raises(DataError, match="holds images directly, so their class is unknown"):
        find_images(tmp_path)


def test_folders_without_an_image_are_named_and_stop_nothing(tmp_path):
    plain(tmp_path)
    (tmp_path / "TUBERCULOSIS").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "scores.csv").write_text("x")
    catalog = find_images(tmp_path)
    assert catalog.class_names == ("NORMAL", "PNEUMONIA")
    assert catalog.notes[0] == (
        "taken for no class, since no image lies inside: TUBERCULOSIS, results"
    )
    kaggle(tmp_path / "b")
    (tmp_path / "b" / "Fibrosis" / "images").mkdir(parents=True)
    assert "no image lies inside: Fibrosis" in find_images(tmp_path / "b").notes[1]


def test_data_sets_of_their_own_are_no_classes(tmp_path):
    plain(plain(tmp_path) / "TUBERCULOSIS")
    with pytest.raises(DataError, match=r"TUBERCULOSIS holds .* looks like a data set of its own"):
        find_images(tmp_path)
    for name in ("first", "second"):
        plain(tmp_path / "two" / name)
    with pytest.raises(DataError, match=r"first, second holds .* like several data sets"):
        find_images(tmp_path / "two")
    for name in ("train", "test"):
        plain(tmp_path / "parts" / "COVID", counts={name: 1})
    plain(tmp_path / "parts", counts={"Normal": 2})
    with pytest.raises(DataError, match="COVID holds the folders test, train"):
        find_images(tmp_path / "parts")


def test_dangling_links_and_folders_named_like_images(tmp_path):
    plain(tmp_path)
    (tmp_path / "NORMAL" / "folder.png").mkdir()
    (tmp_path / "NORMAL" / "link.png").symlink_to(tmp_path / "gone.png")
    catalog = find_images(tmp_path)
    assert len(catalog.entries) == 16
    assert [entry.file for entry in catalog.entries if entry.size < 0] == ["NORMAL/link.png"]


def table(tmp_path, **columns):
    for number in range(3):
        write(tmp_path / "films" / f"{number}.png", picture(number))
    return pd.DataFrame(
        {"file": [f"films/{n}.png" for n in range(3)], "label": ["b", "a", "b"], **columns}
    )


def test_csv_with_all_columns(tmp_path):
    frame = table(
        tmp_path,
        group=["p1", "", "p1"],
        mask=["films/0.png", "", "films/1.png"],
        part=["train", "valid", "TEST"],
        further=[1, 2, 3],
    )
    frame.to_csv(tmp_path / "films.csv", index=False)
    catalog = find_images(tmp_path / "films.csv")
    assert catalog.layout == "table (films.csv)"
    assert catalog.class_names == ("a", "b")
    assert files(catalog) == [f"films/{n}.png" for n in range(3)]
    assert [entry.group for entry in catalog.entries] == ["p1", "", "p1"]
    assert [entry.part for entry in catalog.entries] == ["train", "val", "test"]
    assert catalog.entries[2].mask == "films/1.png"
    assert catalog.entries[2].mask_size > 0


def test_frames_take_absolute_paths_missing_cells_and_the_own_table(tmp_path):
    frame = table(tmp_path, group=[None, np.nan, "x"])
    frame["file"] = [str(tmp_path / file) for file in frame["file"]]
    catalog = find_images(frame.rename(columns={"label": "class"}), root=tmp_path)
    assert files(catalog) == [f"films/{n}.png" for n in range(3)]
    assert [entry.group for entry in catalog.entries] == ["", "", "x"]
    elsewhere = find_images(frame, root=tmp_path / "films" / "..")
    assert all(entry.size > 0 for entry in elsewhere.entries)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"drop": "label"}, "needs the columns file and label; it has file"),
        ({"label": ["a", "", "b"]}, r"files without a label \(1\):\n  films/1\.png"),
        ({"file": ["", "x", "y"]}, r"rows without a file \(1\):\n  row 1"),
        ({"file": ["x", "./x", "y"]}, r"files more than once \(1\):\n  x"),
        ({"part": ["train", "", "tset"]}, r"in every row \(2\):\n  films/1.png: \(empty\)\n.*tset"),
    ],
)
def test_tables_that_cannot_work(tmp_path, change, problem):
    frame = table(tmp_path)
    change = dict(change)
    drop = change.pop("drop", [])
    frame = frame.drop(columns=drop).assign(**change)
    with pytest.raises(DataError, match=problem):
        find_images(frame, root=tmp_path)


def test_other_tables_that_cannot_work(tmp_path):
    with pytest.raises(DataError, match="has no rows"):
        find_images(table(tmp_path).head(0))
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00\x00file")
    with pytest.raises(DataError, match="cannot be read as a CSV file"):
        find_images(tmp_path / "bad.csv")
    with pytest.raises(InvalidArgumentError, match="data must be a folder"):
        find_images(17)
