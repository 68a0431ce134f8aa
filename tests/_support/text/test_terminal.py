import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr._support.text.terminal import NO_NUMBER, table_text

NAMES = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]


def answers(file="xrays/COVID/images/COVID-1.png"):
    row = {"file": file, "predicted": "Viral Pneumonia", **dict.fromkeys(NAMES, 0.25)}
    return pd.DataFrame([row, row | {"Normal": np.nan}])


def test_without_a_terminal_rows_stay_whole():
    long = "folder/" * 30 + "film.png"
    lines = table_text(answers(long)).splitlines()
    assert len(lines) == 3
    assert lines[0].split() == [
        "file",
        "predicted",
        "COVID",
        "Lung_Opacity",
        "Normal",
        "Viral",
        "Pneumonia",
    ]
    assert lines[1].startswith(long)
    assert lines[2].split()[-2] == NO_NUMBER  # no number


def test_at_80_columns_headings_break_and_files_keep_their_names():
    lines = table_text(answers(), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["file", "predicted", "COVID", "Lung_", "Normal", "Viral"]
    assert lines[1].split() == ["Opacity", "Pneumonia"]
    assert lines[2].split()[0].endswith("COVID-1.png")


def test_sentences_break_between_words():
    table = pd.DataFrame({"title": ["LMAP3, lung section only, augmented"], "accuracy": [0.5]})
    assert table_text(table, width=32, digits=1).splitlines() == [
        "title                accuracy",
        "LMAP3, lung section       0.5",
        "only, augmented",
    ]


def test_each_column_may_have_digits_of_its_own():
    table = pd.DataFrame({"a": [1.0], "b": [1.0]})
    assert table_text(table, digits=[1, 2]).split() == ["a", "b", "1.0", "1.00"]


@given(
    st.lists(st.text("ab_ ", min_size=1, max_size=12), min_size=1, max_size=15),
    st.integers(40, 120),
)
def test_no_line_is_wider_and_no_number_is_lost(names, width):
    table = pd.DataFrame([range(100, 100 + len(names))], columns=names)
    table.insert(0, "file", "some/folders/film.png", allow_duplicates=True)
    text = table_text(table, width=width)
    assert max(map(len, text.splitlines())) <= width
    found = [word for word in text.split() if word.isdigit()]
    assert found == [str(number) for number in table.iloc[0, 1:]]


def test_the_terminals_own_width_counts(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, table_text(answers()).splitlines())) <= 60


def test_a_table_without_rows_is_its_heading():
    assert table_text(pd.DataFrame({"file": [], "predicted": []}), width=80).split() == [
        "file",
        "predicted",
    ]


@pytest.mark.parametrize("width", [10, 17])
def test_a_very_narrow_terminal_still_gets_every_cell(width):
    text = table_text(answers(), width=width)
    assert text.count("0.250") == 7
