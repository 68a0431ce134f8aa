import shutil

import pandas as pd
import pytest

from keras_cxr import make_datasets
from keras_cxr.inference.recorded import recorded_catalog, recorded_images
from tests.data.helpers import plain


@pytest.fixture
def run(phantoms, tmp_path):
    """A folder with the split of a run that left two images out and moved one to another class."""
    datasets = make_datasets(phantoms, image_size=(32, 32), seed=5, group_duplicates=False)
    table = datasets.table.drop(index=[3, 20]).reset_index(drop=True)
    table.loc[0, ["class", "group"]] = ["Normal", "patient 7"]
    table.to_csv(tmp_path / "split.csv", index=False)
    return tmp_path, table


def test_catalog_has_the_runs_images_classes_parts_and_groups(phantoms, run):
    folder, table = run
    datasets = make_datasets(
        recorded_catalog(folder, phantoms), image_size=(32, 32), group_duplicates=False
    )
    pd.testing.assert_frame_equal(datasets.table, table)


def test_part_is_found_from_the_models_own_file(phantoms, run):
    folder, table = run
    (folder / "run").mkdir()
    images = recorded_images(folder / "run" / "last.keras", phantoms, "val")
    assert images.root == phantoms
    rows = table[table["part"] == "val"]
    assert [entry.file for entry in images.entries] == list(rows["file"])
    assert [entry.label for entry in images.entries] == list(rows["class"])


def test_classes_are_texts_not_numbers(tmp_path):
    films = plain(tmp_path / "films", counts={"01": 6, "1": 6, "2.0": 6})
    datasets = make_datasets(films, image_size=(8, 8), format="keras", cache=False, verbose=False)
    (tmp_path / "run").mkdir()
    datasets.table.to_csv(tmp_path / "run" / "split.csv", index=False)
    for part in ("train", "val", "test"):
        images = recorded_images(tmp_path / "run", films, part)
        assert images.class_names == ("01", "1", "2.0")
        assert [entry.file for entry in images.entries] == datasets.files(part)


def test_a_part_without_images_is_an_error(phantoms, run):
    folder, table = run
    table[table["part"] != "val"].to_csv(folder / "split.csv", index=False)
    with pytest.raises(ValueError, match=r"kept no images for the part val\. Test on another part"):
        recorded_images(folder, phantoms, "val")


def test_what_is_missing_is_named_with_the_remedy(phantoms, run, tmp_path):
    folder, table = run
    other = tmp_path / "other"
    shutil.copytree(phantoms, other)
    lost = table["file"][table["part"] == "test"].iloc[0]
    (other / lost).unlink()
    for find in (recorded_catalog, lambda *where: recorded_images(*where, "test")):
        with pytest.raises(ValueError, match=f"lacks 1 of the .* for example {lost}"):
            find(folder, other)
    with pytest.raises(ValueError, match=r"No split\.csv lies beside"):
        recorded_catalog(other / "nowhere" / "deep" / "model.keras", phantoms)
