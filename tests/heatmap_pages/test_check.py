import json
import shutil

import keras
import numpy as np
import pytest

from keras_cxr import build_lmap3
from keras_cxr.heatmap_pages.check import MOST_IMAGES, rows_to_check
from keras_cxr.heatmap_pages.masks import find_masks, read_mask
from keras_cxr.heatmap_pages.write import write_heatmaps
from keras_cxr.inference import Classifier, list_image_files


def test_at_most_so_many_images_are_checked_spread_over_all():
    assert rows_to_check(3).tolist() == [0, 1, 2]
    rows = rows_to_check(1000)
    assert len(set(rows.tolist())) == MOST_IMAGES
    assert (rows[0], rows[-1]) == (0, 999)
    assert np.diff(rows).max() - np.diff(rows).min() <= 1


def test_masks_lie_beside_the_images(phantoms):
    files = [phantoms / name / "images" / f"{name}-2.png" for name in ("COVID", "Normal")]
    masks, notes = find_masks(files, (96, 96))
    assert notes == []
    assert masks["lungs"].shape == masks["lesions"].shape == (2, 96, 96)
    assert masks["lesions"].any(axis=(1, 2)).tolist() == [True, False]
    assert not (masks["lesions"] & ~masks["lungs"]).any()
    # read at half of the size: about a quarter of the pixels
    half = read_mask(phantoms / "COVID" / "masks" / "COVID-2.png", (48, 48))
    assert half.sum() == pytest.approx(masks["lungs"][0].sum() / 4, rel=0.05)


def test_masks_lie_in_folders_of_any_case_and_kind(phantoms, tmp_path):
    for source, target in (("images", "Images"), ("masks", "MASKS"), ("lesions", "Lesions")):
        shutil.copytree(phantoms / "COVID" / source, tmp_path / "COVID" / target)
    picture = tmp_path / "COVID" / "MASKS" / "COVID-2.png"
    picture.rename(picture.with_suffix(".PNG"))
    masks, notes = find_masks([tmp_path / "COVID" / "Images" / "COVID-2.png"], (96, 96))
    assert notes == []
    assert set(masks) == {"lungs", "lesions"}


def test_masks_that_some_lack_are_not_used_and_that_is_said(phantoms, tmp_path):
    shutil.copytree(phantoms / "COVID", tmp_path / "COVID")
    (tmp_path / "COVID" / "masks" / "COVID-1.png").unlink()
    (tmp_path / "COVID" / "lesions" / "COVID-2.png").write_text("no image")
    masks, notes = find_masks(list_image_files([tmp_path / "COVID"]), (96, 96))
    assert masks == {}
    assert notes[0] == "No masks of lungs are used: of 12 images only 11 have one."
    assert "No masks of lesions are used" in notes[1]
    assert "COVID-2.png" in notes[1]
    _, notes = find_masks([tmp_path / "film.png"], (96, 96))
    assert notes[0] == "No masks of lungs are used: of 1 images none has one."


def test_check_leaves_json_plot_and_a_section(phantoms, tmp_path):
    keras.utils.set_random_seed(1)
    classifier = Classifier(build_lmap3((96, 96, 1), 2), ("COVID", "Normal"), {})
    files = list_image_files([phantoms / "COVID"])
    said = []
    done = write_heatmaps(classifier, files[:7], tmp_path / "out", check=True, say=said.append)
    assert said == ["Checking the maps of 7 images; each takes about 200 forward passes …"]
    document = json.loads((tmp_path / "out" / "faithfulness.json").read_text())
    assert document["files"] == [str(file) for file in files[:7]]
    assert document["num_images"] == 7
    assert {"energy_lungs", "pointing_lesions"} <= set(document["measures"])
    assert (tmp_path / "out" / "faithfulness.png").stat().st_size > 0
    page = done.gallery.read_text()
    assert 'src="faithfulness.png"' in page
    assert "deletion" in page
    assert str(done.check.faithfulness) in str(done)
