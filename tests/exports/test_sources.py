"""A run's temperature, class names and settings reach its export."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_cxr import export
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.exports import load_export
from keras_cxr.exports.sources import open_source
from keras_cxr.inference import load_classifier
from keras_cxr.phantoms.fitted import draw_pictures
from keras_cxr.segmentation import LungSegmenter
from tests.exports.conftest import NAMES
from tests.test_damaged_files import RUN

OPTIONS = {"class_names": None, "calibrate": True, "custom_objects": None}


@pytest.fixture
def run(lenet, tmp_path):
    """A folder as `keras-cxr train` leaves it, as far as an export looks."""
    folder = tmp_path / "my run"
    (folder / "run").mkdir(parents=True)
    lenet.save(folder / "run" / "last.keras")
    lenet.save(folder / "run" / "best.keras")
    data = {
        "class_names": list(NAMES), "image_size": [32, 32], "region": "lungs",
        "intensity": "percentiles",
    }  # fmt: skip
    record = RUN | {"settings": RUN["settings"] | {"data": data}}
    (folder / "run" / "run.json").write_text(json.dumps(record))
    (folder / "split.csv").write_text("file,class,part,group,mask\na.png,COVID,train,,\n")
    audit = {
        "schema_version": 2,
        "data": {"images": {name: {} for name in NAMES}, "region": "lungs"},
        "confidence": {"temperature": 2.5},
    }
    (folder / "model_audit.json").write_text(json.dumps(audit))
    return folder


def test_the_runs_temperature_is_inside(run, tmp_path):
    made = export(run, tmp_path / "out", format="keras")
    assert made.calibration == {"temperature": 2.5, "offsets": [0.0] * 4}
    assert (made.class_names, made.region, made.intensity) == (NAMES, "lungs", "percentiles")
    assert "region 'lungs'" in made.notes[0]
    assert "intensity='percentiles'" in made.notes[1]
    assert "calibrated (temperature 2.5)" in str(made)
    pixels = draw_pictures((32, 32), 1)
    plain = load_classifier(run).predict(pixels.astype(np.float32))
    warm = plain ** (1 / 2.5)
    expected = warm / warm.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.load().predict(pixels), expected, atol=1e-5)
    assert np.abs(expected - plain).max() > 0.01


def test_it_can_be_left_out(run):
    assert open_source(run, **OPTIONS | {"calibrate": False}).scaling is None


def test_the_audit_is_of_the_last_weights_alone(run):
    assert open_source(run, **OPTIONS).scaling.temperature == 2.5
    assert open_source(run / "run" / "last.keras", **OPTIONS).scaling.temperature == 2.5
    assert open_source(run / "run" / "best.keras", **OPTIONS).scaling is None


@pytest.mark.parametrize("confidence", [None, {"temperature": None}])
def test_an_audit_without_a_temperature_gives_none(run, confidence):
    audit = json.loads((run / "model_audit.json").read_text())
    (run / "model_audit.json").write_text(json.dumps(audit | {"confidence": confidence}))
    assert open_source(run, **OPTIONS).scaling is None


def test_an_audits_calibrated_model_has_its_names(run, lenet, tmp_path):
    folder = tmp_path / "audit"
    folder.mkdir()
    lenet.save(folder / "calibrated.keras")
    shutil.copy(run / "model_audit.json", folder)
    for place in (folder, folder / "calibrated.keras"):
        found = open_source(place, **OPTIONS)
        assert found.class_names == NAMES
        assert found.scaling is None  # it is in the model already
        assert "region 'lungs'" in found.notes[0]


def test_a_damaged_audit_is_named(run):
    (run / "model_audit.json").write_text('{"schema_version": 2, "data": 7}')
    with pytest.raises(DataError, match=r"model_audit\.json has data 7.*calibrate=False"):
        open_source(run, **OPTIONS)


def test_a_run_is_not_exported_into_itself(run):
    with pytest.raises(InvalidArgumentError, match="lies inside the model folder"):
        export(run, run / "export", format="keras")


def test_a_preset_is_known_by_its_name():
    found = open_source("lmap3_phantom", **OPTIONS)
    assert (found.class_names[0], found.image_size) == ("COVID", (224, 224))
    assert found.scaling is None  # it is in the model already
    assert found.calibration.temperature == pytest.approx(1.3676, abs=1e-4)
    assert found.notes == load_classifier("lmap3_phantom").notes
    kept = open_source("lmap3_phantom", **OPTIONS | {"calibrate": False})
    assert kept.notes[-1] == "The temperature 1.37 is part of the preset's model and stays inside."


def test_a_segmenter_gives_maps(tmp_path):
    images = keras.Input((32, 32, 1))
    x = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.Rescaling(1 / 255)(images))
    segmenter = LungSegmenter(keras.Model(images, keras.layers.Activation("sigmoid")(x)))
    made = export(segmenter, tmp_path / "out", format="keras")
    assert (made.kind, made.class_names, made.output["shape"]) == (
        "segmenter", ("lung",), [None, 32, 32],
    )  # fmt: skip
    assert "the probability that a pixel is lung (batch, 32, 32)" in str(made)
    assert "100 % of the pixels equal" in str(made)
    assert "two lungs" in made.notes[0]
    pixels = draw_pictures((32, 32), 1)
    expected = segmenter.model.predict_on_batch(pixels.astype(np.float32))[..., 0]
    np.testing.assert_allclose(load_export(tmp_path / "out").predict(pixels), expected, atol=1e-5)
    with pytest.raises(InvalidArgumentError, match="a segmenter tells no classes apart"):
        export(segmenter, tmp_path / "other", format="keras", class_names=["a"])


def test_the_packages_segmenter_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = open_source("lung_unet", **OPTIONS)
    assert (found.kind, found.image_size, found.calibration) == ("segmenter", (224, 224), None)
    (tmp_path / "lung_unet").mkdir()  # what lies there goes before a name
    with pytest.raises(NotFoundError, match="The folder lung_unet holds neither"):
        open_source("lung_unet", **OPTIONS)
