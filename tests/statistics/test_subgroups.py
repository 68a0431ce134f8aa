import json

import numpy as np
import pandas as pd
import pytest

from keras_cxr.evaluation import bootstrap_intervals, measure_subgroups
from tests.statistics.answers import drawn_answers, one_hot_answers


@pytest.fixture
def answers():
    return drawn_answers(np.random.default_rng(0), 200)


def test_each_row_is_what_its_images_alone_give(answers):
    labels, scores = answers
    sex = np.array(["F"] * 120 + ["M"] * 80)
    groups = np.repeat(np.arange(100), 2)
    found = measure_subgroups(labels, scores, pd.DataFrame({"sex": sex}), groups=groups)
    row = found.table.set_index("value").loc["M"]
    expected = bootstrap_intervals(labels[120:], scores[120:], groups=groups[120:])
    assert (row["images"], row["groups"]) == (80, 40)
    assert (row["accuracy"], row["accuracy_low"]) == (
        expected.accuracy.value,
        expected.accuracy.low,
    )
    assert row["balanced_accuracy_high"] == expected.balanced_accuracy.high
    assert found.accuracy == bootstrap_intervals(labels, scores, groups=groups).accuracy


def test_ages_are_cut_at_their_quartiles_and_unknown_ones_kept(answers):
    age = np.append(np.arange(1, 161, dtype=float), [np.nan] * 40)
    found = measure_subgroups(*answers, pd.DataFrame({"age": age}), num_resamples=100)
    assert found.table["value"].tolist() == [
        "[1, 40.75]", "(40.75, 80.5]", "(80.5, 120.25]", "(120.25, 160]", "not known"
    ]  # fmt: skip
    assert found.table["images"].tolist() == [40] * 5


def test_few_numbers_are_values_in_their_order(answers):
    table = pd.DataFrame({"grade": [10, 2] * 100, "checked": [True, False] * 100})
    found = measure_subgroups(*answers, table, num_resamples=100).table
    assert found["value"].tolist() == ["2", "10", "False", "True"]
    assert found["column"].tolist() == ["grade", "grade", "checked", "checked"]


def test_too_few_images_or_patients_have_no_scores(answers):
    view = ["PA"] * 150 + ["AP"] * 40 + [None] * 10
    groups = ["a"] * 40 + [""] * 160
    found = measure_subgroups(
        *answers, pd.DataFrame({"view": view}), groups=groups[::-1], num_resamples=100
    )
    rows = found.table.set_index("value")
    assert rows["note"].to_dict() == {"AP": "too few", "PA": "", "not known": "too few"}
    # thirty of its forty images are of one patient
    assert rows.loc["AP", ["images", "groups"]].tolist() == [40, 11]
    assert np.isnan(rows.loc["AP", "accuracy"])
    assert found.sentences == ("By view, fewer than 30 test images say nothing of: AP, not known.",)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["rows"][0]["accuracy"] is None
    assert "too few" in str(found)


def test_the_weakest_is_named():
    labels = np.tile([0, 1], 100)
    right = np.arange(200) % 4 > 0
    right[:100] = True
    table = pd.DataFrame({"site": ["north"] * 100 + ["south"] * 100})
    found = measure_subgroups(labels, one_hot_answers(labels, right), table)
    assert found.sentences[0].startswith("By site, accuracy is lowest for south (0.750 [0.6")
    assert "and highest for north (1.000 [0.96" in found.sentences[0]


def test_names_are_no_subgroups(answers):
    files = pd.DataFrame({"file": [f"{number}.png" for number in range(200)]})
    with pytest.raises(
        ValueError, match=r"column 'file' has 200 different values, such as '0\.png'"
    ):
        measure_subgroups(*answers, files)
    with pytest.raises(ValueError, match="columns has 3 rows for 200 images"):
        measure_subgroups(*answers, files[:3])
