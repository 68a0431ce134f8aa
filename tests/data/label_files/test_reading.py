"""What is asked for, what is refused, and what comes back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.data import LabelTable, read_label_file
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError

TABLE = pd.DataFrame(
    {
        "file": ["a.png", "b.png", "c.png", "d.png"],
        "Mass": ["1", "0", "-1", ""],
        "Edema": ["0", "0", "1", "1"],
        "patient": ["1", "1", "2", ""],
        "view": ["PA", "L", "pa", "AP"],
    }
)


def noted(found, text):
    return any(text in note for note in found.notes)


def test_a_label_table_says_all_that_is_known():
    found = read_label_file(TABLE)
    assert isinstance(found, LabelTable)
    assert found.files == ("a.png", "b.png", "c.png", "d.png")
    assert found.findings == ("Edema", "Mass")
    assert found.groups == ("1", "1", "2", "")
    assert found.views == ("PA", "L", "PA", "AP")
    assert found.parts == ("",) * 4
    assert found.paths == ()
    np.testing.assert_equal(found.labels, np.float32([[0, 1], [0, 0], [1, np.nan], [1, np.nan]]))
    assert found.labels.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        found.labels[0, 0] = 1.0


def test_its_table_and_counts():
    found = read_label_file(TABLE)
    assert list(found.table) == ["file", "group", "part", "view", "Edema", "Mass"]
    assert found.table["Edema"].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert found.counts.loc["Mass"].to_dict() == {"positive": 1, "negative": 1, "unknown": 2}
    assert str(found).splitlines()[0] == "columns: 4 films, 2 findings, 2 patients"
    assert "- uncertain, read as unknown: Mass 1" in str(found).splitlines()


def test_findings_are_chosen():
    found = read_label_file(TABLE, findings=["Mass"])
    assert found.findings == ("Mass",)
    assert found.labels.shape == (4, 1)
    assert noted(found, "left out, as findings= does not name them: Edema")
    with pytest.raises(InvalidArgumentError, match=r"has Edema, Mass\. Did you mean 'Mass'\?"):
        read_label_file(TABLE, findings=["Mas"])


def test_rare_findings_are_left_out_and_counted():
    found = read_label_file(TABLE, min_positive=2)
    assert found.findings == ("Edema",)
    assert noted(found, "left out, with fewer than 2 positive films: Mass 1")
    assert read_label_file(TABLE, min_positive=2, uncertain="positive").findings == (
        "Edema",
        "Mass",
    )
    with pytest.raises(DataError, match="leaves no finding with 9 positive films or more: Edema 2"):
        read_label_file(TABLE, min_positive=9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"uncertain": "drop"}, "uncertain must be one of 'ignore', 'negative', 'positive'"),
        ({"missing": "positive"}, "missing must be one of 'ignore', 'negative'"),
        ({"readers": "most"}, "readers must be one of 'any', 'majority'"),
        ({"min_positive": -1}, "min_positive must be an integer from 0"),
        ({"views": ()}, r"views must be names of views, .* received \(\)"),
        ({"views": 3}, "views must be names of views, .* received 3"),
        ({"findings": "Mass"}, "findings must be a list of names, received 'Mass'"),
        ({"findings": []}, "findings must name a finding, received none"),
        ({"findings": 3}, "findings must be a list of names, received 3"),
        ({"separator": ""}, "separator must be the text between two findings"),
    ],
)
def test_arguments_that_cannot_be(options, match):
    with pytest.raises(InvalidArgumentError, match=match):
        read_label_file(TABLE, **options)


def test_what_is_no_file(tmp_path):
    with pytest.raises(InvalidArgumentError, match="path must be a CSV file or a DataFrame"):
        read_label_file(3)
    with pytest.raises(NotFoundError, match="There is no file"):
        read_label_file(tmp_path / "none.csv")
    with pytest.raises(DataError, match="it is a folder, pipe or device"):
        read_label_file(tmp_path)
    with pytest.raises(NotFoundError, match="There is no folder or file"):
        read_label_file(TABLE, root=tmp_path / "none")


@pytest.mark.parametrize(
    ("column", "match"),
    [
        ("patient", "groups of one film differ between its rows"),
        ("view", "views of one film differ between its rows"),
        ("split", "parts of one film differ between its rows"),
    ],
)
def test_a_film_is_of_one_patient_view_and_part(column, match):
    table = TABLE.assign(file=["a.png", "a.png", "c.png", "d.png"], patient="1", view="PA")
    told = {"patient": list("1211"), "view": ["PA", "AP", "PA", "PA"],
            "split": ["train", "test", "train", "train"]}  # fmt: skip
    with pytest.raises(DataError, match=match):
        read_label_file(table.assign(**{column: told[column]}))


CELLS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["1", "0", "-1", ""])), min_size=1)


@given(CELLS, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_rows_changes_no_label(cells, random):
    fixed = [("x", "1"), ("y", "0")]  # so that the column is one of labels
    rows = [(f"f{film}", cell) for film, cell in cells] + fixed
    moved = list(rows)
    random.shuffle(moved)
    read = [
        read_label_file(pd.DataFrame(order, columns=["file", "Mass"]), kind="columns")
        for order in (rows, moved)
    ]
    one, other = (dict(zip(found.files, found.labels[:, 0], strict=True)) for found in read)
    np.testing.assert_equal(one, other)


@given(CELLS)
@settings(max_examples=40)
def test_rows_of_one_film_say_what_they_agree_on(cells):
    rows = [(f"f{film}", cell) for film, cell in cells] + [("x", "1"), ("y", "0")]
    found = read_label_file(pd.DataFrame(rows, columns=["file", "Mass"]))
    for file, label in zip(found.files, found.labels[:, 0], strict=True):
        said = {cell for name, cell in rows if name == file} - {""}
        expected = {"1": 1.0, "0": 0.0}.get(said.pop(), np.nan) if len(said) == 1 else np.nan
        np.testing.assert_equal(label, np.float32(expected))


def test_real_films_of_nih(real_data):
    folder = real_data / "nih_multilabel"
    if not folder.is_dir():
        pytest.skip("NIH's films are not beside the real X-rays")
    found = read_label_file(folder / "Data_Entry_2017.csv", root=folder / "images")
    assert found.kind == "nih"
    assert (len(found.files), len(found.findings), len(set(found.groups))) == (795, 14, 190)
    assert found.counts.loc["Effusion", "positive"] == 141
    assert found.counts.loc["Hernia", "positive"] == 1
    assert not np.isnan(found.labels).any()
    assert {*found.views} == {"PA", "AP"}
    assert found.paths == found.files
    assert len(found.notes) == 1  # the columns that are no labels
    whole = pd.read_csv(folder / "Data_Entry_2017.csv", index_col="Image Index")
    none = whole.loc[list(found.files), "Finding Labels"] == "No Finding"
    assert (found.labels.sum(axis=1) == 0).tolist() == none.tolist()
