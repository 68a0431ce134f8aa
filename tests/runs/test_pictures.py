import numpy as np
import pandas as pd

from keras_cxr.runs.pictures import answers_to_show


def test_answers_are_spread_over_each_group():
    table = pd.DataFrame({"real": ["b"] * 9 + ["a"] * 2, "correct": [True] * 8 + [False] * 3})
    rows = answers_to_show(table, ["real", "correct"], count=3)
    # a wrong: 9, 10; b wrong: 8; b right: first, middle and last of 0 to 7
    assert rows.tolist() == [9, 10, 8, 0, 4, 7]


def test_rows_are_counted_from_the_tables_top():
    table = pd.DataFrame({"predicted": ["a", "b"]}, index=[7, 3])
    assert answers_to_show(table, ["predicted"]).tolist() == [0, 1]


def test_no_group_is_left_out_and_no_row_shown_twice():
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"real": generator.choice(list("abcd"), 200), "correct": True})
    rows = answers_to_show(table, ["real"], count=5)
    assert len(set(rows.tolist())) == 20
    assert table.iloc[rows]["real"].value_counts().to_dict() == dict.fromkeys("abcd", 5)
