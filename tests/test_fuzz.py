"""A short run of `tests.fuzz`; a long one is for people, see CONTRIBUTING.md."""

import os
import re
from pathlib import Path

import pytest

from tests.forked import run_module
from tests.fuzz import SHARES, damaged

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(os.name != "posix", reason="limits memory and time as only Unix can")
def test_damaged_files_end_in_an_answer_or_an_error():
    done = run_module("tests.fuzz", "--count", 400, "--seed", 7, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(\S+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == [*SHARES, "all"]
    for _, files, answers, errors, other in rows:
        assert int(answers) > 0
        assert int(errors) > 0
        assert int(files) == int(answers) + int(errors)
        assert other == "0"


def test_a_case_is_drawn_from_seed_kind_and_number():
    seeds = [b"\x89PNG" * 20, b"whole"]
    assert damaged("bmp", seeds, 1, 0) == b"whole"
    found = {damaged("bmp", seeds, number, seed) for number in range(2, 40) for seed in (0, 1)}
    assert len(found) > 40
    assert damaged("bmp", seeds, 5, 1) == damaged("bmp", seeds, 5, 1)
