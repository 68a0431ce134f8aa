import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.evaluation import ConformalSets, apply_temperature
from tests.statistics.answers import drawn_answers


@settings(max_examples=9)
@given(st.integers(0, 2**16), st.sampled_from([0.8, 0.9]), st.floats(0.3, 3))
def test_each_class_is_covered_as_often_as_asked(seed, coverage, temperature):
    """On average over draws, whether or not the probabilities are right."""
    rng, rounds, covered = np.random.default_rng(seed), 60, np.zeros(3)
    for _ in range(rounds):
        labels, scores = drawn_answers(rng, 400, classes=3)
        scores = apply_temperature(scores, temperature)
        sets = ConformalSets.fit(labels[:200], scores[:200], coverage=coverage)
        inside = sets.sets(scores[200:])[np.arange(200), labels[200:]]
        covered += [inside[labels[200:] == index].mean() for index in range(3)]
    # of 60 rounds with 60 and 60 images of a class the mean has a standard error of 0.008
    assert (covered / rounds > coverage - 0.03).all()
    assert (covered / rounds < coverage + 1 / 50 + 0.03).all()


def test_what_is_expected_is_what_happens():
    rng, inside = np.random.default_rng(0), []
    for _ in range(60):
        labels, scores = drawn_answers(rng, 300, classes=2)
        found = ConformalSets.fit(labels[:150], scores[:150]).measure(labels[150:], scores[150:])
        rows = found.per_class
        inside += list(rows["coverage"].between(rows["expected_low"], rows["expected_high"]))
    assert 0.9 < np.mean(inside) < 1


def test_thresholds_by_hand():
    own = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.52])
    scores = np.column_stack([own, 1 - own])
    labels = [0] * 10
    sets = ConformalSets.fit(labels, scores, coverage=0.8, class_names=("a", "b"))
    assert sets.thresholds == pytest.approx([0.55, 0])  # rank 9 of 10; none of class b
    assert sets.sets([[0.55, 0.45], [0.54, 0.46]]).tolist() == [[True, True], [False, True]]
    found = sets.measure([0, 0, 1], [[0.7, 0.3], [0.3, 0.7], [0.3, 0.7]])
    assert found.coverage.value == pytest.approx(2 / 3)
    assert found.sizes.tolist() == [0, 2, 1]
    assert found.mean_size == pytest.approx(4 / 3)
    assert found.single_accuracy.value == pytest.approx(1 / 2)
    assert found.per_class["always"].tolist() == [False, True]
    assert found.sentences[-1] == (
        "Too few validation images to leave b out of any set: 4 of a class are needed."
    )


def test_nine_images_are_the_fewest_at_ninety_percent():
    for number, expected in ((8, True), (9, False)):
        labels = [0] * number + [1] * 50
        scores = np.where(np.eye(2)[labels] > 0, 0.8, 0.2)
        sets = ConformalSets.fit(labels, scores)
        assert sets.measure(labels, scores).per_class["always"].tolist() == [expected, False]


def test_exact_interval_of_a_textbook_case():
    # Clopper & Pearson of 8 of 10: 0.4439 to 0.9748
    scores = np.array([[0.9, 0.1]] * 8 + [[0.2, 0.8]] * 2)
    sets = ConformalSets(np.array([0.5, 0.5]), np.array([99, 99]), 0.9, ("a", "b"))
    found = sets.measure([0] * 10, scores)
    assert found.coverage.interval == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert np.isnan(found.per_class.loc["b", "coverage"])
    json.dumps(found.to_dict(), allow_nan=False)
    for word in ("0.800 [0.444, 0.975]", "name one class", "expected_low"):
        assert word in str(found)


def test_sets_grow_with_the_coverage_and_survive_a_file(tmp_path):
    labels, scores = drawn_answers(np.random.default_rng(1), 400)
    narrow, wide = (ConformalSets.fit(labels, scores, coverage=share) for share in (0.7, 0.95))
    assert (narrow.sets(scores) <= wide.sets(scores)).all()
    wide.save(tmp_path / "sets.json")
    loaded = ConformalSets.load(tmp_path / "sets.json")
    np.testing.assert_array_equal(loaded.sets(scores), wide.sets(scores))
    assert (loaded.coverage, loaded.class_names) == (0.95, ("0", "1", "2", "3"))
    np.testing.assert_array_equal(loaded.num_calibration, np.bincount(labels))


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*sets\.json"):
        ConformalSets.load(tmp_path / "sets.json")
    for text, message in (
        ("{", r"is no JSON \(.*cannot be used as prediction sets"),
        ("[]", "holds a list, not an object: it cannot be used as prediction sets"),
        ('{"schema_version": 2}', "has schema version 2, this release reads 1"),
    ):
        (tmp_path / "sets.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            ConformalSets.load(tmp_path / "sets.json")


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="coverage must lie between 0 and 1"):
        ConformalSets.fit([0], [[0.5, 0.5]], coverage=90)
    sets = ConformalSets.fit([0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"shape \(images, 2\), received \(1, 3\)"):
        sets.sets(np.ones((1, 3)) / 3)


def test_copies_do_not_feign_a_sure_coverage():
    labels, scores = drawn_answers(np.random.default_rng(9), 200, classes=2)
    sets = ConformalSets.fit(labels, scores, coverage=0.8)
    labels, scores = np.tile(labels[:60], 5), np.tile(scores[:60], (5, 1))
    alone = sets.measure(labels, scores).coverage
    found = sets.measure(labels, scores, groups=np.tile(np.arange(60), 5))
    assert (alone.method, found.coverage.value) == ("exact", alone.value)
    assert found.coverage.high - found.coverage.low > 1.8 * (alone.high - alone.low)
    assert found.per_class["coverage_low"].iloc[0] < found.per_class["coverage"].iloc[0]
