from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import keras_cxr
from keras_cxr.data import Datasets
from keras_cxr.errors import InvalidArgumentError
from tests.data.helpers import kaggle, lungs, picture, read_all, write


def test_fields(make, films):
    datasets = make(batch_size=5)
    assert isinstance(datasets, Datasets)
    assert datasets.class_names == ("COVID", "Normal", "Viral Pneumonia")
    assert datasets.input_shape == (16, 16, 1)
    assert datasets.num_classes == 3
    assert datasets.root == films
    assert list(datasets.table.columns) == ["file", "class", "part", "group", "mask"]
    assert len(datasets.table) == 40
    counts = datasets.table.groupby(["class", "part"]).size()
    assert counts["Normal", "train"] == 16
    assert counts["Normal", "val"] == counts["Normal", "test"] == 2
    trained = [counts[name, "train"] for name in datasets.class_names]
    for index, count in enumerate(trained):
        assert datasets.class_weight[index] == pytest.approx(sum(trained) / (3 * count))
    assert len(datasets.train) == -(-sum(trained) // 5)
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        datasets.seed = 3


def test_val_and_test_come_in_the_order_of_the_files(make, films):
    datasets = make()
    table = datasets.table
    assert list(table["file"]) == sorted(table["file"])
    for part in ("val", "test"):
        images, labels = read_all(getattr(datasets, part))
        loaded, indices = datasets.load(part)
        np.testing.assert_array_equal(images, loaded)
        np.testing.assert_array_equal(labels.argmax(axis=1), indices)
        names = [datasets.class_names[index] for index in indices]
        assert names == list(table["class"][table["part"] == part])
        for file, image in zip(datasets.files(part), loaded, strict=True):
            expected = keras_cxr.data.read_image(films / file, (16, 16))
            np.testing.assert_array_equal(image, expected)


def test_order_is_that_of_the_batches_and_identity_that_of_the_pictures(make):
    datasets = make(augment=False)
    for one in (datasets, datasets.at_epoch(2)):
        images, _ = read_all(one.train)
        np.testing.assert_array_equal(images, one.load("train", one.order("train"))[0])
    np.testing.assert_array_equal(datasets.order("val"), np.arange(len(datasets.files("val"))))
    same = make(batch_size=3, format="keras", augment=True)
    assert same.identity("train") == datasets.identity("train") != datasets.identity("val")
    assert make(seed=9).identity("train") != datasets.identity("train")
    assert make(color_mode="rgb").identity("val") != datasets.identity("val")
    with pytest.raises(InvalidArgumentError, match="part must be one of"):
        datasets.order("all")
    with pytest.raises(InvalidArgumentError, match="part must be one of"):
        datasets.identity("all")


def test_iteration_repeats_and_epochs_differ(make):
    datasets = make()
    first, labels = read_all(datasets.train)
    np.testing.assert_array_equal(first, read_all(datasets.train)[0])
    np.testing.assert_array_equal(first, read_all(make().train)[0])
    later = datasets.at_epoch(1)
    assert later.epoch == 1
    assert datasets.epoch == 0
    other, other_labels = read_all(later.train)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(labels.sum(axis=0), other_labels.sum(axis=0))
    np.testing.assert_array_equal(first, read_all(later.at_epoch(0).train)[0])
    assert later.val is datasets.val
    assert later.fingerprint == datasets.fingerprint
    assert not np.array_equal(first, read_all(make(seed=1).train)[0])


def test_masks_of_the_sample_size_are_fitted(make):
    expected = np.kron(lungs((16, 16)) > 0, np.ones((1, 1), bool))
    np.testing.assert_array_equal(make().load_masks("val", [0])[0], expected)


def test_the_fingerprint_follows_whatever_changes_the_batches(make, films, tmp_path):
    base = make()
    assert make(format="tf").fingerprint == base.fingerprint
    prints = {base.fingerprint}
    changes = [
        {"seed": 1}, {"batch_size": 5}, {"image_size": (16, 17)}, {"region": "lungs"},
        {"color_mode": "rgb"}, {"augment": False}, {"rotation": 5}, {"zoom": 0.1},
        {"horizontal_flip": False}, {"fill_mode": "nearest"}, {"split": (0.6, 0.2, 0.2)},
    ]  # fmt: skip
    prints |= {make(**change).fingerprint for change in changes}
    assert len(prints) == len(changes) + 1
    copy = kaggle(tmp_path, counts={"COVID": 11, "Normal": 20, "Viral Pneumonia": 9})
    assert make(copy).fingerprint == base.fingerprint
    write(copy / "COVID" / "images" / "COVID-1.png", picture(77))
    assert make(copy).fingerprint != base.fingerprint


def test_summary(make):
    text = make(region="lungs").summary
    assert text == str(make(region="lungs"))
    for piece in (
        "40 images in ",
        "layout: Kaggle database (CLASS/images)",
        "16 x 16 x 1, region lungs",
        "lung masks: 40 of 40",
        "class              train      val     test    total  weight",
        "  Viral Pneumonia        7        1        1        9    ",
    ):
        assert piece in text
    assert "train=" in repr(make())
    grouped = make(groups={"COVID/images/COVID-1.png": "p", "COVID/images/COVID-2.png": "p"})
    assert "groups: 1 with 2 images, none divided" in grouped.summary


def test_load_chooses_by_index(make):
    datasets = make()
    images, labels = datasets.load("train")
    some, chosen = datasets.load("train", [5, 2])
    np.testing.assert_array_equal(some, images[[5, 2]])
    np.testing.assert_array_equal(chosen, labels[[5, 2]])
    assert datasets.load("train", [])[0].shape == (0, 16, 16, 1)
    for indices, problem in (([99], "must lie in 0 to"), ([0.5], "must be integers")):
        with pytest.raises(InvalidArgumentError, match=problem):
            datasets.load("train", indices)
    with pytest.raises(InvalidArgumentError, match="part must be one of train, val, test"):
        datasets.load("valid")


@pytest.mark.parametrize("epoch", [-1, 1.5, True, "1"])
def test_refused_epochs(make, epoch):
    with pytest.raises(InvalidArgumentError, match="epoch must be an integer from 0"):
        make().at_epoch(epoch)
