import json

import numpy as np
import pytest

from keras_cxr.evaluation import (
    ConformalSets,
    Scaling,
    apply_temperature,
    choose_threshold,
    compute_metrics,
    measure_calibration,
)
from tests.statistics.answers import drawn_answers


def test_calibrated_answers_stay_within_what_chance_explains():
    rng = np.random.default_rng(0)
    found = [measure_calibration(*drawn_answers(rng, 300), num_resamples=100) for _ in range(60)]
    beyond = np.mean([one.ece > one.ece_limit for one in found])
    assert beyond < 0.13  # 0.05 is promised; 60 draws exceed 0.13 once in 200 times
    # never below 0, so far from 0 even here; and known to be
    means = [
        np.mean([getattr(one, name) for one in found]) for name in ("ece", "ece_if_calibrated")
    ]
    assert means[0] > 0.03
    assert means[0] == pytest.approx(means[1], rel=0.1)
    covered = [one.overconfidence.low <= 0 <= one.overconfidence.high for one in found]
    assert np.mean(covered) > 0.88


def test_copies_are_seen_through_by_their_groups():
    labels, scores = drawn_answers(np.random.default_rng(1), 200)
    four, scores_four = np.tile(labels, 4), np.tile(scores, (4, 1))
    groups = np.tile(np.arange(200), 4)
    options = {"num_bins": 10, "num_resamples": 100}  # 20 images or more a bin in both
    once = measure_calibration(labels, scores, **options)
    grouped = measure_calibration(four, scores_four, groups=groups, **options)
    alone = measure_calibration(four, scores_four, **options)
    assert grouped.ece_limit == pytest.approx(once.ece_limit, rel=0.25)
    assert alone.ece_limit < 0.65 * grouped.ece_limit
    assert grouped.log_loss.interval == pytest.approx(once.log_loss.interval)


@pytest.mark.parametrize(
    ("sizes", "alike"),
    [
        ([2] * 100, True),  # pairs of copies
        ([1] * 25, False),
        ([10] * 25, True),
        ([1] * 60 + [30], True),
    ],
)
def test_copies_and_small_tests_stay_within_chance_as_well(sizes, alike):
    rng, groups, beyond = np.random.default_rng(0), np.repeat(np.arange(len(sizes)), sizes), 0
    for _ in range(60):
        labels, scores = drawn_answers(rng, len(sizes if alike else groups), classes=2)
        if alike:
            labels, scores = labels[groups], scores[groups]
        found = measure_calibration(labels, scores, groups=groups, num_resamples=100)
        beyond += found.ece > found.ece_limit
    assert beyond < 8  # 3 are promised


@pytest.mark.parametrize("sizes", [[1], [1] * 5, [1] * 19, [20] * 10, [5]])
def test_fewer_than_twenty_groups_cannot_tell_and_no_text_holds_nan(sizes):
    labels, scores = drawn_answers(np.random.default_rng(2), sum(sizes), classes=2)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    found = measure_calibration(labels, scores, groups=groups, num_resamples=100)
    images = f"{sum(sizes):,} images"
    assert "chance explains cannot be told from " + images in found.sentences[1]
    assert "20 patients or images of their own are needed." in found.sentences[1]
    assert "nan" not in f"{found} {' '.join(found.sentences)}".lower()
    assert found.to_dict()["ece_limit"] is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_model_that_is_right_on_all_of_thirty_images_is_not_known_to_be_too_modest():
    labels = np.tile([0, 1], 15)
    scores = np.where(np.eye(2)[labels] > 0, 0.95, 0.05)
    gap = measure_calibration(labels, scores).overconfidence
    assert gap.value == pytest.approx(-0.05)
    assert gap.low < 0 < gap.high  # with 0.95, every fifth test set has no error
    assert gap.method == "wilson"


def test_too_sure_by_hand():
    labels = np.array([0, 0, 0, 1] * 50)
    found = measure_calibration(labels, [[0.95, 0.05]] * 200, class_names=("a", "b"))
    assert found.ece == pytest.approx(0.2)
    assert found.overconfidence.value == pytest.approx(0.2)
    assert found.ece > found.ece_limit
    assert found.brier.value == pytest.approx(0.75 * 2 * 0.05**2 + 0.25 * 2 * 0.95**2)
    assert found.brier_of_shares == pytest.approx(1 - 0.75**2 - 0.25**2)
    assert found.bins[["images", "confidence", "accuracy"]].to_numpy().tolist() == [
        [200, pytest.approx(0.95), pytest.approx(0.75)]
    ]
    assert found.per_class.loc["b", "excess"] == pytest.approx(0.05 - 0.25)
    assert found.per_class.loc["b", "ece"] == pytest.approx(0.2)
    sure, error, worst = found.sentences
    assert "20.0 percentage points more sure of its answers than it is right" in sure
    assert "expected calibration error is 0.200" in error
    assert error.endswith("so this is beyond what chance explains.")
    assert worst.startswith(
        "It gives a a probability of 0.950 on average, where 0.750 of the images are of it: 20.0 "
        "percentage points more (difference between +1"
    )


def test_log_loss_is_that_of_the_metrics_and_all_survives_json():
    labels, scores = drawn_answers(np.random.default_rng(2), 90)
    found = measure_calibration(labels, scores, num_resamples=100)
    assert found.log_loss.value == pytest.approx(compute_metrics(labels, scores).log_loss)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["ece"] == found.ece
    assert len(document["bins"]) == 4
    assert document["per_class"]["3"]["images"] == (labels == 3).sum()
    for word in ("log loss", "Brier", "overconfidence", "if calibrated", "excess"):
        assert word in str(found)


def test_logits_are_not_taken_for_probabilities():
    logits = [[3.0, -2.0]]
    sets = ConformalSets.fit([0, 1], np.eye(2))
    for use in (
        lambda: apply_temperature(logits, 2),
        lambda: Scaling(1.0, (0.5, -0.5)).apply(logits),
        lambda: sets.sets(logits),
        lambda: choose_threshold(logits),
    ):
        with pytest.raises(ValueError, match="Logits and independent"):
            use()
    with pytest.raises(ValueError, match=r"shape \(images, classes\), received \(2,\)"):
        apply_temperature([0.5, 0.5], 2)
