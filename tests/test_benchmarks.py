"""Every benchmark runs and gives finite figures; how fast is not asked here."""

import json
import math
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.common import Report, alternate
from tests.forked import run_module

ROOT = Path(__file__).resolve().parent.parent
# The others take 5 to 20 seconds each.
QUICK = ("coverage", "duplicates")


def test_every_benchmark_is_listed():
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    helpers = {
        "__init__", "__main__", "common", "odd_pictures", "detector_cases", "duplicate_peers",
        "plain_keras", "planted", "simulated", "coverage_audits", "watching", "one_runtime",
    }  # fmt: skip
    assert modules - helpers == {*NAMES, "gpu"}  # which needs a machine of its own


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
    + [pytest.param("gpu", marks=pytest.mark.slow)],
)
def test_smoke(name, tmp_path):
    done = run_module(f"benchmarks.{name}", "--smoke", "--out", tmp_path, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / f"{name}.json").read_text())
    figures = [value for row in document["rows"] for value in row["rounds"]]
    figures += [row["ratio"] for row in document["ratios"]]
    assert figures
    assert all(math.isfinite(value) for value in figures)
    assert document["title"] in done.stdout
    assert document["machine"]["keras"]


def test_contestants_take_turns():
    log = []
    found = alternate(
        {name: lambda name=name: log.append(name) or len(log) for name in "ab"}, rounds=3
    )
    assert log == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_ratios_are_taken_round_by_round():
    report = Report("name", "Title")
    report.add("slow", [10.0, 20.0, 30.0], "images/s")
    report.compare("fast / slow", [20.0, 60.0, 60.0], [10.0, 20.0, 30.0], "at least 2")
    assert report.ratios[0]["ratio"] == 2
    assert (report.ratios[0]["lowest"], report.ratios[0]["highest"]) == (2, 3)
    assert "| slow | 20 | 10 to 30 | images/s |" in str(report)
    assert "| fast / slow | 2.00 | 2.00 to 3.00 | at least 2 |" in str(report)
