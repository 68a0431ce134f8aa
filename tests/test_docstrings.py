import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "evaluation.calibrated", "evaluation.evaluation", "evaluation.ood", "evaluation.shift",
        "data.label_files.reading", "data.splitting.by_labels", "statistics.calibration.measure",
        "statistics.calibration.scaling", "statistics.calibration.temperature",
        "statistics.comparison", "statistics.conformal",
        "statistics.intervals.bootstrap", "statistics.metrics", "statistics.selective",
        "statistics.subgroups",
    ],
)  # fmt: skip
def test_examples_print_what_they_say(name):
    module = importlib.import_module(f"keras_cxr.{name}")
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
