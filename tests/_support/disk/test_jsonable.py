import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr._support.disk.jsonable import as_json, to_json, write_json

NUMBERS = st.floats() | st.floats(width=32).map(np.float32) | st.floats().map(np.float64)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


@settings(max_examples=80)
@given(DOCUMENTS)
def test_every_document_is_read_back_without_nan(value):
    text = to_json(value)
    found = json.loads(text, parse_constant=refuse)
    assert found == json.loads(to_json(value, indent=None), parse_constant=refuse)
    assert found == as_json(value)
    assert as_json(found) == found
    if isinstance(value, float):
        assert found == value if math.isfinite(value) else found is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.5), "0.5"),
        (np.float32("nan"), "null"),
        (np.int64(3), "3"),
        (np.bool_(True), "true"),
        (np.array([[1.0, np.inf]]), "[[1.0,null]]"),
        ({"a": {np.int64(2): (1, -math.inf)}}, '{"a":{"2":[1,null]}}'),
        ({2: math.nan, None: 1}, '{"2":null,"null":1}'),
        (Path("a/b"), '"a/b"'),
    ],
)
def test_values_that_json_does_not_have(value, text):
    assert to_json(value, indent=None) == text


def test_objects_are_mistakes_of_the_program():
    with pytest.raises(TypeError, match="JSON holds no object"):
        to_json([math.nan, object()])


def test_files_are_written_whole(tmp_path):
    write_json(tmp_path / "a.json", {"share": math.nan})
    assert (tmp_path / "a.json").read_text() == '{\n "share": null\n}\n'
