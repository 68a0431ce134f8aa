"""Features are computed once for a backbone and its images, and what is damaged is made again."""

import json

import keras
import numpy as np
import pytest

from keras_cxr import make_datasets
from keras_cxr.errors import OutputError, TrainingError
from keras_cxr.keras_graph.backbone import split_classifier
from keras_cxr.training.stages.features import compute_features
from tests.training.conftest import bright_squares
from tests.training.stages.conftest import lenet, make_films


def darker(image, mask):
    return image // 2


def backbone_of(datasets, seed=1):
    return split_classifier(lenet(seed, datasets)).backbone


def stored(datasets):
    """Names and times of the files of features."""
    found = datasets.cache_folder.glob("features-*")
    return {path.name: path.stat().st_mtime_ns for path in found}


def test_they_are_those_of_the_images_as_they_are(films):
    backbone = backbone_of(films)
    features = compute_features(backbone, films, films.cache_folder)
    assert features.seconds > 0
    assert features.input_shape == (400,)
    for part in ("train", "val"):
        expected = backbone.predict_on_batch(films.load(part)[0])
        np.testing.assert_allclose(features.values[part], expected, rtol=1e-5, atol=1e-6)


def test_batches_come_in_the_order_of_the_images(films):
    features = compute_features(backbone_of(films), films, films.cache_folder)
    labels = films.load("train")[1]
    for epoch in (0, 3):
        batches = features.at_epoch(epoch).train
        images = [shown for _, shown in films.at_epoch(epoch).train]
        assert len(batches) == len(images) == 5  # 36 images
        for (_, one_hot), shown in zip(batches, images, strict=True):
            np.testing.assert_array_equal(one_hot, shown)
    order = films.at_epoch(3).order("train")
    assert sorted(order) == list(range(36))
    np.testing.assert_array_equal(batches[4][0], features.values["train"][order[32:]])
    np.testing.assert_array_equal(batches[4][1].argmax(axis=1), labels[order[32:]])
    np.testing.assert_array_equal(features.val[0][0], features.values["val"][:8])


def test_a_second_time_they_are_read(films, phantoms):
    first = compute_features(backbone_of(films), films, films.cache_folder)
    kept = stored(films)
    assert len(kept) == 4  # two parts, with what is known of each
    again = make_films(phantoms, films.cache_folder.parent, rotation=3, format="keras")
    read = compute_features(backbone_of(again), again, again.cache_folder)
    assert stored(films) == kept
    assert read.seconds == 0
    np.testing.assert_array_equal(read.values["val"], first.values["val"])


@pytest.mark.parametrize("change", ["weights", "pixels", "region", "images"])
def test_others_are_computed_for(films, phantoms, change):
    compute_features(backbone_of(films), films, films.cache_folder)
    kept = stored(films)
    other = {
        "weights": lambda: films,
        "pixels": lambda: films.altered(transform=darker),
        "region": lambda: films.altered(region="lungs"),
        "images": lambda: make_films(phantoms, films.cache_folder.parent, seed=5),
    }[change]()
    backbone = backbone_of(other, seed=2 if change == "weights" else 1)
    features = compute_features(backbone, other, other.cache_folder)
    assert features.seconds > 0
    assert len(stored(films)) == 8
    assert kept.items() <= stored(films).items()
    expected = backbone.predict_on_batch(other.load("val")[0])
    np.testing.assert_allclose(features.values["val"], expected, rtol=1e-5, atol=1e-6)


def shorten(path):
    path.write_bytes(path.read_bytes()[:-4])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def elsewhere(path):
    document = json.loads(path.read_text())
    document["features"]["file"] = "../features-0000000000000000.f32"
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        ("f32", lambda path: path.unlink()),
        ("f32", shorten),
        ("f32", flip),
        ("json", lambda path: path.unlink()),
        ("json", shorten),
        ("json", elsewhere),
    ],
)
def test_damaged_files_are_made_again(films, suffix, damage):
    backbone = backbone_of(films)
    whole = compute_features(backbone, films, films.cache_folder)
    expected = {part: np.array(values) for part, values in whole.values.items()}
    for path in films.cache_folder.glob(f"features-*.{suffix}"):
        damage(path)
    again = compute_features(backbone, films, films.cache_folder)
    assert again.seconds > 0
    assert len(stored(films)) == 4
    for part, values in expected.items():
        np.testing.assert_array_equal(again.values[part], values)
    assert compute_features(backbone, films, films.cache_folder).seconds == 0


def test_a_folder_that_cannot_be_written(films, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written .*cache_dir= a folder with room"):
        compute_features(backbone_of(films), films, tmp_path / "file" / "cache")


def test_nan_is_refused_and_not_kept(films):
    backbone = backbone_of(films)
    kernel = next(weight for weight in backbone.weights if len(weight.shape) == 4)
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(TrainingError, match="'lenet5_backbone' computes NaN or infinity"):
        compute_features(backbone, films, films.cache_folder)
    assert stored(films) == {}


def test_ctrl_c_leaves_no_half_file(films):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_features(backbone_of(films), films, films.cache_folder, check_interrupt=check)
    assert stored(films) == {}
    assert not list(films.cache_folder.glob(".*tmp*"))


def test_arrays_have_no_cache_folder_and_no_validation_part(tmp_path):
    arrays = make_datasets(bright_squares(20), image_size=(32, 32), split=(1, 0, 0))
    assert arrays.cache_folder is None
    keras.utils.set_random_seed(0)
    features = compute_features(backbone_of(arrays), arrays, tmp_path)
    assert features.val is None
    assert set(features.values) == {"train"}
