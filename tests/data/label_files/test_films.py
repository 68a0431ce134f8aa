"""How the films of a label file are found below a folder."""

import pytest

from keras_cxr.data.label_files.films import find_films
from keras_cxr.data.tables.joining import posix_file
from keras_cxr.errors import DataError


def folder_of(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


@pytest.mark.parametrize(
    ("named", "lies"),
    [
        ("a.png", "a.png"),
        ("a.png", "images_001/images/a.png"),  # NIH
        ("CheXpert-v1.0/train/p1/a.jpg", "train/p1/a.jpg"),  # CheXpert
        ("p10/p1/s5/a.jpg", "files/p10/p1/s5/a.dcm"),  # MIMIC's DICOM files
        ("a", "a.dcm"),  # RSNA
        ("x\\a.png", "x/a.png"),
        ("./x//a.png", "x/a.png"),
        ("NORMAL-1.png", "Normal/images/Normal-1.png"),
        ("scan.0001", "scan.0001.png"),
    ],
)
def test_a_film_is_found(named, lies, tmp_path):
    found, notes = find_films([named], folder_of(tmp_path, lies))
    assert found == [lies]
    other = f"1 film(s) lie under another name, such as {named!r} at {lies!r}"
    assert notes == ([] if posix_file(named) == lies else [other])


def test_an_absolute_path_is_found(tmp_path):
    folder_of(tmp_path, "x/a.png", "y/a.png")
    assert find_films([str(tmp_path / "y" / "a.png")], tmp_path)[0] == ["y/a.png"]


def test_another_folder_is_another_film(tmp_path):
    folder_of(tmp_path, "p1/a.jpg", "p2/a.jpg")
    found, notes = find_films(["p1/a.jpg", "p3/a.jpg"], tmp_path)
    assert found == ["p1/a.jpg", ""]
    assert notes == [
        f"left out: 1 film(s) that are not below {tmp_path}, such as 'p3/a.jpg'",
        f"1 image(s) below {tmp_path} are not in the label file",
    ]


def test_the_same_suffix_comes_first(tmp_path):
    assert find_films(["x/a.jpg"], folder_of(tmp_path, "y/x/a.png", "y/x/a.jpg"))[0] == [
        "y/x/a.jpg"
    ]


def test_masks_are_no_films(tmp_path):
    folder_of(tmp_path, "COVID/images/COVID-1.png", "COVID/masks/COVID-1.png")
    assert find_films(["COVID-1.png"], tmp_path)[0] == ["COVID/images/COVID-1.png"]


def test_what_cannot_be_told_apart_is_refused(tmp_path):
    folder_of(tmp_path, "x/a.png", "y/a.png")
    with pytest.raises(
        DataError, match=r"could be several images below .*\n  a\.png: x/a\.png or y"
    ):
        find_films(["a.png"], tmp_path)
    with pytest.raises(
        DataError, match=r"could be several films.*\n  x/a\.png: p/x/a\.png and q/x/a"
    ):
        find_films(["p/x/a.png", "q/x/a.png"], tmp_path)


def test_a_folder_without_any_of_the_films_is_refused(tmp_path):
    with pytest.raises(DataError, match="names 'a', it holds no image"):
        find_films(["a"], tmp_path)
    folder_of(tmp_path, "b.png")
    with pytest.raises(DataError, match=r"None of the 1 films .* names 'a', it holds 'b\.png'"):
        find_films(["a"], tmp_path)
