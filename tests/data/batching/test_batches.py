import numpy as np

from tests.data.helpers import read_all


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
