from collections import Counter

import numpy as np
import pytest

from keras_cxr.data import make_datasets
from keras_cxr.data.splitting.parts import Copies
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.phantoms.draw import draw_phantom
from tests.data.helpers import kaggle, only, write

SIDE = 96
NAMES = ("COVID", "Normal")
FILMS = [draw_phantom(NAMES[n % 2], n, image_size=SIDE).image for n in range(40)]
SHARES = (0.6, 0.2, 0.2)


def darker(image):
    return np.uint8(np.rint(image * 0.8 + 10.0))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Forty phantoms in two classes; twelve have a copy."""
    root = tmp_path_factory.mktemp("films")
    for number, image in enumerate(FILMS):
        label = NAMES[number % 2]
        write(root / label / f"{number}.png", image)
        if number < 12:
            write(root / label / f"{number}-copy.png", darker(image))
    return root


@pytest.fixture(scope="module")
def make(films, tmp_path_factory):
    cache_dir = tmp_path_factory.mktemp("cache")

    def made(data=films, **options):
        options = {"image_size": (SIDE, SIDE), "format": "keras", "verbose": False, **options}
        return make_datasets(data, cache_dir=cache_dir, **{"split": SHARES, **options})

    return made


def divided(datasets):
    """How many of the twelve have their copy in another part."""
    part = dict(zip(datasets.table["file"], datasets.table["part"], strict=True))
    copies = [file for file in part if file.endswith("-copy.png")]
    assert len(copies) == 12
    return sum(part[file] != part[file.replace("-copy", "")] for file in copies)


def test_a_split_keeps_copies_together_and_tells_what_it_would_have_leaked(make):
    alone = make(group_duplicates=False)
    assert divided(alone) > 0
    assert alone.copies is None
    assert "note: copies" not in alone.summary
    part = dict(zip(alone.table["file"], alone.table["part"], strict=True))
    copies = [file for file in part if file.endswith("-copy.png")]
    kinds = [{part[file], part[file.replace("-copy", "")]} for file in copies]
    leaked = sum("train" in kind and len(kind) == 2 for kind in kinds)
    for options in ({}, {"group_duplicates": True}, {"cache": False}):
        together = make(**options)
        assert divided(together) == 0
        assert together.copies == Copies(
            num_groups=12, num_images=24, leaks_unaware=leaked, leaks=0
        )
        assert (
            f"copies: 12 groups of 24 images; a split that does not know them leaks {leaked} "
            "validation and test images into the training part, this one 0\n"
        ) in together.summary + "\n"
    assert together.fingerprint != alone.fingerprint
    assert together.copies.to_dict()["leaks_unaware"] == leaked


def test_copies_join_the_groups_that_patients_make(make):
    patients = {"COVID/0.png": "p1", "COVID/20.png": "p1", "Normal/1-copy.png": "p2"}
    table = make(groups=patients).table
    group = dict(zip(table["file"], table["group"], strict=True))
    assert {file for file in group if group[file] == "p1"} == {
        "COVID/0.png",
        "COVID/0-copy.png",
        "COVID/20.png",
    }
    assert group["Normal/1.png"] == group["Normal/1-copy.png"] == "p2"
    assert group["Normal/39.png"] == ""
    assert table.groupby("group")["part"].nunique().drop("").max() == 1


def test_a_data_set_without_copies_is_split_as_ever(make, tmp_path):
    for number, image in enumerate(FILMS[:16]):
        write(tmp_path / NAMES[number % 2] / f"{number}.png", image)
    datasets = make(tmp_path)
    assert datasets.table.equals(make(tmp_path, group_duplicates=False).table)
    assert datasets.copies == Copies(num_groups=0, num_images=0, leaks_unaware=0, leaks=0)
    assert "note: copies: none found" in datasets.summary


def test_the_second_call_searches_nothing(films, tmp_path):
    options = {"image_size": (SIDE, SIDE), "format": "keras", "verbose": False, "split": SHARES}
    first = make_datasets(films, cache_dir=tmp_path, **options)
    (found,) = only(tmp_path).glob("duplicates-*.json")
    found.write_text(found.read_text().replace('"links":[[', '"links":[[0,2,"near",0.9,0.1],['))
    again = make_datasets(films, cache_dir=tmp_path, **options)
    assert again.copies.num_images == first.copies.num_images
    assert again.copies.num_groups == first.copies.num_groups - 1


def test_regions_share_one_search_and_one_split(tmp_path):
    root = kaggle(tmp_path / "films", counts={"COVID": 1, "Normal": 1})
    for number, image in enumerate(FILMS[:20]):
        name = f"{number}.png"
        write(root / NAMES[number % 2] / "images" / name, image)
        if number:
            write(root / NAMES[number % 2] / "masks" / name, np.full((8, 8), 255, np.uint8))
    # two copies of the film that lungs alone leave out, for want of a mask
    for name in ("20.png", "22.png"):
        write(root / "COVID" / "images" / name, darker(FILMS[0]))
        write(root / "COVID" / "masks" / name, np.full((8, 8), 255, np.uint8))
    options = {"image_size": (SIDE, SIDE), "format": "keras", "verbose": False, "split": SHARES}
    options |= {"cache_dir": tmp_path / "cache", "on_error": "skip"}
    full = make_datasets(root, **options)
    lungs = make_datasets(root, region="lungs", masks="files", **options)
    assert len(list(only(tmp_path / "cache").glob("duplicates-*.json"))) == 1
    assert (full.copies.num_images, lungs.copies.num_images) == (3, 2)
    group = lungs.table.set_index("file")["group"]
    assert group["COVID/images/20.png"] == group["COVID/images/22.png"] != ""


def test_arrays_and_small_images_are_not_searched_unless_asked_for(make):
    images = np.stack([*FILMS[:16], *map(darker, FILMS[:4])])
    labels = np.array([*(n % 2 for n in range(16)), 0, 1, 0, 1])
    options = {"image_size": (64, 64), "split": (0.5, 0.25, 0.25)}
    plain = make((images, labels), **options)
    assert plain.copies is None
    assert set(plain.table["group"]) == {""}
    assert "copies were not looked for in arrays: group_duplicates=True does so" in plain.notes
    table = make((images, labels), group_duplicates=True, **options).table
    assert list(table["group"][16:]) == [f"array[{n}]" for n in range(4)]
    small = make(image_size=(32, 64))
    assert small.copies is None
    assert "copies were not looked for: at 32 x 64 they cannot be told" in small.summary
    with pytest.raises(InvalidArgumentError, match=r"at least 64 x 64, received image_size \(32"):
        make("nowhere", image_size=(32, 64), group_duplicates=True)
    with pytest.raises(InvalidArgumentError, match="group_duplicates must be one of 'auto', True"):
        make(group_duplicates="always")


def test_one_part_is_not_searched(make):
    datasets = make(split=(1, 0, 0))
    assert datasets.copies is None
    assert "copies" not in datasets.summary
    assert make(split=(1, 0, 0), group_duplicates=True).copies.num_groups == 12


def test_parts_that_are_given_stay_and_their_leaks_are_counted(make, tmp_path):
    for number, image in enumerate(FILMS[:16]):
        label = NAMES[number % 2]
        write(tmp_path / "train" / label / f"{number}.png", image)
        if number < 3:
            write(tmp_path / "test" / label / f"{number}.png", darker(image))
    given = make(tmp_path, split=(0.8, 0, 0.2))
    assert given.copies == Copies(num_groups=3, num_images=6, leaks_unaware=3, leaks=3)
    assert (
        "leaks 3 validation and test images into the training part, this one 3; given parts and "
        "whole sources stay as they are"
    ) in given.summary
    assert Counter(given.table["part"]) == {"train": 16, "test": 3}


def test_too_few_groups_are_an_error(make, tmp_path):
    for number in range(4):
        write(tmp_path / "COVID" / f"{number}.png", FILMS[0])
        write(tmp_path / "Normal" / f"{number}.png", FILMS[number * 2 + 1])
    with pytest.raises(DataError, match=r"'COVID' has 4 image\(s\), too few groups(.|\n)*=False"):
        make(tmp_path)
    assert len(make(tmp_path, group_duplicates=False).files("train")) == 4
