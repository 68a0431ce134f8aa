import numpy as np
import pytest

from keras_cxr import make_datasets
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation.labelled_batches import (
    array_batches,
    dataset_batches,
    indices_with,
    part_batches,
)

READ = indices_with(("a", "b", "c"))
IMAGES = np.arange(5 * 4).reshape(5, 2, 2, 1).astype(np.uint8)


def test_arrays_are_cut_into_batches_of_floats():
    batches = list(array_batches((IMAGES, ["b", "a", "c", "c", "a"]), 2, READ))
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    assert {images.dtype for images, _ in batches} == {np.dtype(np.float32)}
    assert np.concatenate([labels for _, labels in batches]).tolist() == [1, 0, 2, 2, 0]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), IMAGES)


def test_any_iterable_of_batches_will_do():
    source = ((IMAGES[start : start + 3], np.eye(3)[[0, 2, 1][: len(IMAGES) - start]])
              for start in (0, 3))  # fmt: skip
    assert [labels.tolist() for _, labels in dataset_batches(source, READ)] == [[0, 2, 1], [0, 2]]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ([(IMAGES,)], InvalidArgumentError, "yields tuple of 1"),
        ([(IMAGES, [0] * 4)], DataError, "but 4 labels"),
        ([(np.zeros((2, 2)), 1)], InvalidArgumentError, "yields single images"),
        (b"films", InvalidArgumentError, "received bytes"),
    ],
)
def test_what_is_no_batch_is_refused(data, error, words):
    with pytest.raises(error, match=words):
        list(dataset_batches(data, READ))


def test_indices_of_a_part_are_those_of_the_models_classes():
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32), np.uint8)
    names = np.array(["b", "c"])[np.arange(12) % 2]
    data = make_datasets(
        (images, names), image_size=(32, 32), split=(0.5, 0.0, 0.5), class_names=("b", "c")
    )
    batches = list(part_batches(data, "test", 4, ("a", "b", "c")))
    found = np.concatenate([labels for _, labels in batches])
    assert found.tolist() == (data.load("test")[1] + 1).tolist()
    assert set(found.tolist()) == {1, 2}
