"""The verdicts that follow from intervals over images."""

import numpy as np
import pytest

from keras_cxr.explain.faithfulness.comparison import compare

SETTINGS = {"confidence": 0.95, "seed": 0}


@pytest.mark.parametrize(
    ("shift", "lower_is_better", "verdict"),
    [
        (-0.2, True, "better"),
        (-0.2, False, "worse"),
        (0.2, True, "worse"),
        (0.2, False, "better"),
        (0.0, True, "not told apart"),
    ],
)
def test_verdicts_are_of_the_paired_difference(shift, lower_is_better, verdict):
    rng = np.random.default_rng(0)
    control = rng.normal(0.5, 10, 50)  # far wider than the difference
    method = control + shift + rng.normal(0, 0.1, 50) * (shift != 0)
    found = compare(method, control, lower_is_better=lower_is_better, **SETTINGS)
    assert found.verdict == verdict
    assert found.difference.mean == pytest.approx(shift, abs=0.05)


def test_five_images_are_too_few():
    ones = np.ones(6)
    few = compare(ones[:5], 0 * ones[:5], lower_is_better=False, **SETTINGS)
    assert few.verdict == "too few images"
    assert compare(ones, 0 * ones, lower_is_better=False, **SETTINGS).verdict == "better"
    gaps = np.array([1, 1, 1, 1, 1, np.nan])
    assert compare(gaps, 0 * ones, lower_is_better=False, **SETTINGS).verdict == "too few images"


@pytest.mark.parametrize("count", [6, 10])
def test_maps_that_are_alike_are_told_apart_no_more_often_than_promised(count):
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(200):
        gaps = rng.normal(size=count)
        verdict = compare(gaps, np.zeros(count), lower_is_better=False, **SETTINGS).verdict
        told += verdict in ("better", "worse")
    assert told <= 18  # 10 are promised; plain percentiles gave 27 and 17
