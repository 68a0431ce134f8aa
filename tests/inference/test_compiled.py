"""A classifier that answers in another runtime: as Keras does, without Keras."""

import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from keras_cxr import Classifier, build_lenet5, save_preset
from keras_cxr.cli import main
from keras_cxr.errors import (
    DataError,
    ExportError,
    InvalidArgumentError,
    MissingExtraError,
    NotFoundError,
    OutputError,
)
from keras_cxr.evaluation.ood_file import weights_digest
from keras_cxr.inference import CompiledModel
from keras_cxr.inference.compiled import compiled_folder, is_compiled
from tests.exports.conftest import runnable, spread

PRESET = "lmap3_radiography_standin"
EVERY_RUNTIME = [runnable("onnx"), runnable("litert")]
ONNX = [runnable("onnx")]


@pytest.fixture(scope="module")
def in_keras():
    return Classifier.from_preset(PRESET)


@pytest.fixture(scope="module")
def films(phantoms):
    return sorted((phantoms / "COVID" / "images").iterdir())


@pytest.fixture
def saved(tmp_path):
    """A LeNet-5 that returns logits, in a file alone."""
    keras.utils.set_random_seed(3)
    model = spread(build_lenet5((32, 32, 1), 3, classifier_activation=None))
    model.save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


@pytest.mark.parametrize("runtime", EVERY_RUNTIME)
def test_it_answers_as_keras_does(runtime, in_keras, films, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    given = [*films * 3, bad, np.full((50, 40), 120, np.uint8)]  # more than one batch
    expected = in_keras(given)
    asked = Classifier.from_preset(PRESET, runtime=runtime)
    assert isinstance(asked.model, CompiledModel)
    assert asked.image_size == in_keras.image_size
    assert weights_digest(asked.model) == weights_digest(in_keras.model)
    found = asked(given)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    np.testing.assert_allclose(found.unusual_score, expected.unusual_score, atol=1e-4)
    for name in ("files", "predicted", "prediction_sets", "failed", "notes"):
        assert getattr(found, name) == getattr(expected, name)
    np.testing.assert_array_equal(found.unusual, expected.unusual)
    assert found.unusual.any()
    images = np.stack([asked.read(film) for film in films[:2]])
    np.testing.assert_allclose(asked.predict(images), in_keras.predict(images), atol=1e-4)
    np.testing.assert_allclose(
        asked.unusual.score(images), in_keras.unusual.score(images), atol=1e-4
    )
    with pytest.raises(InvalidArgumentError, match=r"shape \(1, 9, 9, 1\), the model .* takes"):
        asked.unusual.score(np.zeros((1, 9, 9, 1)))


@pytest.mark.parametrize("runtime", ONNX)
def test_threads_and_pickles_ask_it_too(runtime, films):
    asked = Classifier.from_preset(PRESET, runtime=runtime)
    expected = asked(films[:4]).probabilities
    with ThreadPoolExecutor(4) as pool:
        found = [done.probabilities for done in pool.map(asked, [films[:4]] * 8)]
    np.testing.assert_allclose(found, [expected] * 8, atol=1e-6)
    again = pickle.loads(pickle.dumps(asked))
    np.testing.assert_allclose(again(films[:4]).probabilities, expected, atol=1e-6)


@pytest.mark.parametrize("runtime", ONNX)
def test_heat_maps_are_those_of_keras(runtime, in_keras, films, tmp_path):
    asked = Classifier.from_preset(PRESET, runtime=runtime)
    maps = asked(films[:2]).explain()
    np.testing.assert_array_equal(maps, in_keras(films[:2]).explain())
    assert asked.in_keras().model.count_params() == in_keras.model.count_params()
    assert asked.in_keras().in_keras().unusual.threshold == in_keras.unusual.threshold
    words = ["predict", str(films[0]), "--runtime", runtime, "--heatmaps", str(tmp_path / "maps")]
    assert main(words) == 0
    assert (tmp_path / "maps" / "index.html").is_file()


@pytest.mark.parametrize("runtime", EVERY_RUNTIME)
def test_the_command_needs_no_keras_the_second_time(runtime, films, tmp_path):
    Classifier.from_preset(PRESET, runtime=runtime)
    words = ["predict", str(films[0]), "--runtime", runtime, "--json"]
    code = (
        "import sys; from keras_cxr.cli import main; "
        f"assert main({words!r}) == 0; "
        "assert not {'keras', 'tensorflow', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["predictions"][0]["file"] == str(films[0])
    assert "is made ready" not in done.stderr


@pytest.mark.parametrize("runtime", ONNX)
def test_any_model_and_what_its_answers_depend_on(runtime, saved, films, capsys):
    assert not is_compiled(saved, runtime)
    assert main(["predict", str(saved), str(films[0]), "--runtime", runtime]) == 0
    told = capsys.readouterr().err
    assert f"{saved} is made ready for {runtime}, which is done once" in told
    assert is_compiled(saved, runtime)
    expected = Classifier.load(saved)(films[:3]).probabilities
    asked = Classifier.load(saved, runtime=runtime)
    assert asked.unusual is None
    np.testing.assert_allclose(asked(films[:3]).probabilities, expected, atol=1e-4)
    named = Classifier.load(saved, runtime=runtime, class_names=["a", "b", "c"])
    assert named.class_names == ("a", "b", "c")
    assert asked.class_names == ("0", "1", "2")
    other = build_lenet5((32, 32, 1), 3)
    other.save(saved)
    changed = Classifier.load(saved, runtime=runtime)
    np.testing.assert_allclose(
        changed(films[:3]).probabilities, Classifier.load(saved)(films[:3]).probabilities, atol=1e-4
    )


@pytest.mark.parametrize("runtime", ONNX)
def test_what_is_damaged_in_the_cache_is_made_again(runtime, saved, films):
    expected = Classifier.load(saved, runtime=runtime)(films[0]).probabilities
    folder = compiled_folder(saved, runtime)
    document = (folder / "compiled.json").read_text()
    for file, content in (
        ("model.onnx", b"no model"),
        ("compiled.json", b"{}"),
        ("compiled.json", document.replace('"model.onnx"', '"../model.onnx"').encode()),
    ):
        (folder / file).write_bytes(content)
        found = Classifier.load(saved, runtime=runtime)(films[0])
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    (folder / "model.onnx").unlink()
    assert Classifier.load(saved, runtime=runtime)(films[0]).failed == {}
    assert [path.name for path in folder.parent.glob(f".{folder.name}*")] == []


@pytest.mark.parametrize("runtime", ONNX)
def test_a_compiled_classifier_is_saved_as_the_keras_model_it_is(runtime, saved, tmp_path):
    asked = Classifier.load(saved, runtime=runtime)
    options = {"classifier_activation": None}
    save_preset(asked, tmp_path / "p", name="lenet5", arguments=options)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    found = Classifier.from_preset(tmp_path / "p").predict(images)
    np.testing.assert_allclose(found, asked.predict(images), atol=5e-3)


@keras.saving.register_keras_serializable("tests")
class Rolled(keras.layers.Layer):
    """Computes in numpy, which no converter can follow."""

    def call(self, images):
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(np.array, [images], tf.float32), images.shape)

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize("runtime", ONNX)
def test_a_model_that_the_runtime_cannot_hold_leaves_nothing(runtime, tmp_path):
    images = keras.Input((8, 8, 1))
    scores = keras.layers.Dense(2)(keras.layers.Flatten()(Rolled()(images)))
    keras.Model(images, scores).save(tmp_path / "own.keras")
    with pytest.raises(ExportError, match=f"cannot be exported as {runtime}"):
        Classifier.load(tmp_path / "own.keras", runtime=runtime)
    assert not compiled_folder(tmp_path / "own.keras", runtime).exists()


def test_a_lower_precision_answers_nearly_alike(in_keras, films, capsys):
    expected = in_keras(films)
    found = Classifier.from_preset(PRESET, precision="mixed_bfloat16")(films)
    difference = np.abs(found.probabilities - expected.probabilities).max()
    assert 0 < difference < 0.05
    np.testing.assert_allclose(found.unusual_score, expected.unusual_score, atol=0.05)
    assert main(["predict", str(films[0]), "--precision", "mixed_bfloat16"]) == 0
    assert main(["predict", str(films[0]), "--precision", "auto", "--runtime", "onnx"]) == 2
    assert "onnx computes in float32" in capsys.readouterr().err
    with pytest.raises(InvalidArgumentError, match='precision must be "auto", "float32"'):
        Classifier.from_preset(PRESET, precision="half")


def test_what_cannot_work_is_said(saved, monkeypatch, tmp_path):
    with pytest.raises(InvalidArgumentError, match="runtime must be one of 'keras', 'onnx'"):
        Classifier.load(saved, runtime="tflite")
    for wrong in (5, "ill", ["ill", "ill", "well"]):
        with pytest.raises(InvalidArgumentError, match="class_names"):
            Classifier.load(saved, runtime="onnx", class_names=wrong)
    with pytest.raises(NotFoundError, match=r"There is no preset 'lmap4'\. Known presets"):
        Classifier.from_preset("lmap4", runtime="onnx")
    with pytest.raises(NotFoundError, match="There is no model"):
        is_compiled(tmp_path / "none.keras", "onnx")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs onnxruntime, not installed.*export]"):
        Classifier.load(saved, runtime="onnx")


@pytest.mark.parametrize("runtime", ONNX)
def test_a_cache_that_cannot_be_written_and_a_damaged_model(runtime, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_CXR_CACHE", str(saved / "inside-a-file"))
    with pytest.raises(OutputError, match=r"cannot be written .*Set KERAS_CXR_CACHE to a folder"):
        Classifier.load(saved, runtime=runtime)
    monkeypatch.setenv("KERAS_CXR_CACHE", str(tmp_path / "cache"))
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"mine\.keras cannot be read as a Keras model"):
        Classifier.load(saved, runtime=runtime)
    shutil.rmtree(tmp_path / "cache")


def test_options_are_refused_before_a_model_is_loaded(tmp_path, capsys):
    (tmp_path / "no-model.keras").write_text("nothing")
    film = tmp_path / "film.png"
    film.write_text("nothing")
    words = ["predict", str(film), "--model", str(tmp_path / "no-model.keras")]
    for more, said in (
        (["--resume"], "--resume goes on in a file"),
        (["--shard", "3/2"], "shard must be such as 2/5"),
        (["--out", str(film)], "film.png"),
    ):
        assert main([*words, *more]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "cannot be read as a Keras model" not in told
