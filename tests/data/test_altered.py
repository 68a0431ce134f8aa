import numpy as np
import pytest

from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.helpers import kaggle, picture, plain, read_all

PARTS = ("train", "val", "test")


def halved(image, mask):
    return image // 2


def dark_lungs(image, mask):
    return np.where(mask > 0, 0, image).astype(image.dtype)


def in_place(image, mask):
    image[:] = 0
    return image


def as_bool(image, mask):
    return image > 100


def smaller(image, mask):
    return image[2:]


def too_bright(image, mask):
    return np.full(image.shape, 300.0, np.float32)


class Holder:
    def halved(self, image, mask):
        return image // 2


@pytest.mark.parametrize("region", ["lungs", "outside", "full"])
def test_an_altered_region_is_the_region_made_from_the_start(make, region):
    base = make(region="lungs" if region == "full" else "full")
    altered, expected = base.altered(region=region), make(region=region)
    assert altered.region == region
    assert altered.fingerprint == expected.fingerprint != base.fingerprint
    assert altered.table.equals(base.table)
    assert altered.class_weight == expected.class_weight
    assert f"region {region}" in altered.summary
    later, other = altered.at_epoch(1), expected.at_epoch(1)
    for part in PARTS:
        np.testing.assert_array_equal(
            read_all(getattr(later, part))[0], read_all(getattr(other, part))[0]
        )
        np.testing.assert_array_equal(altered.load(part)[0], expected.load(part)[0])


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_a_transform_comes_before_the_augmentation(make, kind):
    base = make(format=kind)
    altered = base.altered(transform=halved)
    for part in PARTS:
        np.testing.assert_array_equal(altered.load(part)[0], base.load(part)[0] // 2)
        images, labels = read_all(getattr(altered, part))
        before, same_labels = read_all(getattr(base, part))
        np.testing.assert_array_equal(labels, same_labels)
        assert np.abs(images - before / 2).max() <= 1.0  # of uint8, moved after it was halved
    assert "before it is augmented" not in base.summary
    assert "goes through tests.data.test_altered.halved before it is augmented" in altered.summary


def test_a_transform_gets_the_mask_and_follows_the_region(make):
    base = make()
    outside = base.altered(transform=dark_lungs)
    np.testing.assert_array_equal(outside.load("val")[0], make(region="outside").load("val")[0])
    assert not base.altered(transform=dark_lungs, region="lungs").load("val")[0].any()


def test_altered_labels_reach_batches_weights_and_table(make):
    base = make()
    labels = {part: base.load(part)[1] for part in ("train", "val")}
    labels["train"] = np.roll(labels["train"], 3)
    labels["train"][0] = 2
    labels["val"] = (labels["val"] + 1) % 3
    altered = base.altered(labels=labels)
    for part in ("train", "val"):
        np.testing.assert_array_equal(altered.load(part)[1], labels[part])
        named = [base.class_names[index] for index in labels[part]]
        assert list(altered.table["class"][altered.table["part"] == part]) == named
    np.testing.assert_array_equal(altered.load("train")[0], base.load("train")[0])
    np.testing.assert_array_equal(read_all(altered.train)[0], read_all(base.train)[0])
    order = base._parts["train"].order
    np.testing.assert_array_equal(read_all(altered.train)[1].argmax(axis=1), labels["train"][order])
    np.testing.assert_array_equal(altered.load("test")[1], base.load("test")[1])
    counts = np.bincount(labels["train"])
    assert altered.class_weight == pytest.approx(
        {index: counts.sum() / (3 * count) for index, count in enumerate(counts)}
    )
    assert base.table.equals(make().table)
    assert f"note: {len(labels['val'])} labels of the part val are not those" in altered.summary


def test_the_fingerprint_tells_alterations_apart(make):
    base = make()
    train = base.load("train")[1]
    labels = [np.roll(train, 1), np.roll(train, 2)]
    prints = [
        one.fingerprint
        for one in (
            base,
            base.altered(region="lungs"),
            base.altered(transform=halved),
            base.altered(transform=dark_lungs),
            base.altered(region="lungs", transform=halved),
            *(base.altered(labels={"train": some}) for some in labels),
        )
    ]
    assert len(set(prints)) == len(prints)
    assert base.altered().fingerprint == base.fingerprint
    assert base.altered(labels={"train": train}).fingerprint == base.fingerprint
    twice = base.altered(transform=halved).altered(region="lungs")
    assert twice.fingerprint == prints[4]
    assert twice.at_epoch(3).fingerprint == prints[4]


def test_a_region_needs_a_mask_for_every_image(make, tmp_path):
    folder = kaggle(tmp_path / "films")
    (folder / "Normal/masks/Normal-3.png").unlink()
    datasets = make(folder)
    with pytest.raises(DataError, match=r"1 of 14 images have no lung mask(.|\n)*Normal-3\.png"):
        datasets.altered(region="outside")
    assert datasets.altered(region="full").fingerprint == datasets.fingerprint
    with pytest.raises(DataError, match="15 of 15 images have no lung mask"):
        make(plain(tmp_path / "plain")).altered(region="lungs")
    with pytest.raises(InvalidArgumentError, match="region must be one of 'full'"):
        datasets.altered(region="lung")


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        (lambda image, mask: image, "must be a function that stands at the top of a module"),
        (Holder().halved, "must be a function that stands at the top of a module"),
        (3, "must be a function that stands at the top of a module"),
        (as_bool, r"must return \(16, 16\) uint8 or float32, it returned \(16, 16\) bool"),
        (smaller, r"returned \(14, 16\) uint8"),
        (too_bright, r"must return values in \[0, 255\], it returned 300.0"),
    ],
)
def test_refused_transforms(make, transform, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        make().altered(transform=transform)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({"train": [0, 1]}, r"labels\['train'\] must be \(32,\) integers"),
        ({"train": np.zeros(32)}, r"one class index for each image of the part, received float64"),
        ({"train": np.arange(32) % 4}, r"labels\['train'\] must lie in 0 to 2, received 0 to 3"),
        ({"train": np.arange(32) % 2}, "leaves no training image of class 'Viral Pneumonia'"),
        ({"valid": [0]}, "part must be one of train, val, test, received 'valid'"),
    ],
)
def test_refused_labels(make, labels, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        make().altered(labels=labels)


def test_the_users_arrays_are_never_written_to(make):
    images = np.stack([picture(number, (16, 16)) for number in range(12)])
    datasets = make((images, np.arange(12) % 2))
    with pytest.raises(ValueError, match="read-only"):
        datasets.altered(transform=in_place)
    assert images.any(axis=(1, 2)).all()
