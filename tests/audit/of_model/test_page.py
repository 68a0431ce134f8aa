"""The files of a model's audit."""

import dataclasses

import keras
import numpy as np

from keras_cxr.audit.of_model.base.predictions import predict_part
from keras_cxr.audit.of_model.questions.confidence import measure_confidence
from keras_cxr.evaluation import apply_temperature
from keras_cxr.keras_graph.interface import predict_probabilities


def test_calibrated_model_loads_with_plain_keras_and_is_the_one_that_was_measured(
    run, audited_model
):
    found, out, _ = audited_model
    calibrated = keras.saving.load_model(out / "calibrated.keras")
    images, _ = found.datasets.load("test")
    expected = apply_temperature(
        predict_probabilities(found.model, images), found.confidence.temperature
    )
    np.testing.assert_allclose(predict_probabilities(calibrated, images), expected, atol=1e-5)


def test_page_is_one_file_with_every_finding(audited_model):
    found, out, _ = audited_model
    page = (out / "trust.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    for finding in found.findings:
        assert finding.sentence.replace("'", "&#39;").replace("<", "&lt;") in page
    assert "Not measured" in page


def test_no_calibrated_model_is_left_where_none_can_be_made(audited_model, tmp_path):
    found, _, _ = audited_model
    found.write(tmp_path)
    assert (tmp_path / "calibrated.keras").is_file()
    for confidence, reason in (
        (None, "calibration was not asked for"),
        (
            measure_confidence(predict_part(found.model, found.datasets), None),
            "no validation images",
        ),
    ):
        dataclasses.replace(found, confidence=confidence).write(tmp_path)
        assert not (tmp_path / "calibrated.keras").exists()
        assert reason in (tmp_path / "trust.html").read_text()
        assert reason in (tmp_path / "model_card.md").read_text()
