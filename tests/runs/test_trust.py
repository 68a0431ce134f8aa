"""What a report says of experiments, read from their audits."""

import json

import numpy as np
import pytest

from keras_cxr._support.disk.file_names import MODEL_AUDIT_FILE
from keras_cxr.errors import DataError
from keras_cxr.evaluation import compare_models
from keras_cxr.runs.trust import questions

SENTENCE = "Of the heat 0.37 lies in the lungs."


def audit(folder, version, key):
    document = {
        "schema_version": version,
        "findings": [{"key": key, "sentence": SENTENCE}],
        "notes": [],
    }
    (folder / "A").mkdir()
    (folder / "A" / MODEL_AUDIT_FILE).write_text(json.dumps(document))


@pytest.mark.parametrize(("version", "key"), [(1, "where"), (2, "lung_heat")])
def test_heat_is_found_in_audits_of_both_versions(version, key, tmp_path):
    audit(tmp_path, version, key)
    found = {one["title"]: one["lines"] for one in questions(tmp_path, ["A"], None)}
    assert found["Where does it look?"] == [("A", SENTENCE)]
    assert found["Is the test part held out?"] == [("A", "Not measured.")]


def test_an_audit_of_a_later_version_is_refused(tmp_path):
    audit(tmp_path, 3, "lung_heat")
    with pytest.raises(DataError, match="has schema version 3, this release reads 2"):
        questions(tmp_path, ["A"], None)


def test_three_experiments_stand_in_a_matrix_of_row_minus_column(tmp_path):
    labels = np.array([0, 1] * 100)
    answers = {"C": labels, "A": np.where(np.arange(200) < 60, 1 - labels, labels), "B": labels}
    comparison = compare_models(labels, answers)
    (asked,) = (one for one in questions(tmp_path, list("ABC"), comparison) if one["matrix"])
    assert asked["title"] == "Are the differences between experiments real?"
    assert len(asked["lines"]) == 3
    matrix = asked["matrix"]
    assert matrix["columns"] == ["B", "C"]
    (first, (to_b, to_c)), (second, (nothing, same)) = matrix["rows"]
    assert (first, second, nothing) == ("A", "B", None)
    assert to_b["value"] == to_c["value"] == "-0.300"
    low, high = map(float, to_b["limits"].split(" to "))
    assert low < -0.3 < high < 0
    assert to_b["verdict"] == "apart, p < 0.0001"
    assert same["verdict"] == "not apart, p = 1"
    assert "on 200 test images; p is corrected for 3 pairs" in matrix["caption"]
    pair = compare_models(labels, {name: answers[name] for name in "AB"})
    assert all(one["matrix"] is None for one in questions(tmp_path, list("AB"), pair))
