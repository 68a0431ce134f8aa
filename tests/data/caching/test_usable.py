import numpy as np
import pandas as pd
import pytest

from keras_cxr import build_lenet5, train
from keras_cxr.data.folds import make_folds
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from tests.data.helpers import kaggle, plain


def test_one_class_and_small_classes(tmp_path, make):
    plain(tmp_path, counts={"a": 5})
    with pytest.raises(DataError, match="Only one class was found, 'a'"):
        make(tmp_path)
    plain(tmp_path, counts={"b": 2})
    with pytest.raises(DataError, match=r"Class 'b' has 2 image\(s\), too few images for 3 parts"):
        make(tmp_path)
    with pytest.raises(NotFoundError, match="There is no folder or file"):
        make(tmp_path / "none")


def test_named_classes_may_have_no_images(make, tmp_path):
    plain(tmp_path, counts={"b": 5, "d": 5})
    datasets = make(tmp_path, class_names=["d", "a", "b"], split=(1, 0, 0))
    assert datasets.class_names == ("d", "a", "b")
    assert datasets.class_weight == {0: 1.0, 1: 0.0, 2: 1.0}
    classes = [datasets.class_names[index] for index in datasets.load("train")[1]]
    assert classes == list(datasets.table["class"])
    assert "no image shows a: a model of these classes can be tested here" in datasets.summary
    with pytest.raises(InvalidArgumentError, match="No training image shows a, so no model can"):
        train(build_lenet5((16, 16, 1), 3), datasets, epochs=1)
    with pytest.raises(DataError, match="No image shows class 'a': there is nothing to train on"):
        next(make_folds(datasets, 2))
    with pytest.raises(DataError, match=r"holds images of 'd' \(5\), none of the classes b, c"):
        make(tmp_path, class_names=["b", "c"])
    with pytest.raises(InvalidArgumentError, match="holds a name twice"):
        make(tmp_path, class_names=["b", "d", "d"])
    for file in (tmp_path / "d").iterdir():
        file.write_bytes(b"broken")
    skipped = make(tmp_path, class_names=["b", "d"], split=(1, 0, 0), on_error="skip")
    assert "no image shows d" in skipped.summary
    with pytest.raises(DataError, match="No usable image of class 'd' is left"):
        make(tmp_path, split=(1, 0, 0), on_error="skip")


def test_missing_masks_are_counted_and_named(tmp_path, make):
    folder = kaggle(tmp_path)
    for number in (2, 5):
        (folder / "Normal" / "masks" / f"Normal-{number}.png").unlink()
    whole = make(folder)
    assert "note: 2 image(s) have no mask file" in whole.summary
    assert (whole.table["mask"] == "").sum() == 2
    problem = r"2 of 14 images have no lung mask, .*'lungs' needs:\n  Normal/images/Normal-2\.png"
    with pytest.raises(DataError, match=problem):
        make(folder, region="lungs", masks="files")
    kept = make(folder, region="outside", masks="files", on_error="skip")
    assert len(kept.table) == 12
    assert "note: 2 of 14 images were left out:" in kept.summary


def test_load_masks_where_there_are_none_or_few(tmp_path, make):
    assert make(plain(tmp_path / "a")).load_masks("train") is None
    folder = kaggle(tmp_path / "b")
    for number in range(2, 9):
        (folder / "Normal" / "masks" / f"Normal-{number}.png").unlink()
    for options in ({}, {"cache": False}):
        datasets = make(folder, **options)
        masks = np.concatenate([datasets.load_masks(part) for part in ("train", "val", "test")])
        assert sorted(mask.any() for mask in masks) == [False] * 7 + [True] * 7
    with pytest.raises(DataError, match="14 of 14 images have no lung mask"):
        make(kaggle(tmp_path / "c", masks=False), region="lungs", masks="files", on_error="skip")


@pytest.fixture
def bad(tmp_path):
    folder = kaggle(tmp_path)
    images = folder / "Normal" / "images"
    (images / "Normal-1.png").write_bytes(b"")
    (images / "Normal-2.png").write_text("this is a text")
    content = (images / "Normal-3.png").read_bytes()
    (images / "Normal-3.png").write_bytes(content[:-30])
    (images / "Normal-4.png").unlink()
    (images / "Normal-4.png").symlink_to(folder / "nowhere.png")
    return folder


@pytest.mark.parametrize("cached", [True, False])
def test_all_are_listed_in_one_error(bad, make, cached):
    (bad / "Normal" / "images" / "Normal-4.png").unlink()
    problem = (
        r"3 of 13 images cannot be used:\n"
        r"  Normal/images/Normal-1\.png: the file is empty \(0 bytes\)\n"
        r"  Normal/images/Normal-2\.png: not a PNG.*\n"
        r"  Normal/images/Normal-3\.png: truncated.*\n"
        r'Repair or delete these files, or pass on_error="skip"'
    )
    with pytest.raises(DataError, match=problem):
        make(bad, cache=cached)


def test_missing_ones_are_found_before_anything_is_read(bad, make):
    with pytest.raises(DataError, match=r"1 of 14 files .* do not exist .*\n  Normal.*-4\.png"):
        make(bad)


def test_they_are_left_out_and_counted(bad, make):
    datasets = make(bad, on_error="skip")
    assert len(datasets.table) == 10
    assert "4 of 14 images were left out:" in datasets.summary
    assert "Normal-4.png: cannot be read" in datasets.summary
    assert {len(labels) for _, labels in datasets.test} == {2}


def test_a_class_does_not_vanish(tmp_path, make):
    folder = plain(tmp_path, counts={"a": 5, "b": 5, "c": 5})
    for path in (folder / "b").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match="No usable image of class 'b' is left"):
        make(folder, on_error="skip")
    for path in folder.glob("*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"15 of 15 images cannot be used(.|\n)*files\.$"):
        make(folder, on_error="skip")


def test_long_lists_are_cut(tmp_path, make):
    folder = plain(tmp_path, counts={"a": 30, "b": 5})
    for path in (folder / "a").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"30 of 35 images(.|\n)*\.\.\. and 10 more"):
        make(folder)


def test_bad_masks_count_only_where_they_are_needed(tmp_path, make):
    folder = kaggle(tmp_path)
    (folder / "COVID" / "masks" / "COVID-1.png").write_bytes(b"")
    whole = make(folder)
    assert "1 mask file(s) cannot be used:\n  COVID/masks/COVID-1.png: the file is empty" in (
        whole.summary
    )
    assert (whole.table["mask"] == "").sum() == 1
    problem = r"1 of 14 images cannot be used \(1 for want of a mask(.|\n)*COVID-1\.png: mask"
    with pytest.raises(DataError, match=problem):
        make(folder, region="lungs")
    assert len(make(folder, region="lungs", on_error="skip").table) == 13


def test_a_file_that_goes_bad_later(tmp_path, make):
    folder = kaggle(tmp_path)
    datasets = make(folder, cache=False)
    for path in folder.glob("*/images/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="has changed since the data set was made: the file is"):
        datasets.load("test")


def test_a_mask_that_goes_bad_later(tmp_path, make):
    folder = kaggle(tmp_path)
    datasets = make(folder, cache=False, region="lungs")
    for path in folder.glob("*/masks/*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"masks.*has changed .*: cannot be read"):
        datasets.load("test")


def test_files_of_a_table_that_do_not_exist(films, make):
    names = [
        f"{label}/images/{label}-{n}.png" for label in ("COVID", "Normal") for n in range(1, 9)
    ]
    frame = pd.DataFrame({"file": [*names, "gone.png"], "label": [*("a" * 8), *("b" * 9)]})
    with pytest.raises(DataError, match=r"1 of 17 files(.|\n)*gone\.png\nCorrect the paths"):
        make(frame, root=films)
    assert len(make(frame, root=films, on_error="skip").table) == 16
    with pytest.raises(DataError, match="17 of 17 files"):
        make(frame, root=films / "COVID", on_error="skip")
    frame["mask"] = "nowhere.png"
    frame = frame.head(16)
    assert "16 mask file(s) cannot be used" in make(frame, root=films).summary
