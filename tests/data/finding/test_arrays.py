import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.data import make_datasets
from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.helpers import OPTIONS, picture, read_all


def test_images_are_used_as_they_are():
    images = np.stack([picture(number) for number in range(20)])
    labels = np.arange(20) % 2
    options = {**OPTIONS, "image_size": (20, 24)}
    for given_images in (images, images[..., np.newaxis], np.repeat(images[..., None], 3, 3)):
        for given_labels in (labels, np.eye(2)[labels], labels[:, np.newaxis].astype("float32")):
            datasets = make_datasets((given_images, given_labels), **options)
            assert datasets.root is None
            assert datasets.class_names == ("0", "1")
            assert datasets.files("test")[0].startswith("array[")
            loaded, indices = datasets.load("test")
            rows = [int(file[6:-1]) for file in datasets.files("test")]
            np.testing.assert_allclose(loaded[..., 0], images[rows], atol=1)
            np.testing.assert_array_equal(indices, labels[rows])
            assert datasets.load_masks("test") is None


def test_floats_keep_their_fractions():
    images = np.stack([picture(number) for number in range(12)]) * np.float64(0.5)
    datasets = make_datasets((images, np.arange(12) % 2), **OPTIONS | {"image_size": (20, 24)})
    assert (datasets.load("train")[0] % 1 == 0.5).any()
    assert read_all(datasets.train)[0].dtype == np.float32
    small = make_datasets((images, np.arange(12) % 2), **OPTIONS)
    assert small.load("val")[0].shape == (2, 16, 16, 1)


def test_class_names_follow_the_indices():
    images = np.zeros((24, 5, 5), np.uint8)
    names = make_datasets((images, np.arange(24) % 12), split=(1, 0, 0), **OPTIONS).class_names
    assert names == tuple(str(index) for index in range(12))
    named = make_datasets((images, np.arange(24) % 2), class_names=("Normal", "COVID"), **OPTIONS)
    assert named.class_names == ("Normal", "COVID")
    assert set(named.table["class"][::2]) == {"Normal"}


@pytest.mark.parametrize(
    ("images", "labels", "problem"),
    [
        (np.zeros((4, 5)), np.arange(4), r"images must be \(n, h, w\)"),
        (np.zeros((4, 5, 5, 2)), np.arange(4), r"images must be \(n, h, w\)"),
        (np.zeros((4, 5, 5)), np.arange(3), "4 images but 3 labels"),
        (np.zeros((0, 5, 5)), np.arange(0), "There are no images"),
        (np.zeros((4, 5, 5), np.int32), np.arange(4), r"must be uint8 or float in \[0, 255\]"),
        (np.full((4, 5, 5), 256.0), np.arange(4), "values from 256"),
        (np.full((4, 5, 5), np.nan), np.arange(4), r"must lie in \[0, 255\]"),
        (np.zeros((4, 5, 5)), np.ones((4, 3)), "must be one-hot"),
        (np.zeros((4, 5, 5)), np.arange(4.0) / 2, "labels must be whole class indices"),
        (np.zeros((4, 5, 5)), np.arange(4) % 2 + 1, r"count from 1 to 2.*Pass labels - 1"),
        (np.zeros((4, 5, 5)), np.array([0, 1, 0, 10**12]), "4 images cannot show that many"),
        (np.zeros((4, 5, 5)), np.array(["a", "b", "a", "b"]), "class_names= names the classes"),
        (np.zeros((4, 5, 5)), np.arange(4) - 1, "class indices from 0, received -1"),
        (np.zeros((4, 5, 5)), np.array([0, 0, 2, 2]), "No usable image of class '1'"),
    ],
)
def test_refused_arrays(images, labels, problem):
    with pytest.raises(DataError, match=problem):
        make_datasets((images, labels), **OPTIONS)


def test_refused_names_and_tuples():
    data = (np.zeros((6, 5, 5)), np.arange(6) % 2)
    with pytest.raises(DataError, match="class indices from 0 to 0, received 0 to 1"):
        make_datasets(data, class_names=["a"], **OPTIONS)
    with pytest.raises(InvalidArgumentError, match="holds a name twice"):
        make_datasets(data, class_names=["a", "a"], **OPTIONS)
    with pytest.raises(DataError, match=r"must be \(images, labels\), received 3"):
        make_datasets((*data, None), **OPTIONS)


def test_regions_need_masks():
    with pytest.raises(DataError, match="12 of 12 images have no lung mask"):
        make_datasets(
            (np.zeros((12, 5, 5)), np.arange(12) % 2), region="lungs", masks="files", **OPTIONS
        )


@settings(max_examples=25)
@given(
    st.lists(st.integers(3, 25), min_size=2, max_size=4),
    st.integers(1, 9),
    st.integers(0, 99),
    st.integers(0, 5),
)
def test_every_image_is_in_one_part_and_every_epoch_once(sizes, batch_size, seed, epoch):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    images = np.arange(1, len(labels) + 1, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2))
    datasets = make_datasets(
        (images, labels),
        image_size=(2, 2),
        batch_size=batch_size,
        seed=seed,
        format="keras",
        zoom=0.3,
    ).at_epoch(epoch)
    found = []
    for part in ("train", "val", "test"):
        pixels, one_hot = read_all(getattr(datasets, part))
        numbers = np.rint(pixels[:, 0, 0, 0]).astype(int) - 1
        np.testing.assert_array_equal(one_hot.argmax(axis=1), labels[numbers])
        assert set(datasets.files(part)) == {f"array[{number}]" for number in numbers}
        found += list(numbers)
    assert sorted(found) == list(range(len(labels)))
