import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import find_images
from keras_cxr.data.tables.joining import join_table, places_of
from keras_cxr.errors import DataError
from tests.data.helpers import write

FILES = ("a/1.png", "a/2.png", "b/3.png")
TABLE = pd.DataFrame({"file": ["b\\3.png", "./a/1.png", "c/9.png", "a/1.png"], "sex": list("FMFM")})


def join(table, tmp_path, **options):
    return join_table(table, FILES, name="the table", root=tmp_path, **options)


def test_values_come_in_the_order_of_the_images(tmp_path):
    joined = join(TABLE, tmp_path)
    assert joined.places == [2, 0, -1, 0]
    assert joined.num_missing == 1
    assert joined.of_each(TABLE["sex"], "sex") == ["M", None, "F"]
    joined.check_named()


def test_rows_that_contradict_each_other_are_named(tmp_path):
    joined = join(TABLE, tmp_path)
    assert joined.conflicts(list("abcd")) == [("a/1.png", "b", "d")]
    with pytest.raises(DataError, match=r"ages has files with two values \(1\)(.|\n)*'b' and 'd'"):
        joined.of_each(list("abcd"), "ages")


def test_a_table_that_names_no_image_is_told_what_it_should_hold(tmp_path):
    for table, has in ((TABLE.iloc[2:3], "'c/9.png'"), (TABLE.head(0), "'no rows'")):
        with pytest.raises(
            DataError, match=f"the table names none of the 3 films.*'a/1.png'.*{has}"
        ):
            join(table, tmp_path).check_named("films")


def test_the_column_file_must_be_there(tmp_path):
    with pytest.raises(DataError, match=r"^the table needs the column file; it has sex$"):
        join(TABLE[["sex"]], tmp_path)
    with pytest.raises(DataError, match=r"^another error$"):
        join(TABLE[["sex"]], tmp_path, error=DataError("another error"))


def test_rows_find_their_images_however_paths_are_written(tmp_path):
    known = ("COVID/1.png", "a\\b.png", "COVID/2.png", "\udce9.png")
    root = tmp_path / "inner"
    rows = [
        "COVID/1.png", "COVID\\1.png", "./COVID//1.png", "COVID/../COVID/1.png",
        "inner/COVID/1.png", f"{root}/COVID/1.png", f"{root}\\COVID\\1.png", "a\\b.png", "",
        "1.png", "/COVID/1.png", "\\udce9.png",
    ]  # fmt: skip
    found = places_of(rows, known, root=root, prefix="inner/")
    assert found == [0, 0, 0, 0, 0, 0, 0, 1, -1, -1, -1, 3]


def test_backslashes_of_windows_and_of_file_names(tmp_path):
    write(tmp_path / "COVID" / "F1.PNG", np.zeros((4, 4), np.uint8))
    write(tmp_path / "odd\\name.png", np.zeros((4, 4), np.uint8))
    table = pd.DataFrame({"file": ["COVID\\F1.PNG", "odd\\name.png"], "label": ["a", "b"]})
    entries = find_images(table, root=tmp_path).entries
    assert [entry.file for entry in entries] == ["COVID/F1.PNG", "odd\\name.png"]
    assert all(entry.size > 0 for entry in entries)
