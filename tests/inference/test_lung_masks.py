import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import find_images, read_image
from keras_cxr.errors import InvalidArgumentError, NotFoundError, OutputError
from keras_cxr.inference import segment_folder
from keras_cxr.inference.lung_masks import COLUMNS, mask_file


@pytest.fixture
def films(phantoms, tmp_path):
    """Two films of two classes each, without masks, in the Kaggle layout."""
    for name in ("COVID", "Viral Pneumonia"):
        for number in (1, 2):
            file = phantoms / name / "images" / f"{name}-{number}.png"
            (tmp_path / "films" / name / "images").mkdir(parents=True, exist_ok=True)
            shutil.copy(file, tmp_path / "films" / name / "images")
    return tmp_path / "films"


def blank(path, *, shape=(60, 50)):
    path.write_bytes(cv2.imencode(".png", np.full(shape, 30, np.uint8))[1].tobytes())


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_training_finds_the_masks_where_they_are_copied_to(films, tmp_path):
    blank(films / "COVID" / "images" / "blank.png")
    done = segment_folder(films, tmp_path / "out", verbose=False)
    assert files_in(tmp_path / "out") == [
        "COVID/masks/COVID-1.png",
        "COVID/masks/COVID-2.png",
        "Viral Pneumonia/masks/Viral Pneumonia-1.png",
        "Viral Pneumonia/masks/Viral Pneumonia-2.png",
        "segmentation.csv",
    ]
    table = pd.read_csv(tmp_path / "out" / "segmentation.csv", keep_default_na=False)
    assert list(table) == list(done.table) == list(COLUMNS)
    assert table["found"].tolist() == [True, True, False, True, True]
    assert table["reason"][2].startswith("lungs would cover 0.0% of the picture")
    assert table["mask"][3] == "Viral Pneumonia/masks/Viral Pneumonia-1.png"
    assert table["area_share"].between(0.2, 0.5).sum() == 4
    assert done.failed == {}
    assert "4 of 5 films have a mask now" in str(done)
    assert "COVID/images/blank.png: lungs would cover 0.0%" in str(done)
    shutil.copytree(tmp_path / "out", films, dirs_exist_ok=True)
    masks = {entry.file: entry.mask for entry in find_images(films).entries}
    assert masks == dict(zip(table["file"], table["mask"], strict=True))


def test_masks_are_zero_and_255_at_the_films_own_size(films, tmp_path):
    file = films / "COVID" / "images" / "COVID-1.png"
    image = read_image(file, (150, 170))[..., 0]
    cv2.imwrite(str(file), image)
    segment_folder(films, tmp_path / "out", verbose=False)
    mask = cv2.imread(str(tmp_path / "out/COVID/masks/COVID-1.png"), cv2.IMREAD_UNCHANGED)
    assert (mask.shape, mask.dtype) == ((150, 170), np.uint8)
    assert set(np.unique(mask)) == {0, 255}


@pytest.mark.parametrize(
    ("place", "mask"),
    [
        ("film.png", "masks/film.png"),
        ("ward 3/scan.0001.jpg", "masks/ward 3/scan.0001.png"),
        ("COVID/film.dcm", "COVID/masks/film.png"),
        ("COVID/patient/film.png", "COVID/masks/patient/film.png"),
        ("COVID/IMAGES/patient/film.png", "COVID/masks/patient/film.png"),
    ],
)
def test_layouts(place, mask, tmp_path):
    """Where a mask lies there the layout itself looks for it."""
    beside = "other.png"
    if place.startswith("COVID"):
        beside = "Normal/images/other.png" if "IMAGES" in place else "Normal/other.png"
    for name in (place, beside):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        blank(tmp_path / name)
    catalog = find_images(tmp_path, require_classes=False)
    (entry,) = (one for one in catalog.entries if one.file == place)
    assert mask_file(entry) == mask
    (tmp_path / mask).parent.mkdir(parents=True)
    blank(tmp_path / mask)
    found = find_images(tmp_path, require_classes=False).entries
    assert {one.file: one.mask for one in found}[place] == mask


def test_pre_split_folders(tmp_path):
    for part in ("train", "val", "test"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            blank(tmp_path / part / name / "film.png")
    entries = find_images(tmp_path).entries
    assert {mask_file(entry) for entry in entries} == {
        f"{part}/{name}/masks/film.png" for part in ("train", "val", "test") for name in ("a", "b")
    }


def test_bad_files_and_shared_names_end_nothing(films, tmp_path):
    folder = films / "COVID" / "images"
    (folder / "cut.png").write_bytes((folder / "COVID-1.png").read_bytes()[:99])
    blank(folder / "COVID-2.jpg")
    done = segment_folder(films, tmp_path / "out", verbose=False)
    assert done.table["found"].sum() == 3
    assert {path.name for path in done.failed} == {"cut.png", "COVID-2.png", "COVID-2.jpg"}
    assert "several films would share the mask" in done.failed[folder / "COVID-2.jpg"]
    assert done.table["confidence"].isna().sum() == 3


def test_earlier_masks_are_replaced_and_nothing_else(films, tmp_path):
    out = tmp_path / "out"
    segment_folder(films, out, verbose=False)
    film = films / "COVID" / "images" / "COVID-1.png"
    blank(film)
    segment_folder(films, out, verbose=False)
    assert not (out / "COVID/masks/COVID-1.png").exists()
    mine = tmp_path / "mine" / "COVID" / "masks" / "COVID-2.png"
    mine.parent.mkdir(parents=True)
    blank(mine)
    with pytest.raises(OutputError, match=r"already holds COVID/masks/COVID-2\.png but no earlier"):
        segment_folder(films, tmp_path / "mine", verbose=False)
    with pytest.raises(InvalidArgumentError, match="lies inside the data folder"):
        segment_folder(films, films / "out", verbose=False)
    with pytest.raises(NotFoundError, match="Did you mean"):
        segment_folder(films.with_name("film"), out, verbose=False)
