import json
import os

import pandas as pd
import pytest

from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from tests.audit.planted import audit, film, patients, state
from tests.data.helpers import write


def test_nothing_in_the_folder_changes(planted, tmp_path):
    folder, _ = planted
    before = state(folder)
    found = audit(folder, cache_dir=tmp_path / "cache")
    out = found.write(tmp_path / "out")
    assert state(folder) == before
    assert sorted(path.name for path in out.iterdir()) == [
        "actions.csv",
        "audit.html",
        "audit.json",
    ]
    assert json.loads((out / "audit.json").read_text()) == found.to_dict()
    table = pd.read_csv(out / "actions.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(table, found.actions)


def test_steps_are_named_where_progress_is_shown(planted, capsys):
    audit(planted[0], verbose=True)
    assert "Looking for copies\n" in capsys.readouterr().err


def test_a_table_is_its_own_metadata(planted):
    folder, _ = planted
    table = patients(folder)
    table["label"] = [file.split("/")[0] for file in table["file"]]
    found = audit(table, root=folder)
    assert (found.name, found.num_images, found.num_patients) == ("the DataFrame", 5, 3)
    assert [one.patient for one in found.patients_across_classes] == ["p2"]
    assert any(note.startswith("no random split was drawn") for note in found.notes)


def test_paths_are_relative_to_the_folder_that_was_named(tmp_path):
    for number in range(4):
        label, image = film(number % 2 + 4 * number)
        write(tmp_path / "download" / "inner" / label / f"{number}.png", image)
    write(tmp_path / "download" / "inner" / "COVID" / "again.png", film(0)[1])
    found = audit(tmp_path / "download")
    (group,) = found.to_dict()["duplicate_groups"]
    for file in group["files"]:
        assert (tmp_path / "download" / file).is_file()
    # actions name files as make_datasets does for the same folder
    assert set(found.actions["file"]) == {"COVID/0.png", "COVID/again.png"}
    named = pd.DataFrame({"file": ["inner/COVID/0.png", "COVID/again.png"], "patient": ["a", "a"]})
    assert audit(tmp_path / "download", metadata=named).num_patients == 1


def test_a_folder_with_nothing_to_read_is_audited_still(tmp_path):
    for name in ("one", "two"):
        path = write(tmp_path / "films" / name / "a.png", film(0)[1])
        path.write_bytes(path.read_bytes()[:300])
    found = audit(tmp_path / "films")
    assert {flag.kind for flag in found.flags} == {"corrupt"}
    assert len(found.flags) == 2
    page = (found.write(tmp_path / "out") / "audit.html").read_text()
    assert page.count("no picture") == 2


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"image_size": (32, 32)}, InvalidArgumentError, "at least 64 x 64"),
        ({"metadata": pd.DataFrame({"name": ["a"]})}, DataError, "needs the column file; it has n"),
        ({"metadata": pd.DataFrame({"file": ["a"]})}, DataError, "names none of the 35 images"),
        ({"metadata": "nowhere.csv"}, NotFoundError, "There is no file nowhere.csv"),
        ({"against": "nowhere"}, NotFoundError, "There is no folder or file nowhere"),
    ],
)
def test_wrong_arguments(planted, options, kind, text):
    with pytest.raises(kind, match=text):
        audit(planted[0], **options)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_audited(planted, tmp_path):
    folder, _ = planted
    folder.chmod(0o555)
    try:
        assert audit(folder, cache_dir=tmp_path).num_images == 35
    finally:
        folder.chmod(0o755)
