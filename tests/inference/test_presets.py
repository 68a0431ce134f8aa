"""Presets: what is saved answers the same again; what is damaged or hostile is refused."""

import contextlib
import hashlib
import json
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor

import h5py
import keras
import numpy as np
import pytest

from keras_cxr import build_densenet121, build_lenet5, make_datasets
from keras_cxr._support.disk.files import file_digest
from keras_cxr.errors import (
    DataError,
    InvalidArgumentError,
    KerasCXRError,
    NotFoundError,
    OutputError,
)
from keras_cxr.inference import (
    Classifier,
    list_presets,
    load_classifier,
    model_from_preset,
    save_preset,
)
from keras_cxr.inference.preset.places import PINNED, PRESETS_FOLDER
from tests.forked import run_forked
from tests.training.conftest import bright_squares

DATA = {"image_size": [32, 32], "color_mode": "grayscale", "intensity": "percentiles"}


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(3)
    return Classifier(build_lenet5((32, 32, 1), 3, subsampling="max"), ("a", "b", "c"), DATA)


@pytest.fixture(scope="module")
def saved(classifier, tmp_path_factory):
    """A preset with a temperature; only to be read."""
    return save_preset(
        classifier,
        tmp_path_factory.mktemp("presets") / "a preset",
        name="lenet5",
        arguments={"subsampling": "max"},
        temperature=2.0,
        description="Of no use.",
        card="# Card\n",
        license="CC BY 4.0",
    )


@pytest.fixture
def preset(saved, tmp_path):
    """A copy to damage."""
    return shutil.copytree(saved, tmp_path / "preset")


def films(count=4):
    return np.random.default_rng(0).uniform(0, 255, (count, 32, 32, 1)).astype(np.float32)


def changed(preset, **values):
    """Write `preset.json` anew with other values."""
    document = json.loads((preset / "preset.json").read_text())
    (preset / "preset.json").write_text(json.dumps({**document, **values}))


def with_other_weights(preset, path):
    """Put another file in the place of the weights, its SHA-256 with it."""
    weights = preset / "model.weights.h5"
    shutil.copy(path, weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    changed(preset, files={"model.weights.h5": digest})


def test_what_was_saved_answers_the_same(classifier, saved):
    again = Classifier.from_preset(saved)
    assert again.class_names == ("a", "b", "c")
    assert (again.image_size, again.color_mode, again.intensity) == (
        (32, 32), "grayscale", "percentiles",
    )  # fmt: skip
    assert again.notes == ("Of no use.",)
    scores = np.log(classifier.predict(films())) / 2.0
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(again.predict(films()), expected, atol=2e-3)
    np.testing.assert_array_equal(load_classifier(saved).predict(films()), again.predict(films()))


def test_its_files_are_small_and_named(saved):
    assert {path.name for path in saved.iterdir()} == {
        "README.md",
        "model.weights.h5",
        "preset.json",
    }
    parameters = build_lenet5((32, 32, 1), 3).count_params()
    assert (saved / "model.weights.h5").stat().st_size < 2 * parameters + 20_000
    with h5py.File(saved / "model.weights.h5") as file:
        kinds = set()
        file.visititems(lambda _, item: kinds.add(getattr(item, "dtype", None)))
    assert kinds == {None, np.dtype("float16")}


def test_the_detector_of_unusual_films_travels_along(tmp_path):
    images, labels = bright_squares(60)
    data = make_datasets((images, labels), image_size=(32, 32), format="keras")
    keras.utils.set_random_seed(0)
    names = data.class_names
    model = build_lenet5((32, 32, 1), len(names))
    folder = save_preset(
        Classifier(model, names, DATA), tmp_path / "p", name="lenet5", datasets=data,
        num_references=20,
    )  # fmt: skip
    found = Classifier.from_preset(folder)
    assert found.unusual.references.shape[0] <= 20
    usual, drawn = found.unusual.is_unusual(np.float32(images[:8, ..., None])), films()
    assert usual.mean() < 0.5
    assert found.unusual.is_unusual(drawn).all()


def test_names_of_classes_can_be_given(saved):
    assert load_classifier(saved, class_names=["x", "y", "z"]).class_names == ("x", "y", "z")
    with pytest.raises(InvalidArgumentError, match="3 outputs, but 1 class names"):
        load_classifier(saved, class_names=["x"])


def test_another_network_than_the_named_is_not_saved(classifier, tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"build\('lmap3'\).*"):
        save_preset(
            classifier, tmp_path / "p", name="lmap3", arguments={"input_shape": (94, 94, 1)}
        )
    assert not (tmp_path / "p").exists()


def test_files_of_others_stay(classifier, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(OSError, match=r"already holds README\.md"):
        save_preset(classifier, tmp_path, name="lenet5", arguments={"subsampling": "max"})
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_earlier_preset_is_replaced(classifier, preset):
    save_preset(
        classifier, preset, name="lenet5", arguments={"subsampling": "max"}, description="New."
    )
    assert Classifier.from_preset(preset).notes == ("New.",)


def test_presets_of_the_package_answer():
    for name in list_presets():
        classifier = load_classifier(name)
        height, width = classifier.image_size
        grey = np.zeros((1, height, width, 1), np.float32)
        assert classifier.predict(grey).shape == (1, len(classifier.class_names))


def test_presets_of_the_package_are_pinned():
    folders = [file.parent for file in PRESETS_FOLDER.glob("*/preset.json")]
    found = {folder.name: file_digest(folder / "preset.json") for folder in folders}
    assert found == PINNED


@pytest.mark.parametrize("name", list_presets())
def test_the_licence_of_weights_lies_beside_them(name):
    folder = PRESETS_FOLDER / name
    declared = json.loads((folder / "preset.json").read_text())["license"]
    text = (folder / "LICENSE").read_text(encoding="utf-8")
    assert {"CC0-1.0": "CC0 1.0", "CC-BY-NC-4.0": "CC BY-NC 4.0"}[declared] in text
    assert "not a medical device" in " ".join(text.lower().split())


def test_a_changed_preset_of_the_package_is_refused(monkeypatch):
    monkeypatch.setitem(PINNED, "lmap3_phantom", "0" * 64)
    with pytest.raises(DataError, match=r"lmap3_phantom is not the one that keras-cxr came with"):
        Classifier.from_preset("lmap3_phantom")


def test_the_network_comes_uncalibrated(classifier, saved):
    network = model_from_preset(saved)
    assert network.count_params() == classifier.model.count_params()
    np.testing.assert_allclose(
        network.predict(films(), verbose=0), classifier.predict(films()), atol=2e-3
    )
    assert not np.allclose(
        network.predict(films(), verbose=0), Classifier.from_preset(saved).predict(films())
    )


def test_presets_of_schema_1_are_read(saved, preset):
    changed(preset, schema_version=1)
    (preset / "README.md").unlink()
    np.testing.assert_array_equal(
        Classifier.from_preset(preset).predict(films()),
        Classifier.from_preset(saved).predict(films()),
    )


def test_folders_may_be_called_anything_and_be_read_only(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "Lungenmodell für Röntgen, 胸部 (2)")
    for path in (*folder.iterdir(), folder):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        assert Classifier.from_preset(str(folder)).class_names == ("a", "b", "c")
    finally:
        folder.chmod(0o700)


def test_a_card_that_people_changed_breaks_nothing(preset):
    (preset / "README.md").write_text("# Better words\n")
    assert Classifier.from_preset(preset).class_names == ("a", "b", "c")


@contextlib.contextmanager
def full_disk(size):
    """No file may have more bytes, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [1_000, 100_000, 200_000])
def test_a_full_disk_leaves_the_earlier_preset(classifier, preset, tmp_path, size):
    before = {path.name: path.read_bytes() for path in preset.iterdir()}
    for folder in (preset, tmp_path / "new"):
        with (
            full_disk(size),
            pytest.raises(OutputError, match=r"cannot be written to \S+ \(File too large\)\. What"),
        ):
            save_preset(classifier, folder, name="lenet5", arguments={"subsampling": "max"})
    assert {path.name: path.read_bytes() for path in preset.iterdir()} == before
    assert not (tmp_path / "new").exists()


def read_aloud(folder):
    print(Classifier.from_preset(folder).class_names)


@pytest.mark.slow
def test_twenty_processes_read_one_preset(saved, tmp_path):
    with ThreadPoolExecutor(20) as threads:
        running = [
            threads.submit(run_forked, read_aloud, str(saved), cwd=tmp_path) for _ in range(20)
        ]
        said = {one.result().stdout for one in running}
    assert said == {"('a', 'b', 'c')\n"}


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(NotFoundError, match=r"no preset 'lmap4'. Known presets: .*"):
        Classifier.from_preset("lmap4")
    with pytest.raises(NotFoundError, match=r"no model lmap4.* Presets: "):
        load_classifier("lmap4")


def cut_short(preset):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-100])


def without_weights(preset):
    (preset / "model.weights.h5").unlink()


def of_a_later_release(preset):
    changed(preset, schema_version=3)


def html_page(preset):
    (preset / "preset.json").write_text("<!doctype html><title>404</title>")


def weights_of_another_network(preset):
    path = preset / "other.weights.h5"
    build_lenet5((64, 64, 1), 3).save_weights(path)
    with_other_weights(preset, path)


def weights_elsewhere(preset):
    path = preset / "other.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (10,), "f4", external=[(str(preset / "secret"), 0, 40)])
    with_other_weights(preset, path)


def weights_that_would_fill_the_memory(preset):
    path = preset / "other.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (1 << 20, 1 << 14), "f4", chunks=True)
    with_other_weights(preset, path)


def weights_that_are_no_hdf5(preset):
    path = preset / "other.h5"
    path.write_bytes(b"<html>" * 100)
    with_other_weights(preset, path)


def weights_of_nan(preset):
    path = preset / "other.weights.h5"
    model = build_lenet5((32, 32, 1), 3, subsampling="max")
    model.set_weights([np.full(w.shape, np.nan, "float32") for w in model.get_weights()])
    model.save_weights(path)
    with_other_weights(preset, path)


def other_weights(preset):
    path = preset / "other.weights.h5"
    keras.utils.set_random_seed(9)
    build_lenet5((32, 32, 1), 3, subsampling="max").save_weights(path)
    with_other_weights(preset, path)


def described(**arguments):
    def change(preset):
        given = {"input_shape": [32, 32, 1], "num_classes": 3, **arguments}
        changed(preset, model={"name": "lenet5", "arguments": given})

    return change


def a_file_outside(preset):
    (preset.parent / "outside").write_text("secret")
    changed(preset, files={"../outside": "0" * 64})


def twice_a_class(preset):
    changed(preset, class_names=["a", "a", "c"])


def unknown_network(preset):
    changed(preset, model={"name": "os.system", "arguments": {}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_short, r"model\.weights\.h5 is not the file .* SHA-256"),
        (without_weights, r"names a file 'model\.weights\.h5', which is not here"),
        (of_a_later_release, r"has schema version 3, this release reads 2"),
        (html_page, r"preset\.json is no JSON"),
        (weights_of_another_network, r"does not hold the weights of its preset"),
        (weights_elsewhere, r"its weights lie in another file"),
        (weights_that_would_fill_the_memory, r"of weights would unpack to 68,719,476,736"),
        (weights_that_are_no_hdf5, r"does not hold the weights of its preset \(it is damaged"),
        (weights_of_nan, r"cannot answer: .*computes NaN"),
        (other_weights, r"gives other answers for drawn films"),
        (described(input_shape=[10**6, 10**6, 1]), r"asks for a lenet5 of \[1000000, 1000000, 1\]"),
        (described(num_classes=10**9), r"asks for a lenet5 of .* 1000000000 classes"),
        (described(input_shape="large"), r"cannot be built \(build_lenet5: input_shape must be"),
        (described(shell="rm"), r"cannot be built \(.*shell"),
        (a_file_outside, r"names a file '\.\./outside', which no preset has"),
        (twice_a_class, r"names a class twice"),
        (unknown_network, r"No model is called 'os\.system'"),
    ],
)
def test_what_is_damaged_or_hostile_is_refused(preset, damage, message):
    damage(preset)
    with pytest.raises(KerasCXRError, match=message) as refused:
        Classifier.from_preset(preset)
    assert isinstance(refused.value, ValueError)


@pytest.mark.slow
def test_networks_with_weights_of_their_own_are_built_without(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_densenet121((32, 32, 1), 2, weights=None)
    data = {"image_size": [32, 32]}
    folder = save_preset(Classifier(model, ("a", "b"), data), tmp_path / "p", name="densenet121")
    found = Classifier.from_preset(folder)
    np.testing.assert_allclose(
        found.predict(films(2)), Classifier(model, ("a", "b"), data).predict(films(2)), atol=2e-3
    )


def test_golden_answers_must_be_there(preset):
    changed(preset, golden={"seed": 1848, "probabilities": []})
    with pytest.raises(DataError, match="golden answers that are not for its 3 classes"):
        Classifier.from_preset(preset)
