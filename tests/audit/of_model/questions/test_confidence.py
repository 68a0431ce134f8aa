"""Confidence beside accuracy, with and without validation images."""

import json

import numpy as np
import pytest

from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.questions.confidence import measure_confidence


def predictions(count, *, right, confidence, classes=(0, 1)):
    """LabelledPredictions of one confidence, of which a share is right; every class as often."""
    labels = np.resize(classes, count)
    hit = np.arange(count) % 10 < 10 * right
    scores = np.full((count, 2), 1 - confidence)
    scores[np.arange(count), np.where(hit, labels, 1 - labels)] = confidence
    files = tuple(map(str, range(count)))
    return LabelledPredictions(labels, scores, np.full(count, ""), files, ("no", "yes"))


def test_without_validation_nothing_is_fitted():
    found = measure_confidence(predictions(100, right=0.8, confidence=0.9), None)
    assert found.before.overconfidence.value == pytest.approx(0.1)
    assert list(found.calibrations) == ["as trained"]
    (finding,) = found.findings
    assert finding.sentence.startswith(
        "On 100 test images the model is 10.0 percentage points more sure than right"
    )
    assert found.to_dict()["temperature"] is None


def test_a_temperature_corrects_an_overconfident_model():
    test = predictions(200, right=0.8, confidence=0.95)
    found = measure_confidence(test, predictions(200, right=0.8, confidence=0.95))
    # at T = log(0.95 / 0.05) / log(0.8 / 0.2) confidence equals accuracy
    assert found.temperature == pytest.approx(np.log(19) / np.log(4), rel=0.02)
    assert found.after.overconfidence.value == pytest.approx(0, abs=0.01)
    assert list(found.calibrations) == [
        "as trained", f"temperature {found.temperature:.2f}", "and class offsets",
    ]  # fmt: skip
    assert [finding.key for finding in found.findings] == ["calibration", "sets", "selection"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_offsets_need_every_class_in_the_validation_part():
    test = predictions(100, right=0.8, confidence=0.9)
    found = measure_confidence(test, predictions(100, right=0.8, confidence=0.9, classes=(0,)))
    assert (found.scaling, found.scaled) == (None, None)
    assert found.temperature is not None
