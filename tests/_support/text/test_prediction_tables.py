import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr._support.text.prediction_tables import (
    FIXED_COLUMNS,
    likeliest_in,
    probabilities_in,
    probability_columns,
    read_written,
)
from keras_cxr.errors import DataError, NotFoundError

FIXED = sorted(FIXED_COLUMNS)
NAMES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(FIXED),
    st.sampled_from(FIXED).map(str.upper),
    st.sampled_from(FIXED).map("probability of {}".format),
)


@settings(max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=8, unique=True))
def test_no_class_shares_a_column_with_anything(names):
    columns = probability_columns(names)
    assert len(set(columns)) == len(names)
    assert not {column.strip().casefold() for column in columns} & FIXED_COLUMNS
    usual = [name for name in names if not name.lower().strip().endswith(tuple(FIXED))]
    assert set(usual) <= set(columns)


def test_columns_are_named_as_the_classes_where_they_can_be():
    assert probability_columns(["COVID", "Normal"]) == ("COVID", "Normal")
    assert probability_columns(["real", "fake"]) == ("probability of real", "fake")
    assert probability_columns(["File"]) == ("probability of File",)
    names = ["probability of real", "real"]
    assert probability_columns(names)[0] == "probability of real"
    assert probability_columns(names)[1] == "probability of probability of real"


def test_probabilities_come_back():
    table = pd.DataFrame(
        {"predicted": ["real", "fake"], "fake": [0.25, 0.75], "probability of real": [0.75, 0.25]}
    )
    np.testing.assert_array_equal(
        probabilities_in(table, ("fake", "real")), [[0.25, 0.75], [0.75, 0.25]]
    )
    np.testing.assert_array_equal(likeliest_in(table, ("fake", "real")), [0.75, 0.75])
    with pytest.raises(DataError, match=r"lacks the column\(s\) Normal; it has predicted, fake"):
        probabilities_in(table, ("fake", "Normal"))
    with pytest.raises(DataError, match="holds no probabilities"):
        probabilities_in(table.assign(fake="much"), ("fake", "real"))


def test_cells_come_back_as_the_texts_they_were(tmp_path):
    rows = {
        "file": ["01/1.png", "a,b\n.png", "\\udce9.png"],
        "class": ["01", "1.0", " NA "],
        "group": ["", "nan", "7"],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "split.csv", index=False)
    table = read_written(tmp_path / "split.csv", ("file", "class"))
    rows["file"][2] = "\udce9.png"
    assert table.to_dict("list") == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"file,class\na,b,c\na,d,e\n", "cannot be read"),
        (b"file,part\na.png,test\n", r"split.csv is damaged: it lacks the column\(s\) class"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'file,class\n"a', "cannot be read"),
    ],
)
def test_damaged_tables_are_named(content, words, tmp_path):
    (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_written(tmp_path / "split.csv", ("file", "class"))
    with pytest.raises(NotFoundError, match="There is no file"):
        read_written(tmp_path / "other.csv", ("file",))
