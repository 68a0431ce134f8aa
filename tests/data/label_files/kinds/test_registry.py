"""Which kind a file is, and what is said where it is none."""

import re

import pandas as pd
import pytest

from keras_cxr.data import read_label_file
from keras_cxr.data.label_files.kinds.registry import KINDS, NAMES
from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.label_files.examples import KIND, PATHS, Film, write


@pytest.mark.parametrize("example", PATHS)
def test_a_file_is_read_alike_whether_its_kind_is_recognised_or_named(example, tmp_path):
    path = write(tmp_path, example, Film("a"), Film("b", ("0", "1")))
    found, named = read_label_file(path), read_label_file(path, kind=KIND.get(example, example))
    assert found.kind == named.kind == KIND.get(example, example)
    assert found.table.equals(named.table)


def test_every_kind_has_an_example_here_or_a_test_of_its_own():
    assert {KIND.get(example, example) for example in PATHS} | {"radiography"} == {*NAMES}


def test_an_unknown_file_is_refused_with_the_kinds_and_the_nearest_names():
    table = pd.DataFrame({"Image Indexx": ["a"], "Finding Label": ["Mass"]})
    with pytest.raises(DataError, match="the DataFrame is no label file of a known kind") as caught:
        read_label_file(table)
    text = str(caught.value)
    assert "It has the columns Image Indexx, Finding Label" in text
    assert all(f"  {kind.name}: " in text for kind in KINDS)
    assert "'Image Indexx' is nearly 'Image Index'" in text


@pytest.mark.parametrize("kind", NAMES)
def test_a_file_that_is_not_of_the_named_kind_is_refused(kind):
    with pytest.raises(DataError, match=r"the DataFrame needs the column.* it has colour"):
        read_label_file(pd.DataFrame({"colour": ["red"]}), kind=kind)


def test_a_hospitals_own_patients_and_targets_are_not_taken_for_those_of_rsna():
    table = pd.DataFrame({"file": ["a", "b"], "patient_id": ["7", "7"], "target": [0, 1]})
    found = read_label_file(table)
    assert (found.kind, found.findings, found.groups) == ("columns", ("target",), ("7", "7"))


def test_a_kind_that_does_not_exist():
    allowed = re.escape("kind must be one of 'auto', 'nih'")
    with pytest.raises(InvalidArgumentError, match=allowed):
        read_label_file(pd.DataFrame({"file": ["a"]}), kind="NIH")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ([["a"], ["b"]], "has 2 rows of column names"),
        (["file", "file"], r"names the column\(s\) file more than once"),
    ],
)
def test_columns_without_one_name_each(columns, match):
    names = pd.MultiIndex.from_product(columns) if isinstance(columns[0], list) else columns
    with pytest.raises(DataError, match=match):
        read_label_file(pd.DataFrame([[1] * len(names)], columns=names))
