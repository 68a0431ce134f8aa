"""Columns of the metadata."""

import numpy as np
import pandas as pd
import pytest

from keras_cxr.audit.of_model.questions.subgroups import columns_of


def test_metadata_are_read_by_file_and_numbers_become_numbers():
    files = ("a/1.png", "a/2.png", "a/3.png")
    table = pd.DataFrame(
        {
            "file": ["/data/a/2.png", "a/1.png", "b/9.png"],
            "age": ["61", "", "7"],
            "sex": ["F", "M", "F"],
        }
    )
    columns = columns_of(files, table, root="/data")
    assert columns["sex"].tolist()[:2] == ["M", "F"]
    assert np.isnan(columns["age"]).tolist() == [True, False, True]
    assert columns["age"][1] == 61
    with pytest.raises(ValueError, match="metadata names none of the 3 test images"):
        columns_of(files, table.iloc[2:], root="/data")
    with pytest.raises(ValueError, match="metadata needs the column file; it has age"):
        columns_of(files, table[["age"]], root="/data")
