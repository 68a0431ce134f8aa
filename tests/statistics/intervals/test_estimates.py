import numpy as np
import pandas as pd
import pytest

from keras_cxr.statistics.intervals.estimates import (
    Estimate,
    class_table,
    estimate_columns,
    number_text,
    on_test_images,
)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.8, 0.7, 0.9), "0.80 [0.70, 0.90]"),
        (Estimate(-0.001, -0.3, 0.2), "0.00 [-0.30, 0.20]"),
        (Estimate(0.8, np.nan, np.nan), "0.80"),
        (Estimate(np.nan, np.nan, np.nan), "\N{EN DASH}"),
        (Estimate(0.8, 0.7, np.inf), "0.80"),
    ],
)
def test_what_is_no_number_is_never_written_as_one(estimate, text):
    assert estimate.text(2) == text
    assert "nan" not in estimate.text(2, signed=True)


def test_numbers_are_written_without_a_negative_nought():
    assert number_text(-0.0004) == "0.000"
    assert number_text(0.25, 1, signed=True) == "+0.2"
    assert number_text(float("inf")) == "\N{EN DASH}"
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.500 [0.250, 0.750]"


def test_estimates_as_json_and_as_columns():
    known, none = Estimate.of(0.5, np.array([0.25, 0.75]), "wilson"), Estimate(0.5, np.nan, np.inf)
    assert known.to_dict() == {"value": 0.5, "interval": [0.25, 0.75], "method": "wilson"}
    assert none.to_dict() == {"value": 0.5, "interval": [None, None], "method": "bca"}
    assert known.mean == known.value
    columns = estimate_columns("recall", [known, known])
    assert columns == {"recall": [0.5] * 2, "recall_low": [0.25] * 2, "recall_high": [0.75] * 2}


def test_tables_and_phrases():
    table = pd.DataFrame({"recall": [0.5, np.nan]}, index=pd.Index(["a", "b"], name="class"))
    assert class_table(table).splitlines() == ["   recall", "a   0.500", "b       \N{EN DASH}"]
    assert on_test_images(1200, 1200) == "on 1,200 test images"
    assert on_test_images(1200, 30) == "on 1,200 test images in 30 groups"
