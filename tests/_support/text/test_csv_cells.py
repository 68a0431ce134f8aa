import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr._support.text.csv_cells import csv_text, unguarded
from keras_cxr.data.tables.csv_files import read_csv

CELLS = st.text(alphabet="=+-@'a1,\"\t ", max_size=4)


@settings(max_examples=100)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_texts_return_and_none_is_a_formula(rows):
    table = pd.DataFrame(rows, columns=["file", "=class"], dtype=str)
    text = csv_text(table)
    read = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert not [cell for cell in [*read, *read.to_numpy().ravel()] if cell[:1] in tuple("=+-@\t")]
    pd.testing.assert_frame_equal(unguarded(read), table, check_dtype=False)


def test_numbers_are_written_as_they_are():
    table = pd.DataFrame({"a": [-1, 2], "b": [-0.5, 1.0], "c": ["-1", "x"], "d": [True, False]})
    assert csv_text(table) == "a,b,c,d\n-1,-0.5,'-1,True\n2,1.0,x,False\n"
    named = table[["a"]].set_axis(["=x", "y"])
    assert csv_text(named, index=True) == ",a\n'=x,-1\ny,2\n"


@pytest.mark.parametrize("name", ["=1+1.png", "-a.png", "'=a.png", "'a.png"])
def test_tables_of_the_package_may_be_given_back_to_it(name, tmp_path):
    table = pd.DataFrame({"file": [name], "label": ["@home"]})
    (tmp_path / "films.csv").write_text(csv_text(table))
    read = read_csv(tmp_path / "films.csv")
    assert read.to_numpy().tolist() == [[name, "@home"]]
