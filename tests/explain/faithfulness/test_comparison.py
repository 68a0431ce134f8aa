"""Intervals over images and the verdicts that follow from them."""

import numpy as np
import pytest

from keras_cxr.explain.faithfulness.comparison import compare, estimate, sign_flip_p

SETTINGS = {"confidence": 0.95, "seed": 0}


def test_the_interval_is_about_two_standard_errors():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = estimate(values, **SETTINGS)
    error = values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)
    narrow = estimate(values, confidence=0.5, seed=0)
    assert found.low < narrow.low < narrow.high < found.high
    assert str(estimate(np.full(3, 0.5), **SETTINGS)) == "0.50 [0.50, 0.50]"


def test_missing_values_are_left_out_and_one_has_no_interval():
    found = estimate(np.array([1.0, np.nan, 3.0]), **SETTINGS)
    assert (found.mean, found.num_images) == (2, 2)
    one = estimate(np.array([np.nan, 3.0]), **SETTINGS)
    assert one.mean == 3
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(estimate(np.full(2, np.nan), **SETTINGS).mean)


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


def test_sign_flips_by_hand():
    # of the 2^6 signs, all plus and all minus are as far from 0 as six wins
    assert sign_flip_p(np.ones(6), seed=0) == pytest.approx(2 / 64)
    assert sign_flip_p(np.array([1, 2, 3, -4.0]), seed=0) == pytest.approx(14 / 16)
    far = np.random.default_rng(0).normal(0.5, 1, 200)
    assert sign_flip_p(far, seed=0) < 0.01
    assert sign_flip_p(far - far.mean(), seed=0) > 0.9
