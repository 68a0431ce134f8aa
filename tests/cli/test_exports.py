import json

import keras
import pytest

import keras_cxr
from keras_cxr.cli import main
from keras_cxr.exports import read_export


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("a model") / "mine.keras"
    keras_cxr.build_lenet5((32, 32, 1), 2).save(file)
    return file


def test_a_model_is_exported_with_its_names(model_file, tmp_path, capsys):
    words = ["export", str(model_file), "--format", "keras", "--out", str(tmp_path / "out")]
    assert main([*words, "--class-name", "=ill", "--class-name", "two words"]) == 0
    shown = capsys.readouterr()
    assert "Out: probabilities, probabilities of 2 classes" in shown.out
    assert shown.err == ""
    assert read_export(tmp_path / "out").class_names == ("=ill", "two words")
    assert main([*words, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == read_export(tmp_path / "out").to_dict()
    assert "Note: The classes are called 0, 1, since no run names them: pass --class-name" in (
        shown.err
    )


def test_what_cannot_be_is_one_line(model_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", str(model_file), "--out", str(tmp_path / "out")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("Error: The format onnx needs onnx, tf2onnx, onnxruntime, not installed")
    assert text.count("\n") == 1
    assert main(["export", str(model_file), "--format", "keras", "--out", str(model_file)]) == 2
    assert main(["export", str(model_file), "--format", "tensorrt"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_layers_of_ones_own_are_one_line(tmp_path, capsys):
    @keras.saving.register_keras_serializable("mine")
    class Tripled(keras.layers.Layer):
        def call(self, inputs):
            return 3 * inputs

    images = keras.Input((32, 32, 1))
    x = keras.layers.GlobalAveragePooling2D()(Tripled()(images))
    file = tmp_path / "mine.keras"
    keras.Model(images, keras.layers.Dense(2, "softmax")(x)).save(file)
    del keras.saving.get_custom_objects()["mine>Tripled"]
    assert main(["export", str(file), "--format", "keras", "--out", str(tmp_path / "out")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("Error: ")
    assert "Tripled" in text
    assert "From Python pass custom_objects=" in text
    assert text.count("\n") == 1
    assert not (tmp_path / "out").exists()
