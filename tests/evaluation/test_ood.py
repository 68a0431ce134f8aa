"""The out-of-distribution score: the formula, the threshold, pictures of other kinds."""

import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5, make_datasets
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.evaluation.vectors import thumbnails
from keras_cxr.keras_graph.features import feature_model
from keras_cxr.keras_graph.interface import predict_probabilities


@pytest.fixture(scope="module")
def datasets(phantoms):
    return make_datasets(
        phantoms, image_size=(32, 32), split=(0.6, 0.2, 0.2), group_duplicates=False
    )


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_lenet5((32, 32, 1), 4)


@pytest.fixture(scope="module")
def detector(model, datasets):
    return OutOfDistribution.fit(model, datasets)


def test_scores_are_distances_to_the_kth_training_image(detector, model, datasets):
    train, test = datasets.load("train")[0], datasets.load("test")[0]

    def vectors(images):
        features = np.asarray(feature_model(model).predict_on_batch(images))
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        return np.hstack([unit, thumbnails(images)])

    known = vectors(train)
    assert detector.neighbor == len(train) // 10
    expected = [
        np.sort(np.linalg.norm(known - one, axis=1))[detector.neighbor - 1] for one in vectors(test)
    ]
    np.testing.assert_allclose(detector.score(test), expected, atol=2e-3)  # float16


def _nested_with_logits():
    inner = build_lenet5((32, 32, 1), 6)
    inputs = keras.Input((32, 32, 1))
    return keras.Model(inputs, keras.layers.Dense(4)(inner(inputs)))


@pytest.mark.parametrize("build", [lambda: build_lenet5((32, 32, 1), 4), _nested_with_logits])
def test_one_pass_gives_answers_and_scores(build, datasets):
    keras.utils.set_random_seed(1)
    detector, images = OutOfDistribution.fit(build(), datasets), datasets.load("test")[0]
    probabilities, scores = detector.predict(images)
    expected = predict_probabilities(detector.model, images)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(scores, detector.score(images), atol=1e-4)


def test_the_threshold_accepts_the_validation_images_it_should(model, datasets):
    images = datasets.load("val")[0]
    for accepted in (0.5, 0.95):
        detector = OutOfDistribution.fit(model, datasets, accepted=accepted)
        share = (~detector.is_unusual(images)).mean()
        assert accepted <= share <= accepted + 1 / len(images) + 1e-9
        assert detector.num_validation == len(images)
        assert detector.held_out


def test_pictures_of_another_kind_are_noticed(detector, datasets):
    films = datasets.load("test")[0]
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, films.shape).astype(np.float32)
    blank = np.full_like(films, 90)
    turned = np.rot90(films, axes=(1, 2))
    for pictures in (255 - films, turned, noise, blank):
        assert detector.is_unusual(pictures).mean() > 0.9
    assert detector.is_unusual(films).mean() < 0.5


def test_a_saved_detector_scores_the_same(detector, model, datasets, tmp_path):
    path = detector.save(tmp_path / "unusual.npz")
    again = OutOfDistribution.load(path, model)
    images = datasets.load("test")[0]
    np.testing.assert_array_equal(again.score(images), detector.score(images))
    assert again.threshold == detector.threshold
    assert [file.name for file in tmp_path.iterdir()] == ["unusual.npz"]
    assert again.score(images[:0]).shape == (0,)


def test_without_a_validation_part_training_images_are_set_aside(model, phantoms):
    data = make_datasets(phantoms, image_size=(32, 32), split=(1, 0, 0), group_duplicates=False)
    detector = OutOfDistribution.fit(model, data, max_images=40)
    assert not detector.held_out
    assert (detector.num_validation, len(detector.references)) == (8, 32)


def test_arguments(model, datasets):
    with pytest.raises(ValueError, match="accepted must lie between 0 and 1, received 1"):
        OutOfDistribution.fit(model, datasets, accepted=1)
    with pytest.raises(ValueError, match="max_images must be an integer from 2, received 1"):
        OutOfDistribution.fit(model, datasets, max_images=1)
    with pytest.raises(ValueError, match="takes images of 48 x 48"):
        OutOfDistribution.fit(build_lenet5((48, 48, 1), 4), datasets)


def test_images_must_be_the_models(detector):
    with pytest.raises(ValueError, match="takes images of 32 x 32"):
        detector.score(np.zeros((1, 40, 40, 1)))
