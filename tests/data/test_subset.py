import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr import make_datasets
from keras_cxr.data.subset import fewer_images


def arrays(labels, groups=None):
    labels = np.asarray(labels)
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    table = None if groups is None else {f"array[{i}]": g for i, g in enumerate(groups)}
    return make_datasets(
        (pixels, labels),
        image_size=(8, 8),
        split=(1.0, 0.0, 0.0),
        augment=False,
        groups=table,
        format="keras",
    )


@given(st.integers(1, 60), st.integers(0, 3))
def test_classes_keep_their_share_and_groups_stay_whole(count, seed):
    labels = [0] * 40 + [1] * 20
    groups = [f"patient {i // 4}" for i in range(60)]
    whole = arrays(labels, groups)
    part = fewer_images(whole, count, seed=seed)
    taken = part.table["group"].value_counts()
    assert (taken == 4).all()
    for name, size in (("0", 40), ("1", 20)):
        wanted = max(1, round(size * count / 60))
        assert 0 <= (part.table["class"] == name).sum() - wanted < 4


def test_rows_pixels_weights_and_fingerprint_follow():
    whole = arrays([0] * 30 + [1] * 10)
    part = fewer_images(whole, 20)
    assert part.table["class"].value_counts().to_dict() == {"0": 15, "1": 5}
    images, labels = part.load("train")
    numbers = [int(file[6:-1]) for file in part.files("train")]
    assert images[:, 0, 0, 0].astype(int).tolist() == numbers
    assert labels.tolist() == [int(number >= 30) for number in numbers]
    assert sum(len(batch[0]) for batch in part.train) == 20
    assert part.class_weight == {0: 20 / 30, 1: 2.0}
    assert part.fingerprint != whole.fingerprint
    assert part.fingerprint == fewer_images(whole, 20).fingerprint
    assert "20 of 40 images of the part train" in str(part)


def test_smaller_draws_lie_inside_larger_ones():
    whole = arrays([0, 1] * 30)
    small, large = (set(fewer_images(whole, n, seed=3).files("train")) for n in (10, 30))
    assert small < large


def test_other_parts_and_enough_images_stay_as_they_are(phantoms):
    whole = make_datasets(phantoms, image_size=(32, 32), group_duplicates=False)
    part = fewer_images(whole, 8)
    assert part.files("test") == whole.files("test")
    assert len(part.files("train")) == 8
    np.testing.assert_array_equal(part.load("val")[0], whole.load("val")[0])
    assert fewer_images(whole, 10_000) is whole
    assert len(fewer_images(whole, 4, part="test").files("test")) == 4
    with pytest.raises(ValueError, match="count must be at least 1, received 0"):
        fewer_images(whole, 0)
