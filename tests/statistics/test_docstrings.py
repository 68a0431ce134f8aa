import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "bootstrap", "calibrated", "calibration", "comparison", "conformal", "scaling", "selective",
        "subgroups", "temperature",
    ],
)  # fmt: skip
def test_examples_print_what_they_say(name):
    module = importlib.import_module(f"keras_cxr.evaluation.{name}")
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
