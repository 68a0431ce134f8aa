"""Folds for cross-validation: every image once, groups whole, labels and pixels unmixed."""

import numpy as np
import pytest

from keras_cxr.data import make_datasets
from keras_cxr.data.folds import make_folds


@pytest.fixture
def arrays():
    """24 images of which each tells its own number, in two classes, some in groups."""
    images = np.full((24, 8, 8), np.arange(24)[:, None, None] * 10, np.uint8)
    groups = {f"array[{number}]": f"patient {number // 3}" for number in range(12)}
    labels = np.arange(24) % 2
    return make_datasets(
        (images, labels), image_size=(8, 8), groups=groups, group_duplicates=False, format="keras"
    )


def test_every_image_is_on_test_imagesce_beside_its_own_label(arrays):
    tested = []
    for fold in make_folds(arrays, 3, seed=1):
        assert fold.val is None
        for part in ("train", "test"):
            images, labels = fold.load(part)
            files = fold.files(part)
            numbers = [int(file[6:-1]) for file in files]
            np.testing.assert_array_equal(images[:, 0, 0, 0], np.array(numbers) * 10)
            np.testing.assert_array_equal(labels, np.array(numbers) % 2)
        tested += fold.files("test")
        assert not set(fold.files("train")) & set(fold.files("test"))
        assert sum(len(labels) for _, labels in fold.train) == len(fold.files("train"))
    assert sorted(tested) == sorted(arrays.table["file"])


def test_groups_stay_whole_and_classes_in_proportion(arrays):
    for fold in make_folds(arrays, 3):
        grouped = fold.table[fold.table["group"] != ""]
        assert (grouped.groupby("group")["part"].nunique() == 1).all()
        _, labels = fold.load("test")
        assert abs(labels.mean() - 0.5) < 0.2
        counts = np.bincount(fold.load("train")[1])
        expected = counts.sum() / (2 * counts)
        assert list(fold.class_weight.values()) == pytest.approx(expected)


def test_the_training_part_is_augmented_and_drawn_anew(arrays):
    fold = next(make_folds(arrays, 2))
    orders = [
        np.concatenate([np.asarray(images)[:, 4, 4, 0] for images, _ in data.train])
        for data in (fold, fold.at_epoch(1))
    ]
    assert sorted(orders[0]) == sorted(orders[1])
    assert list(orders[0]) != list(orders[1])


def test_seeds_divide_differently_and_repeat(arrays):
    def divided(seed):
        return [fold.files("test") for fold in make_folds(arrays, 3, seed=seed)]

    assert divided(0) == divided(0) != divided(1)


def test_what_cannot_be_divided(arrays):
    with pytest.raises(ValueError, match="at least 2, received 1"):
        next(make_folds(arrays, 1))
    with pytest.raises(ValueError, match="too few for 12 folds"):
        next(make_folds(arrays, 12))
