"""Figures of findings, beside scikit-learn, one finding at a time."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.metrics import measure_findings
from keras_cxr.statistics.intervals.limits import wilson_limits

NAMES = ("Effusion", "Nodule", "Hernia")


@pytest.fixture
def films():
    """Labels with unknown ones, scores, and patients; nobody has the last finding."""
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=(200, 3)) < [0.4, 0.2, 0.0]).astype(float)
    scores = labels + rng.normal(size=labels.shape)
    labels[rng.uniform(size=labels.shape) < 0.1] = np.nan
    return labels, scores, np.repeat(np.arange(100), 2)


def test_each_finding_is_told_as_scikit_learn_tells_it(films):
    labels, scores, groups = films
    points = [0.5, 0.7, 0.5]
    found = measure_findings(
        labels, scores, finding_names=NAMES, operating_points=points, groups=groups
    )
    for index in (0, 1):
        known = ~np.isnan(labels[:, index])
        real, given = labels[known, index], scores[known, index]
        called = given >= points[index]
        assert found.num_unknown[index] == (~known).sum()
        assert found.num_positive[index] == real.sum()
        for name, expected in {
            "roc_auc": roc_auc_score(real, given),
            "sensitivity": recall_score(real, called),
            "specificity": recall_score(real, called, pos_label=0),
            "precision": precision_score(real, called),
            "negative_predictive_value": precision_score(real, called, pos_label=0),
            "f1": f1_score(real, called),
            "prevalence": real.mean(),
        }.items():
            estimate = getattr(found, name)[index]
            assert estimate.value == pytest.approx(expected)
            assert 0 <= estimate.low < estimate.value < estimate.high <= 1
    areas = [one.value for one in found.roc_auc]
    assert found.macro_roc_auc.value == pytest.approx(np.mean(areas[:2]))
    known = ~np.isnan(labels)
    assert found.micro_roc_auc.value == pytest.approx(roc_auc_score(labels[known], scores[known]))
    assert found.num_groups == 100


def test_a_finding_that_nobody_has_is_absent_not_0(films):
    labels, scores, _ = films
    found = measure_findings(labels, scores, finding_names=NAMES, operating_points=[0.5] * 3)
    for name in ("roc_auc", "average_precision", "sensitivity"):
        assert np.isnan(getattr(found, name)[2].value)
    assert found.specificity[2].value > 0
    assert found.prevalence[2].value == 0
    assert found.prevalence[2].high > 0
    assert "Nothing can be said of Hernia" in found.sentences[-1]
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["findings"]["Hernia"]["roc_auc"]["value"] is None
    assert list(found.table.index) == list(NAMES)
    assert found.table.loc["Effusion", "roc_auc_low"] == found.roc_auc[0].low
    assert max(map(len, str(found).splitlines())) <= 80


def test_unknown_labels_change_nothing(films):
    labels, scores, _ = films
    found = measure_findings(labels[:100], scores[:100])
    more = np.vstack([labels[:100], np.full((50, 3), np.nan)])
    again = measure_findings(more, np.vstack([scores[:100], 9 * np.ones((50, 3))]))
    assert [str(one) for one in again.roc_auc] == [str(one) for one in found.roc_auc]
    assert again.macro_roc_auc == found.macro_roc_auc
    assert str(again.prevalence[0]) == str(found.prevalence[0])


def test_images_alone_have_wilsons_limits(films):
    labels, scores, _ = films
    labels = np.nan_to_num(labels)
    found = measure_findings(labels, scores, operating_points=[0.5, 0.5, 0.5])
    count = labels[:, 0].sum()
    expected = wilson_limits(np.array(found.sensitivity[0].value), np.array(count))
    assert found.sensitivity[0].interval == pytest.approx(tuple(expected))


def test_without_points_nothing_is_said_of_answers(films):
    found = measure_findings(*films[:2])
    assert all(np.isnan(one.value) for one in found.sensitivity)
    assert found.finding_names == ("0", "1", "2")
    nothing = measure_findings(np.full((3, 1), np.nan), np.zeros((3, 1)))
    assert np.isnan(nothing.macro_roc_auc.value)
    assert np.isnan(nothing.micro_roc_auc.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 1]}, r"shape \(images, findings\).*received \(2,\)"),
        ({"labels": [[0.5], [1]]}, r"1 \(there\), 0 \(not there\) or NaN.*received \[0\.5\] too"),
        ({"labels": [[-1], [1]]}, r"received \[-1\.0\] too"),
        ({"scores": [[0.1], [np.nan]]}, "scores hold NaN"),
        ({"finding_names": ["a", "b"]}, "finding_names has 2 names"),
        ({"operating_points": [0.5, 0.5]}, r"shape \(2,\), and there are 1 findings"),
        ({"groups": ["a"]}, "groups has 1 entries for 2 images"),
    ],
)
def test_arrays_have_to_fit(changes, message):
    given = {"labels": [[0], [1]], "scores": [[0.1], [0.9]]} | changes
    with pytest.raises(InvalidArgumentError, match=message):
        measure_findings(given.pop("labels"), given.pop("scores"), **given)
