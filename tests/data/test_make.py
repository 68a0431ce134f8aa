import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import keras_cxr
from keras_cxr.data import Datasets, make_datasets
from keras_cxr.errors import InvalidArgumentError
from tests.data.helpers import OPTIONS, kaggle, lungs, picture, plain, read_all, write


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


def test_batches(make):
    datasets = make(batch_size=7)
    for part in ("train", "val", "test"):
        batches = list(getattr(datasets, part))
        assert len(batches) == len(getattr(datasets, part))
        for images, labels in batches:
            assert images.dtype == labels.dtype == np.float32
            assert images.shape == (len(labels), 16, 16, 1)
            assert 0.0 <= images.min() < images.max() <= 255.0
            np.testing.assert_array_equal(labels.sum(axis=1), 1.0)
        assert sum(len(labels) for _, labels in batches) == len(datasets.files(part))


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


def test_an_image_moves_the_same_whatever_the_batch_and_neighbours(make):
    def by_image(datasets):
        batches = datasets._parts["train"]
        images = read_all(datasets.train)[0]
        return {
            int(row): image for row, image in zip(batches.rows[batches.order], images, strict=True)
        }

    one, other = by_image(make(batch_size=3)), by_image(make(batch_size=8, split=(0.5, 0.25, 0.25)))
    assert len(set(one) & set(other)) > 10
    for row in set(one) & set(other):
        np.testing.assert_array_equal(one[row], other[row])


def test_without_augmentation_training_images_are_the_files(make):
    datasets = make(augment=False)
    for same in (datasets, make(rotation=0, zoom=0, horizontal_flip=False)):
        images, labels = read_all(same.train)
        order = same._parts["train"].order
        loaded, indices = same.load("train")
        np.testing.assert_array_equal(images, loaded[order])
        np.testing.assert_array_equal(labels.argmax(axis=1), indices[order])
        assert sorted(order) == list(range(len(order)))
        assert list(order) != sorted(order)


def test_colour_repeats_grey(make):
    grey, colour = make(), make(color_mode="rgb")
    assert colour.input_shape == (16, 16, 3)
    np.testing.assert_array_equal(
        read_all(colour.train)[0], np.repeat(read_all(grey.train)[0], 3, 3)
    )


def test_regions_add_up_to_the_whole(make):
    parts = {region: make(region=region) for region in ("full", "lungs", "outside")}
    masks = parts["full"].load_masks("test")
    assert masks.shape == (len(parts["full"].files("test")), 16, 16)
    assert masks.dtype == bool
    assert 0.2 < masks.mean() < 0.8
    whole, inside, outside = (parts[region].load("test")[0] for region in parts)
    np.testing.assert_array_equal(inside, whole * masks[..., np.newaxis])
    np.testing.assert_array_equal(outside, whole * ~masks[..., np.newaxis])
    lungs_train = read_all(parts["lungs"].train)[0]
    assert (lungs_train == 0).mean() > 0.2


def test_masks_of_the_sample_size_are_fitted(make):
    expected = np.kron(lungs((16, 16)) > 0, np.ones((1, 1), bool))
    np.testing.assert_array_equal(make().load_masks("val", [0])[0], expected)


def test_both_formats_give_the_same_batches(make):
    import tensorflow as tf

    for options in ({}, {"color_mode": "rgb", "region": "lungs", "batch_size": 7}):
        one, other = make(format="tf", **options), make(format="keras", **options)
        assert isinstance(one.train, tf.data.Dataset)
        assert one.fingerprint == other.fingerprint
        batch = (None, *one.input_shape)
        images, labels = one.train.element_spec
        assert tuple(images.shape) == batch
        assert tuple(labels.shape) == (None, 3)
        for epoch in (0, 2):
            for part in ("train", "val", "test"):
                left, right = (
                    getattr(one.at_epoch(epoch), part),
                    getattr(other.at_epoch(epoch), part),
                )
                assert len(left) == len(right) == int(left.cardinality())
                for (images, labels), (images2, labels2) in zip(left, right, strict=True):
                    np.testing.assert_array_equal(images.numpy(), images2)
                    np.testing.assert_array_equal(labels.numpy(), labels2)


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_fit_takes_both_formats(make, kind):
    import keras

    datasets = make(format=kind)
    model = keras.Sequential(
        [
            keras.Input(datasets.input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(datasets.num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        datasets.train,
        validation_data=datasets.val,
        class_weight=datasets.class_weight,
        epochs=2,
        shuffle=False,  # Keras 3.15 warns of every tf.data set otherwise
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 2
    for epoch in range(2):
        model.fit(datasets.at_epoch(epoch).train, shuffle=False, verbose=0)
    predicted = model.predict(datasets.test, verbose=0)
    assert predicted.shape == (len(datasets.files("test")), 3)
    np.testing.assert_allclose(
        predicted, model.predict_on_batch(datasets.load("test")[0]), rtol=1e-4, atol=1e-5
    )


def test_an_iterator_may_be_dropped_half_way(make):
    for kind in ("tf", "keras"):
        iterator = iter(make(format=kind, batch_size=2).train)
        next(iterator)
        del iterator


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


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"image_size": 224}, r"image_size must be \(height, width\)"),
        ({"image_size": (0, 5)}, "image_size must be positive"),
        ({"batch_size": 0}, "batch_size must be an integer from 1"),
        ({"seed": -1}, "seed must be an integer from 0"),
        ({"region": "lung"}, "region must be one of 'full', 'lungs', 'outside', received 'lung'"),
        ({"color_mode": "gray"}, "color_mode must be one of"),
        ({"format": "torch"}, "format must be one of 'tf', 'keras'"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"split": (0.5, 0.5)}, "split must be three shares"),
        ({"rotation": 200}, "rotation must be"),
    ],
)
def test_refused_options(make, options, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        make(**options)


def test_progress_is_shown_when_asked_for(tmp_path, capsys):
    folder = plain(tmp_path)
    make_datasets(folder, **OPTIONS)
    assert capsys.readouterr().err == ""
    make_datasets(folder, **OPTIONS | {"verbose": True, "cache": False})
    captured = capsys.readouterr()
    assert "Reading images" in captured.err
    assert "15/15" in captured.err
    assert captured.out == ""


def test_no_warning_of_any_kind(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_all(make(seed=9).train)
