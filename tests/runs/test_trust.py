"""What a report says of experiments, read from their audits."""

import json

import pytest

from keras_cxr._support.disk.file_names import MODEL_AUDIT_FILE
from keras_cxr.errors import DataError
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
