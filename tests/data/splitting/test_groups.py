import pandas as pd
import pytest

from keras_cxr.data import find_images
from keras_cxr.data.splitting.groups import names_groups, with_groups
from keras_cxr.errors import DataError
from tests.data.helpers import plain


def files(catalog):
    return [entry.file for entry in catalog.entries]


def test_groups_from_tables_and_mappings(tmp_path):
    catalog = find_images(plain(tmp_path / "films"))
    named = {"NORMAL/0.png": "p1", "NORMAL\\1.png": "p1", "./NORMAL/2.png": None}
    grouped = with_groups(catalog, named)
    assert [entry.group for entry in grouped.entries[:3]] == ["p1", "p1", ""]
    assert "12 image(s) are not in the table of groups" in grouped.notes[-1]
    frame = pd.DataFrame({"file": files(catalog), "patient": "p2"})
    frame.to_csv(tmp_path / "patients.csv", index=False)
    for source in (frame, tmp_path / "patients.csv"):
        assert {entry.group for entry in with_groups(catalog, source).entries} == {"p2"}
    other = frame.rename(columns={"patient": "person"})
    assert with_groups(catalog, other, column="person").entries[0].group == "p2"
    with pytest.raises(DataError, match=r"needs the columns file and group or patient"):
        with_groups(catalog, other)
    with pytest.raises(DataError, match=r"names none of the 15 images.*'NORMAL/0\.png'.*'zero'"):
        with_groups(catalog, {"zero": "p"})


def test_a_table_may_serve_for_sources_alone():
    table = pd.DataFrame({"file": ["a"], "hospital": ["h"]})
    assert not names_groups(table, column=None, split_by="hospital")
    assert names_groups(table, column="hospital", split_by="hospital")
    assert names_groups(table, column=None, split_by=None)
    assert names_groups(table.assign(patient="p"), column=None, split_by="hospital")
    assert names_groups({"a": "g"}, column=None, split_by="hospital")
