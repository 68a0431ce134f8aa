import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.evaluation import compare_models, compute_metrics
from tests.statistics.answers import patients


def test_alike_models_are_told_apart_too_often_by_images_but_not_by_patients():
    rng = np.random.default_rng(0)
    rounds, by_image, by_patient, covered = 150, 0, 0, 0
    for _ in range(rounds):
        groups, first = patients(rng, 50, images=5, accuracy=0.8, similarity=0.8)
        _, second = patients(rng, 50, images=5, accuracy=0.8, similarity=0.8)
        labels = np.zeros(len(groups), int)
        models = {"A": 1 - first.astype(int), "B": 1 - second.astype(int)}
        found = compare_models(labels, models, groups=groups, num_resamples=200).differences[0]
        by_image += found.mcnemar_p < 0.05
        by_patient += found.p < 0.05
        covered += found.accuracy.low <= 0 <= found.accuracy.high
    assert by_image / rounds > 0.15
    assert by_patient / rounds < 0.08
    assert 0.9 < covered / rounds < 0.99


@settings(max_examples=10)
@given(st.integers(0, 2**16))
def test_differences_are_those_of_the_metrics(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 60)
    models = {name: rng.integers(0, 3, 60) for name in "ABC"}
    found = compare_models(labels, models, groups=rng.integers(0, 30, 60), num_resamples=100)
    metrics = {name: compute_metrics(labels, np.eye(3)[models[name]]) for name in models}
    assert len(found.differences) == 3
    for pair in found.differences:
        one, other = metrics[pair.model], metrics[pair.other]
        assert pair.accuracy.value == pytest.approx(one.accuracy - other.accuracy)
        assert pair.accuracy.value >= 0
        balanced = one.balanced_accuracy - other.balanced_accuracy
        assert pair.balanced_accuracy.value == pytest.approx(balanced)
        assert pair.p <= pair.holm_p <= min(1, 3 * pair.p + 1e-12)
        for estimate in (pair.accuracy, pair.balanced_accuracy):
            assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9
            assert estimate.low < estimate.high
    json.dumps(found.to_dict(), allow_nan=False)


def test_sentences_say_what_can_be_told_apart():
    labels = np.zeros(400, int)
    good, poor = labels.copy(), labels.copy()
    good[:4], poor[:60] = 1, 1
    near = good.copy()
    near[4] = 1
    found = compare_models(labels, {"poor": poor, "near": near, "good": good})
    assert [(pair.model, pair.other) for pair in found.differences] == [
        ("good", "near"), ("good", "poor"), ("near", "poor")
    ]  # fmt: skip
    close, clear, _ = found.sentences
    assert "good is above near by +0.003 [" in close
    assert close.endswith(
        "on 400 test images: the two cannot be told apart (p = 1, corrected for 3 pairs)."
    )
    assert clear.endswith("more than chance explains (p < 0.0001, corrected for 3 pairs).")
    assert str(found).splitlines() == list(found.sentences)
    table = found.table.set_index(["model", "other"])
    assert table.loc[("good", "poor"), "only_model"] == 56
    assert table.loc[("good", "poor"), "accuracy"] == pytest.approx(0.14)


def test_equal_answers_leave_room_for_a_difference():
    answers = {"A": [0, 1] * 20, "B": [0, 1] * 20}
    compared = compare_models([0, 1] * 20, answers, groups=["twins"] * 2 + [""] * 38)
    assert "A and B have the same accuracy (balanced accuracy +0.000 [" in str(compared)
    assert "on 40 test images in 39 groups: the two cannot be told apart (p = 1)." in str(compared)
    found = compared.differences[0]
    assert found.accuracy.value == 0
    assert found.accuracy.low < -0.02
    assert found.accuracy.high > 0.02
    assert found.p == 1


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], {"A": [0, 1]}, r"at least two models, received \['A'\]"),
        ([0, 1], {"A": [0, 1], "B": [0]}, r"predictions\['B'\] must be the predicted classes"),
        ([0, 1], {"A": [0, 1], "B": [[0.9, 0.1]] * 2}, r"argmax\(axis=1\)"),
        ([0.5, 1], {"A": [0, 1], "B": [0, 1]}, "labels must be whole numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        compare_models(labels, predictions)


def test_one_group_alone_is_compared_without_a_warning():
    found = compare_models([0, 1, 1], {"A": [0, 1, 1], "B": [0, 1, 0]}, groups=["p"] * 3)
    (pair,) = found.differences
    assert pair.accuracy.value == pytest.approx(1 / 3)
    assert pair.accuracy.low < 0 < pair.accuracy.high
    assert pair.p == 1
