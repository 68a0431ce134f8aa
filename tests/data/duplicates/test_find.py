import json

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import find_duplicates, read_image
from keras_cxr.data.duplicates import find as module
from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.duplicates.changes import (
    FILMS,
    SIDE,
    compressed,
    cropped,
    drawn,
    lettered,
    levels,
    resized,
    shifted,
)
from tests.data.helpers import only, write

COPIED = (0, 3, 6, 9, 12, 15)


COLUMNS = ["file_a", "file_b", "class_a", "class_b", "similarity", "displacement", "kind"]


def database(root, extra=()):
    """Twenty phantoms, and besides them what a test adds as (class, name, picture)."""
    for number, (label, image) in enumerate(FILMS):
        write(root / label / "images" / f"film-{number}.png", image)
    for label, name, image in extra:
        write(root / label / "images" / name, image)
    return root


def search(folder, tmp_path, **options):
    options = {"image_size": (SIDE, SIDE), "verbose": False, **options}
    return find_duplicates(folder, cache_dir=tmp_path / "cache", **options)


def named(duplicates):
    """The pairs by bare file names, each sorted."""
    rows = duplicates.pairs[["file_a", "file_b"]].itertuples(index=False)
    return {tuple(sorted(path.rpartition("/")[2] for path in row)) for row in rows}


CHANGES = {
    "resized": resized,
    "compressed": lambda image: compressed(image, 30),
    "cropped": cropped,
    "shifted": shifted,
    "brighter": lambda image: levels(image, 1.0, 30.0),
    "less contrast": lambda image: levels(image, 0.6, 40.0),
    "lettered": lettered,
    "all at once": lambda image: compressed(levels(cropped(image), 0.8, 20.0), 50),
}


@pytest.mark.parametrize("name", CHANGES)
def test_copies_under_a_change_are_found_and_nothing_else(tmp_path, name):
    extra = [
        (FILMS[number][0], f"copy-{number}.png", CHANGES[name](FILMS[number][1]))
        for number in COPIED
    ]
    duplicates = search(database(tmp_path / "films", extra), tmp_path)
    assert named(duplicates) == {(f"copy-{number}.png", f"film-{number}.png") for number in COPIED}
    assert set(duplicates.pairs["kind"]) == {"near"}
    assert duplicates.pairs["similarity"].min() > 0.8
    assert duplicates.pairs["displacement"].max() < 0.5
    assert list(duplicates.pairs.columns) == COLUMNS


@pytest.mark.parametrize("name", ["a-copy.png", "z-copy.png"])
def test_shifted_copies_are_found_whichever_film_comes_first(tmp_path, name):
    for label, image in FILMS:
        moved = cv2.warpAffine(image, np.float32([[1, 0, 9], [0, 1, 9]]), (SIDE, SIDE))
        number = len(list(tmp_path.glob("films/*/*"))) // 2
        write(tmp_path / "films" / label / f"m-film-{number}.png", image)
        write(tmp_path / "films" / label / f"{name[0]}-copy-{number}.png", moved)
    duplicates = search(tmp_path / "films", tmp_path)
    assert len(duplicates.groups) == 20
    assert all(len(group.files) == 2 for group in duplicates.groups)


def test_mirrored_copies_are_told_apart(tmp_path):
    label, image = FILMS[2]
    duplicates = search(database(tmp_path / "films", [(label, "m.png", image[:, ::-1])]), tmp_path)
    assert named(duplicates) == {("film-2.png", "m.png")}
    assert list(duplicates.pairs["kind"]) == ["flipped"]
    assert "pairs: 0 exact, 0 near, 1 flipped, 0 inverted" in str(duplicates)


def test_negatives_are_told_apart(tmp_path):
    label, image = FILMS[2]
    extra = [(label, "n.png", levels(cropped(image), -0.8, 230.0))]
    duplicates = search(database(tmp_path / "films", extra), tmp_path)
    assert named(duplicates) == {("film-2.png", "n.png")}
    assert list(duplicates.pairs["kind"]) == ["inverted"]


def test_exact_copies_are_those_of_pixels_not_of_bytes(tmp_path):
    label, image = FILMS[5]
    folder = database(tmp_path / "films")
    path = folder / "Normal" / "images" / "again.png"
    assert cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    original = folder / label / "images" / "film-5.png"
    assert path.read_bytes() != original.read_bytes()
    duplicates = search(folder, tmp_path)
    (row,) = duplicates.pairs.itertuples(index=False)
    assert (row.kind, row.similarity, row.displacement) == ("exact", 1.0, 0.0)


def test_nothing_is_found_among_different_films(tmp_path):
    for number in range(60):
        label, image = drawn(number)
        write(tmp_path / "films" / label / f"{number}.png", image)
    duplicates = search(tmp_path / "films", tmp_path)
    assert duplicates.num_images == 60
    assert len(duplicates.pairs) == 0
    assert duplicates.groups == duplicates.conflicts == ()
    assert str(duplicates).startswith("0 of 60 images have copies, in 0 groups")


def test_equal_letters_do_not_make_copies_nor_do_empty_pictures(tmp_path):
    black = np.zeros((SIDE, SIDE), np.uint8)
    dot = black.copy()
    dot[80, 80] = 255
    extra = [
        ("Normal", "one.png", lettered(drawn(100)[1])),
        ("Normal", "two.png", lettered(drawn(101)[1])),
        ("Normal", "black.png", black),
        ("Normal", "dot.png", dot),
    ]
    assert named(search(database(tmp_path / "films", extra), tmp_path)) == set()


def test_groups_are_transitive_and_conflicts_name_their_classes(tmp_path):
    image = FILMS[0][1]
    extra = [
        ("COVID", "crop.png", cropped(image)),
        ("COVID", "same.png", image),
        ("Normal", "bright.png", levels(image, 1.0, 30.0)),
        ("Lung_Opacity", "other.png", compressed(FILMS[1][1], 40)),
    ]
    duplicates = search(database(tmp_path / "films", extra), tmp_path)
    names = [{file.rpartition("/")[2] for file in group.files} for group in duplicates.groups]
    assert names == [
        {"film-0.png", "crop.png", "same.png", "bright.png"},
        {"film-1.png", "other.png"},
    ]
    assert FILMS[0][0] == "COVID"
    assert [group.classes for group in duplicates.conflicts] == [("COVID", "Normal")]
    assert "6 of 24 images have copies, in 2 groups" in str(duplicates)
    content = json.loads(json.dumps(duplicates.to_dict()))
    assert content["schema_version"] == 1
    assert len(content["pairs"]) == len(duplicates.pairs)
    assert content["groups"][0]["classes"] == ["COVID", "Normal"]


def test_another_data_set_is_searched_for_copies_of_this_one(tmp_path):
    other = tmp_path / "other"
    write(other / "Normal" / "new.png", drawn(200)[1])
    write(other / "Normal" / "new2.png", drawn(200)[1])
    write(other / "COVID" / "copy.png", cropped(FILMS[4][1]))
    write(other / "COVID" / "same.png", FILMS[7][1])
    duplicates = search(database(tmp_path / "films"), tmp_path, against=other)
    assert duplicates.num_images == 24
    found = {(row.file_a.rpartition("/")[2], row.file_b) for row in duplicates.pairs.itertuples()}
    assert found == {
        ("film-4.png", (other / "COVID" / "copy.png").resolve().as_posix()),
        ("film-7.png", (other / "COVID" / "same.png").resolve().as_posix()),
    }
    assert sorted(duplicates.pairs["kind"]) == ["exact", "near"]


def test_a_second_call_reads_what_the_first_one_found(tmp_path):
    folder = database(tmp_path / "films", [("Normal", "copy.png", cropped(FILMS[3][1]))])
    first = search(folder, tmp_path)
    assert len(first.pairs) == 1
    (path,) = only(tmp_path / "cache").glob("duplicates-*.json")
    content = json.loads(path.read_text())
    content["links"].append([0, 1, "near", 0.9, 0.1])
    path.write_text(json.dumps(content))
    assert len(search(folder, tmp_path).pairs) == 2
    for damage in (
        [0, 99, "near", 0.9, 0.1],
        [0, 1, "like", 0.9, 0.1],
        [0, 1],
        [0, 1, "near", "", 0],
    ):
        path.write_text(json.dumps(content | {"links": [damage]}))
        pd.testing.assert_frame_equal(search(folder, tmp_path).pairs, first.pairs)
    path.write_text("damaged")
    pd.testing.assert_frame_equal(search(folder, tmp_path).pairs, first.pairs)
    write(folder / "Normal" / "images" / "film-more.png", levels(FILMS[3][1], 0.7, 9.0))
    assert len(search(folder, tmp_path).groups[0].files) == 3


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"image_size": (32, 64)}, r"at least 64 x 64, received image_size \(32, 64\)"),
        ({"image_size": 64}, r"image_size must be \(height, width\), received 64"),
        ({"on_error": "ignore"}, "on_error must be one of 'raise', 'skip', received 'ignore'"),
    ],
)
def test_arguments_are_checked_before_anything_is_read(tmp_path, options, text):
    with pytest.raises(InvalidArgumentError, match=text):
        search(tmp_path / "nowhere", tmp_path, **options)


def test_bad_files_are_an_error_or_a_note(tmp_path):
    folder = database(tmp_path / "films")
    (folder / "COVID" / "images" / "broken.png").write_bytes(b"")
    with pytest.raises(DataError, match="1 of 21 images cannot be used"):
        search(folder, tmp_path)
    duplicates = search(folder, tmp_path, on_error="skip")
    assert duplicates.num_images == 20
    assert "note: 1 of 21 images were left out" in str(duplicates)


def test_a_search_with_an_index_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_EXHAUSTIVE", 10)
    assert "more than 10 images" in str(search(database(tmp_path / "films"), tmp_path))


def test_real_copies_and_look_alikes(real_data, tmp_path):
    root = real_data / "COVID-19_Radiography_Dataset"
    names = [f"COVID-{number}" for number in (1, 140, 168, 372, 591, 2124, 2125)]
    names += [f"Normal-{number}" for number in (7546, 9262, 1708, 5103, 4251, 5963)]
    files = [f"{name.split('-')[0]}/images/{name}.jpg" for name in names]
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        pytest.skip(f"the copy of the database here lacks {missing[0]}")
    assert read_image(root / files[0]).shape[2] == 1
    frame = pd.DataFrame({"file": files, "label": [file.split("/")[0] for file in files]})
    duplicates = search(frame, tmp_path, root=root, image_size=(224, 224))
    numbers = [
        sorted(int(file.split("-")[-1].split(".")[0]) for file in group.files)
        for group in duplicates.groups
    ]
    assert sorted(numbers) == [[1, 140, 591], [168, 372], [2124, 2125]]
