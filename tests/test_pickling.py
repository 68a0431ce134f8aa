"""What is handed to other processes or copied: it answers the same, and compiles again."""

import copy
import multiprocessing
import pickle

import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5, make_datasets
from keras_cxr.errors import DataError
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.explain import METHODS, GradCAM
from keras_cxr.inference import Classifier
from tests.explain.on_backend import SETTINGS
from tests.explain.test_odd_models import Twins
from tests.training.conftest import bright_squares

COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_lenet5((32, 32, 1), 4)


@pytest.fixture(scope="module")
def pictures():
    return bright_squares(3)[0][..., None].astype("float32")


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", METHODS)
def test_methods(name, how, model, pictures):
    explain = METHODS[name](model, **SETTINGS.get(name, {}), normalize=False)
    expected = explain(pictures, 1)
    again = COPIES[how](explain)
    assert (type(again), again.layer) == (type(explain), explain.layer)
    assert (again.model is model) == (how == "copy")
    np.testing.assert_allclose(again(pictures, 1), expected, rtol=1e-4, atol=1e-5)


def test_the_layer_is_the_same_one_where_two_have_its_path():
    keras.utils.set_random_seed(1)
    twins = Twins()
    images = np.random.default_rng(0).uniform(0, 255, (2, 24, 24, 1)).astype("float32")
    twins(images)
    for inner in (twins.first.layers[0], twins.second.layers[0]):
        explain = GradCAM(twins, inner)
        np.testing.assert_array_equal(copy.copy(explain)(images, 1), explain(images, 1))


@pytest.mark.parametrize("form", ["tf", "keras"])
@pytest.mark.parametrize("how", COPIES)
def test_datasets(form, how):
    given = bright_squares(24)
    datasets = make_datasets(
        given, image_size=(32, 32), batch_size=8, split=(0.7, 0.3, 0), format=form
    ).at_epoch(2)
    again = COPIES[how](datasets)
    assert again.fingerprint == datasets.fingerprint
    assert again.test is None
    for part in ("train", "val"):
        pairs = zip(getattr(again, part), getattr(datasets, part), strict=True)
        assert all(np.array_equal(one[0], two[0]) for one, two in pairs)


def test_cached_images_are_mapped_again_and_not_carried_along(phantoms, tmp_path):
    datasets = make_datasets(
        phantoms, image_size=(64, 64), cache_dir=tmp_path / "cache", group_duplicates=False
    )
    carried = pickle.dumps(datasets)
    assert len(carried) < len(datasets.table) * 64 * 64 / 2
    again = pickle.loads(carried)
    for part in ("train", "test"):
        np.testing.assert_array_equal(again.load(part)[0], datasets.load(part)[0])
    for file in (tmp_path / "cache").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(DataError, match=r"has changed since .*make them again"):
        pickle.loads(carried)


@pytest.mark.parametrize("how", COPIES)
def test_classifiers_with_their_detector(how, model, pictures):
    given = bright_squares(40)
    datasets = make_datasets(given, image_size=(32, 32), group_duplicates=False)
    detector = OutOfDistribution.fit(model, datasets)
    classifier = Classifier(model, tuple("abcd"), {}, detector)
    expected = detector.predict(pictures)
    again = COPIES[how](classifier)
    assert again.model is again.unusual.model
    np.testing.assert_allclose(again.predict(pictures), expected[0], rtol=1e-5)
    np.testing.assert_allclose(again.unusual.predict(pictures)[1], expected[1], rtol=1e-5)


def _asked(classifier, explain, pictures, answers):
    for ask in (classifier.predict, explain):
        try:
            ask(pictures)
            answers.put("an answer")
        except RuntimeError as error:
            answers.put(f"{type(error).__name__}: {error}")


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_told_instead_of_hanging(model, pictures):
    classifier, explain = Classifier(model, tuple("abcd"), {}), GradCAM(model)
    classifier.predict(pictures)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_asked, args=(classifier, explain, pictures, answers))
    child.start()
    try:
        for _ in range(2):
            assert "ForkError" in (told := answers.get(timeout=60))
            assert 'get_context("spawn")' in told
    finally:
        child.kill()
        child.join()
