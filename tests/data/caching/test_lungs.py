"""Lungs where no mask file is: found by the segmenter, counted, kept, or refused."""

import pickle
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import make_datasets
from keras_cxr.data.caching.lungs import SEGMENTED
from keras_cxr.errors import DataError

OPTIONS = {"image_size": (96, 96), "format": "keras", "verbose": False, "group_duplicates": False}


@pytest.fixture(scope="module")
def films(phantoms, tmp_path_factory):
    """Three phantoms of two classes without their masks; only to be read."""
    folder = tmp_path_factory.mktemp("films") / "films"
    for name in ("COVID", "Normal"):
        (folder / name / "images").mkdir(parents=True)
        for number in (1, 2, 3):
            file = f"{name}-{number}.png"
            shutil.copy(phantoms / name / "images" / file, folder / name / "images" / file)
    return folder


@pytest.fixture
def own(films, tmp_path):
    """A copy to change."""
    return shutil.copytree(films, tmp_path / "own")


def give_masks(folder, phantoms, name):
    (folder / name / "masks").mkdir()
    for file in (folder / name / "images").iterdir():
        shutil.copy(phantoms / name / "masks" / file.name, folder / name / "masks" / file.name)


def all_parts(datasets):
    """Images and masks of all parts."""
    parts = [part for part in ("train", "val", "test") if getattr(datasets, part) is not None]
    images = np.concatenate([datasets.load(part)[0] for part in parts])
    return images[..., 0], np.concatenate([datasets.load_masks(part) for part in parts])


def test_a_region_without_masks_is_found(films, phantoms):
    datasets = make_datasets(films, region="lungs", **OPTIONS)
    assert list(datasets.table["mask"]) == [SEGMENTED] * 6
    assert "6 lung mask(s) are the segmenter's, not files (COVID 3 of 3, Normal 3 of 3)" in str(
        datasets
    )
    images, masks = all_parts(datasets)
    assert 0.1 < masks.mean() < 0.5
    assert not images[~masks].any()
    with_files = make_datasets(
        phantoms, region="lungs", audit=None, **{**OPTIONS, "split": (1, 0, 0)}
    )
    real = dict(zip(with_files.files("train"), with_files.load_masks("train"), strict=True))
    own = make_datasets(films, region="lungs", **{**OPTIONS, "split": (1, 0, 0)})
    for file, mask in zip(own.files("train"), own.load_masks("train"), strict=True):
        both = (mask & real[file]).sum()
        assert 2 * both / (mask.sum() + real[file].sum()) > 0.8, file


def test_files_alone_are_an_error_that_names_the_way_out(films):
    with pytest.raises(
        DataError, match=r'(?s)6 of 6 images have no lung mask.*masks="auto"'
    ) as error:
        make_datasets(films, region="lungs", masks="files", **OPTIONS)
    assert "COVID-1.png" in str(error.value)


def test_nothing_is_looked_for_where_nothing_needs_it(films):
    assert make_datasets(films, **OPTIONS).load_masks("train") is None


def test_masks_of_two_kinds_in_two_classes_are_told(own, phantoms):
    give_masks(own, phantoms, "COVID")
    datasets = make_datasets(own, region="lungs", **OPTIONS)
    assert (
        "3 lung mask(s) are the segmenter's, not files (COVID 0 of 3, Normal 3 of 3); "
        "masks of two kinds may tell the classes apart"
    ) in str(datasets)
    found = dict(zip(datasets.table["file"], datasets.table["mask"], strict=True))
    assert found["Normal/images/Normal-1.png"] == SEGMENTED
    assert found["COVID/images/COVID-1.png"] == "COVID/masks/COVID-1.png"


def test_all_may_be_the_segmenters_and_the_region_full(own, phantoms):
    give_masks(own, phantoms, "COVID")
    give_masks(own, phantoms, "Normal")
    datasets = make_datasets(own, masks="segment", **OPTIONS)
    assert list(datasets.table["mask"]) == [SEGMENTED] * 6
    assert datasets.altered(region="outside").load("train")[0].any()


def test_what_was_found_is_kept_until_it_is_damaged(own, tmp_path):
    options = {**OPTIONS, "cache_dir": tmp_path / "cache", "region": "lungs"}
    first = make_datasets(own, **options)
    (kept,) = (tmp_path / "cache").rglob("lungs-*.npz")
    stamp = kept.stat().st_mtime_ns
    again = make_datasets(own, **options)
    assert kept.stat().st_mtime_ns == stamp
    assert again.fingerprint == first.fingerprint
    kept.write_bytes(b"PK")
    third = make_datasets(own, **options)
    np.testing.assert_array_equal(all_parts(third)[1], all_parts(first)[1])
    assert kept.stat().st_size > 100


def test_a_new_film_alone_is_looked_at(own, films, tmp_path):
    options = {**OPTIONS, "cache_dir": tmp_path / "cache", "region": "lungs"}
    make_datasets(own, **options)
    shutil.copy(films / "COVID/images/COVID-1.png", own / "Normal/images/one-more.png")
    picture = cv2.imread(str(own / "Normal/images/one-more.png"), 0)
    cv2.imwrite(str(own / "Normal/images/one-more.png"), picture // 2 + 20)
    datasets = make_datasets(own, **options)
    assert list(datasets.table["mask"]) == [SEGMENTED] * 7


@pytest.mark.parametrize("cache", [True, False])
def test_what_is_no_film_is_listed_or_left_out(own, cache):
    noise = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    assert cv2.imwrite(str(own / "Normal/images/noise.png"), noise)
    options = {**OPTIONS, "region": "lungs", "cache": cache}
    with pytest.raises(DataError, match=r"noise\.png: no lungs can be found: "):
        make_datasets(own, **options)
    datasets = make_datasets(own, on_error="skip", **options)
    assert len(datasets.table) == 6
    assert "on 1 image(s) no lungs can be found" in str(datasets)
    assert "masks of two kinds" not in str(datasets)


def test_arrays_have_lungs_too(films):
    files = sorted(films.rglob("*.png"))
    images = np.stack([cv2.imread(str(file), 0) for file in files])
    datasets = make_datasets((images, [0, 0, 0, 1, 1, 1]), region="lungs", **OPTIONS)
    assert not all_parts(datasets)[0][~all_parts(datasets)[1]].any()


def test_the_data_travel_to_other_processes(films):
    datasets = make_datasets(films, region="lungs", **OPTIONS)
    again = pickle.loads(pickle.dumps(datasets))
    np.testing.assert_array_equal(all_parts(again)[0], all_parts(datasets)[0])
    pd.testing.assert_frame_equal(again.table, datasets.table)


def test_other_words_are_refused(films):
    with pytest.raises(ValueError, match=r"masks must be .*'auto'.*'files'.*'segment'"):
        make_datasets(films, masks="unet", **OPTIONS)
