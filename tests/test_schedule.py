"""How the suite is shared among pytest-xdist's workers."""

import os
from pathlib import Path

import pytest

from tests.schedule import ALONE, LONGEST, TOGETHER, place, rank

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("part", ["first", "second", "third", "fourth"])
def test_one_worker_runs_all_of_a_file(part, tmp_path_factory):
    own = tmp_path_factory.getbasetemp()
    worker = os.environ.get("PYTEST_XDIST_WORKER")  # each has a folder of its own in a common one
    shared = own.parent if worker else own
    (shared / f"schedule-{part}-{worker}").touch()
    assert {path.name.rsplit("-", 1)[-1] for path in shared.glob("schedule-*")} == {str(worker)}


def test_named_files_are_here():
    for name in (*ALONE, *TOGETHER, *LONGEST):
        assert (ROOT / name).exists(), f"tests/schedule.py names {name}, which is not here"


def test_long_files_are_handed_out_first_and_some_test_by_test():
    assert place("tests/a/test_b.py::test_c[d::e]") == "tests/a/test_b.py"
    assert place(f"{ALONE[0]}::test_c[d::e]") == f"{ALONE[0]}::test_c[d::e]"
    assert place(f"{TOGETHER[0]}deeper/test_b.py::test_c") == TOGETHER[0]
    assert sorted(["tests/data/test_b.py", *reversed(LONGEST)], key=rank) == [
        *LONGEST,
        "tests/data/test_b.py",
    ]
