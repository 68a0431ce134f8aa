"""What every format promises; a new row of the table is tested with the others."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_cxr
from keras_cxr import export
from keras_cxr.errors import BackendError, InvalidArgumentError, MissingExtraError
from keras_cxr.exports import load_export, read_export
from keras_cxr.runtimes.formats import FORMATS, find_format
from keras_cxr.segmentation import LungSegmenter
from tests.exports.conftest import EVERY_FORMAT, NAMES, runnable, spread

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_pixels_in_probabilities_out(name, lenet, tmp_path):
    made = export(lenet, tmp_path / "out", format=name, class_names=NAMES)
    allowed = FORMATS[name].tolerance
    assert made.parity.largest_difference <= allowed
    found = read_export(tmp_path / "out")
    assert found.to_dict() == made.to_dict()
    assert found.class_names == NAMES
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        FORMATS[name].file, "export.json",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    predict = load_export(tmp_path / "out").predict
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 1), dtype=np.uint8)
    expected = lenet.predict_on_batch(pixels.astype(np.float32))
    for batch in (slice(0, 1), slice(0, 5), slice(2, 3)):  # and back to another length
        answer = predict(pixels[batch])
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected[batch], atol=allowed)
    assert np.ptp(expected.max(axis=1)) > 1e-3  # the pictures differ in more than rounding
    if name in ("onnx", "litert"):
        answer_alone(tmp_path / "out")


def answer_alone(folder):
    """Show in a new process that neither Keras nor TensorFlow is loaded for an answer."""
    code = (
        "import sys, numpy; from keras_cxr.exports import load_export; "
        f"found = load_export({str(folder)!r}).predict(numpy.zeros((3, 32, 32, 1), 'uint8')); "
        "assert found.shape == (3, 4); "
        "assert not {'keras', 'tensorflow', 'pandas', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_earlier_export_is_replaced_and_nothing_else(lenet, tmp_path):
    name = "savedmodel"  # a folder; tests of the command line replace a file
    folder = tmp_path / "out"
    export(lenet, folder, format=name)
    (folder / "notes.txt").write_text("mine")
    first = read_export(folder)
    other = keras_cxr.build_lenet5((32, 32, 1), 4)
    export(other, folder, format=name, class_names=NAMES)
    assert read_export(folder).files != first.files
    assert read_export(folder).load()
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY_FORMAT)
@pytest.mark.parametrize("network", [*keras_cxr.list_models(), "nested", "lung_unet"])
def test_the_zoo_answers_as_in_keras(network, name, tmp_path):
    side = {"alexnet": 96, "lmap3": 94}.get(network, 64)
    if network == "lung_unet":
        model = LungSegmenter()
    elif network == "nested":
        base = keras_cxr.build_vgg19((side, side, 3), 4, weights=None, include_top=False)
        images = keras.Input((side, side, 3))
        x = keras.layers.GlobalAveragePooling2D()(base(images))
        model = spread(keras.Model(images, keras.layers.Dense(4, name="logits")(x)))
    else:
        info = keras_cxr.models.model_info(network)
        shape = (side, side, info.input_shape[-1])
        weights = {"weights": None} if info.takes_weights else {}
        model = spread(keras_cxr.build(network, input_shape=shape, num_classes=4, **weights))
    made = export(model, tmp_path / "out", format=name)
    least = 0.99 if network == "lung_unet" else FORMATS[name].least_equal or 1
    assert made.parity.equal_answers >= least
    found = made.parity
    # the row of the table in docs/deploy.md, which `pytest -s` shows
    print(
        f"\n| {network} | {name} | {found.largest_difference:.1e} | {found.equal_answers:.4f} | "
        f"{made.num_bytes / 1e6:.2f} MB | "
        + " | ".join(f"{one.beside_keras:.2f}" for one in made.speed)
        + " |"
    )


@pytest.mark.parametrize("name", [runnable("onnx")])
def test_the_program_of_the_page_needs_no_keras(name, tmp_path):
    model = spread(keras_cxr.build_lmap3((94, 94, 1), 4))
    made = export(model, tmp_path / "my-onnx", format=name)
    assert made.parity.largest_difference <= 1e-4
    assert made.class_names == ("0", "1", "2", "3")
    assert "pass class_names" in made.notes[0]
    keras_cxr.make_phantoms(tmp_path / "films", images_per_class=1, image_size=(96, 96))
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    program = next(
        part for part in page.split("```python\n") if "onnxruntime.InferenceSession" in part
    ).split("```")[0]
    refused = "import sys; sys.modules |= dict.fromkeys(('keras_cxr', 'keras', 'tensorflow'))\n"
    done = subprocess.run(
        [sys.executable, "-c", refused + program],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = [line.split(": ") for line in done.stdout.splitlines()]
    assert [name for name, _ in answers] == ["0", "1", "2", "3"]
    assert sum(float(probability) for _, probability in answers) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("name", [runnable("litert-int8")])
def test_whole_numbers_are_calibrated_on_ones_own_films(name, lenet, tmp_path, phantoms):
    made = export(lenet, tmp_path / "out", format=name, calibrate_on=phantoms)
    assert (made.parity.pictures, made.parity.num_images) == ("films of one's own", 24)
    assert made.parity.tolerance == 0.3
    assert made.parity.largest_difference > 1e-4  # it is not the other format under this name
    assert "24 of the 48 films given" in " ".join(made.notes)


def test_a_runtime_that_is_not_installed_is_named_before_anything_else(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs onnx, tf2onnx, onnxruntime, not .*export]"):
        export(tmp_path / "no-such-run", tmp_path / "out", format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_backend_that_cannot_write_it_is_named(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(BackendError, match=r"format='savedmodel' .* set KERAS_BACKEND=tensorflow"):
        find_format("savedmodel")
    assert find_format("keras").backends == ()


def test_other_formats_are_refused():
    with pytest.raises(InvalidArgumentError, match="format must be one of keras, savedmodel, onnx"):
        find_format("tensorrt")
