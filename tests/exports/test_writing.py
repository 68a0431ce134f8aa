"""`export`: whole or not at all, for every kind of model."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import keras_cxr
from keras_cxr import export
from keras_cxr.errors import ExportError, InvalidArgumentError, NotFoundError, OutputError
from keras_cxr.exports import read_export
from keras_cxr.exports import writing as module
from keras_cxr.inference import load_classifier
from keras_cxr.phantoms.fitted import draw_pictures
from keras_cxr.runtimes.formats import FORMATS
from keras_cxr.runtimes.parity import measure_parity
from tests.exports.conftest import NAMES, spread


def with_format(monkeypatch, **changes):
    changed = replace(FORMATS["keras"], **changes)
    monkeypatch.setattr(module, "find_format", lambda name: changed)


def test_a_copy_that_answers_otherwise_leaves_nothing(lenet, tmp_path, monkeypatch):
    def perturb(model, path, _):
        weights = model.get_weights()
        model.set_weights([*weights[:-1], weights[-1] + [0.01, 0, 0, 0]])
        model.save(path)

    with_format(monkeypatch, save=perturb)
    before = lenet.get_weights()
    with pytest.raises(ExportError, match=r"does not answer as Keras does: on 16 phantoms .* by 0"):
        export(lenet, tmp_path / "out", format="keras")
    assert list(tmp_path.iterdir()) == []
    assert all(map(np.array_equal, before, lenet.get_weights()))


def test_a_failing_converter_is_one_sentence_and_an_earlier_export_stays(
    lenet, tmp_path, monkeypatch
):
    made = export(lenet, tmp_path / "out", format="keras")

    def fail(model, path, _):
        path.write_bytes(b"half")
        raise RuntimeError("no kernel\n for it " + "x" * 5000)

    with_format(monkeypatch, save=fail)
    with pytest.raises(ExportError, match=r"cannot be exported as keras: no kernel for it") as got:
        export(lenet, tmp_path / "out", format="keras")
    assert len(str(got.value)) < 500
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert read_export(tmp_path / "out").to_dict() == made.to_dict()
    assert read_export(tmp_path / "out").load()


def test_what_is_not_ours_is_not_written_over(lenet, tmp_path):
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(
        OutputError, match=r"already holds model\.keras but no earlier results of an"
    ):
        export(lenet, tmp_path, format="keras")
    (tmp_path / "model.keras").unlink()
    (tmp_path / "export.json").write_text('{"format": "onnx"}')
    with pytest.raises(OutputError, match="no earlier results of an export as keras"):
        export(lenet, tmp_path, format="keras")
    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]


def test_a_full_disk_is_an_output_error(lenet, tmp_path, monkeypatch):
    def full(model, path, _):
        raise OSError(28, "No space left on device")

    with_format(monkeypatch, save=full)
    with pytest.raises(OutputError, match=r"cannot be written to .*No space left on device"):
        export(lenet, tmp_path / "out", format="keras")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["logits", "sequential", "nested"])
def test_models_of_ones_own(kind, tmp_path):
    keras.utils.set_random_seed(1)
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(3, None if kind == "logits" else "softmax", name="scores")(x)
    model = spread(keras.Model(images, x))
    if kind == "sequential":
        model = keras.Sequential([keras.Input((32, 32, 3)), *model.layers[1:]])
    if kind == "nested":
        outer = keras.Input((32, 32, 3))
        model = keras.Model(outer, model(outer))
    nodes = len(model._inbound_nodes)
    made = export(model, tmp_path / "out", format="keras", class_names=NAMES[:3])
    assert made.color_mode == "rgb"
    assert len(model._inbound_nodes) == nodes  # the user's model was not called
    pixels = draw_pictures((32, 32), 3)
    expected = model.predict_on_batch(pixels.astype(np.float32))
    if kind == "logits":
        expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.load().predict(pixels), expected, atol=1e-5)


def test_layers_of_ones_own_need_their_classes(tmp_path):
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    images = keras.Input((32, 32, 1))
    x = keras.layers.Flatten()(Doubled()(keras.layers.Rescaling(1 / 255)(images)))
    model = keras.Model(images, keras.layers.Dense(2, "softmax")(x))
    made = export(model, tmp_path / "a", format="keras", custom_objects={"Doubled": Doubled})
    assert made.parity.equal_answers == 1
    with pytest.raises(keras_cxr.errors.KerasCXRError, match="Doubled"):
        export(model, tmp_path / "b", format="keras")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: 7, "received int"),
        (lambda: keras.Sequential([keras.layers.Dense(2)]), "does not say what it takes"),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((None, None, 1)),
                    keras.layers.GlobalAveragePooling2D(),
                    keras.layers.Dense(2),
                ]
            ),
            "takes images of any size",
        ),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((32, 32, 1)),
                    keras.layers.Flatten(),
                    keras.layers.Dense(2, "sigmoid"),
                ]
            ),
            "its head is 'sigmoid'",
        ),
    ],
)
def test_what_is_no_classifier_is_refused(model, words, tmp_path):
    with pytest.raises(InvalidArgumentError, match=words):
        export(model(), tmp_path / "out", format="keras")
    assert list(tmp_path.iterdir()) == []


def test_names_have_to_fit(lenet, tmp_path):
    with pytest.raises(InvalidArgumentError, match="class_names has 2 names, the model has 4"):
        export(lenet, tmp_path / "out", format="keras", class_names=["a", "b"])
    with pytest.raises(NotFoundError, match="There is no model"):
        export(tmp_path / "none.keras", tmp_path / "out", format="keras")


def test_agreement_is_measured_not_believed():
    pixels, expected = draw_pictures((32, 32), 1), np.full((16, 2), 0.5)

    def answers(change):
        return lambda batch: np.full((len(batch), 2), 0.5, np.float32) + change

    def measure(predict, name="onnx"):
        return measure_parity(predict, pixels, expected, wanted=FORMATS[name])

    found = measure(answers(np.float32(5e-5)))
    assert found.largest_difference == pytest.approx(5e-5, rel=0.01)
    for wrong in (2e-4, np.nan, np.inf):
        with pytest.raises(ExportError, match=r"ONNX Runtime \(onnx\) does not answer as Keras"):
            measure(answers(wrong))
    with pytest.raises(ExportError, match=r"array of shape \(1, 3\) for a batch of 1, not \(1, 2"):
        measure(lambda batch: np.zeros((len(batch), 3)))
    other = answers(np.float32([0.0, 0.1]))
    with pytest.raises(
        ExportError, match=r"0\.0% of the answers are equal, less than 80%.*litert,"
    ):
        measure(other, "litert-int8")
    maps = np.zeros((16, 4, 4))
    found = measure_parity(
        lambda batch: np.full((len(batch), 4, 4), 5e-5), pixels, maps, wanted=FORMATS["litert"]
    )
    assert found.equal_answers == 1


def test_the_export_of_a_film_is_what_the_classifier_says(lenet, tmp_path):
    lenet.save(tmp_path / "mine.keras")
    made = export(tmp_path / "mine.keras", tmp_path / "out", format="keras", class_names=NAMES)
    films = keras_cxr.make_phantoms(tmp_path / "films", images_per_class=1, image_size=(50, 40))
    files = sorted(films.glob("*/images/*.png"))
    table, _ = load_classifier(tmp_path / "mine.keras").predict_files(files)
    read = [
        keras_cxr.data.read_image(f, made.image_size, made.color_mode, intensity=made.intensity)
        for f in files
    ]
    np.testing.assert_allclose(
        made.load().predict(np.stack(read)), table.iloc[:, 2:6].to_numpy(float), atol=1e-5
    )
