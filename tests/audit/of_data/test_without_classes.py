import json

import pandas as pd
import pytest

from keras_cxr.audit import audit_data
from keras_cxr.cli import main
from keras_cxr.data import find_duplicates, make_datasets
from keras_cxr.errors import DataError
from tests.audit.planted import SIDE, film
from tests.data.helpers import write


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Twelve films beside each other; one is a copy, one no image."""
    folder = tmp_path_factory.mktemp("flat") / "films"
    for number in range(12):
        write(folder / f"{number}.png", film(number)[1])
    write(folder / "copy.png", film(3)[1])
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def audited(flat):
    table = pd.DataFrame({"file": [f"{n}.png" for n in range(12)], "patient": ["p", "q"] * 6})
    return audit_data(flat, metadata=table, image_size=(SIDE, SIDE), verbose=False)


def test_what_needs_no_class_is_asked(audited):
    assert audited.class_counts == {}
    assert [group.files for group in audited.duplicate_groups] == [("3.png", "copy.png")]
    assert audited.duplicate_groups[0].classes == ()
    assert [flag.file for flag in audited.flags if flag.kind == "corrupt"] == ["broken.png"]
    assert {leak.by for leak in audited.leaks} == {"copies", "patient"}
    assert audited.conflicts == ()
    keys = {finding.key for finding in audited.findings}
    assert not keys & {"conflicts", "shortcuts", "patients_across_classes"}
    assert any("no classes, so no shortcut to one was sought" in note for note in audited.notes)


def test_summary_page_and_document_say_so(audited, tmp_path):
    assert str(audited).startswith("films: 14 images (no classes)\n")
    audited.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["classes"] == {}
    assert "14 images without classes. Audited" in (tmp_path / "out" / "audit.html").read_text()


def test_command_audits_and_refuses_what_asks_about_classes(flat, capsys):
    assert main(["audit", str(flat), "--fail-on", "duplicates"]) == 1
    printed = capsys.readouterr()
    assert "(no classes)" in printed.out
    assert "Note: left out: 1 file(s) that are no image (.txt 1)\n" in printed.err
    assert main(["audit", str(flat), "--fail-on", "conflicts"]) == 2
    assert "--fail-on conflicts asks about classes, and films has" in capsys.readouterr().err


def test_against_each_other_and_in_training(flat, planted):
    films, _ = planted
    options = {"image_size": (SIDE, SIDE), "verbose": False}
    other = audit_data(flat, against=films, **options).against
    back = audit_data(films, against=flat, **options).against
    assert other.num_copies > 0
    assert other.num_conflicts == back.num_conflicts == 0
    assert find_duplicates(flat, on_error="skip", **options).num_images == 13
    with pytest.raises(DataError, match="holds images directly, so their class is unknown"):
        make_datasets(flat)
