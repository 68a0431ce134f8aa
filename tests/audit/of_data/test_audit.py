import base64
import hashlib
import json
import os
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.audit.of_data.audit import audit_data
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError, OutputError
from tests.audit.planted import CONFLICTS, SIDE, film, levels
from tests.data.helpers import write


def audit(data, **options):
    return audit_data(data, **{"image_size": (SIDE, SIDE), "verbose": False, **options})


def state(folder):
    """Every path in a folder with its content and its time."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }


def test_copies_under_eight_changes_are_found_with_their_kind(planted, audited):
    _, copies = planted
    found = {frozenset(group.files): group.kind for group in audited.duplicate_groups}
    assert found == {frozenset((copy, original)): kind for copy, (original, kind) in copies.items()}
    assert len({kind for _, kind in copies.values()}) == 3
    for group in audited.duplicate_groups:
        assert 0.8 <= group.similarity <= 1.0
        assert group.similarity == 1.0 or group.kind != "exact"


def test_conflicts_are_the_photographs_under_two_classes(audited):
    assert sorted(group.classes for group in audited.conflicts) == sorted(CONFLICTS)
    sentence = next(one.sentence for one in audited.findings if one.key == "conflicts")
    assert sentence.startswith("2 photographs stand under more than one class (COVID and Lung_")


def test_findings_are_sentences_with_numbers(audited):
    values = {finding.key: finding.value for finding in audited.findings}
    assert values["duplicates"] == 20
    assert values["conflicts"] == 2
    assert values["copies_leak"] > 0
    low, high = next(one.interval for one in audited.findings if one.key == "copies_leak")
    assert low <= values["copies_leak"] <= high
    for finding in audited.findings:
        assert finding.sentence.endswith(".")
        assert any(character.isdigit() for character in finding.sentence)


def test_a_corrupt_file_is_a_flag_and_no_error(audited):
    (flag,) = [one for one in audited.flags if one.kind == "corrupt"]
    assert (flag.file, flag.confidence) == ("Normal/images/broken.png", 1.0)
    assert "not a PNG, JPEG, TIFF" in flag.detail
    assert audited.num_images == 35


def test_actions_group_copies_and_ask_about_conflicts(planted, audited):
    actions = audited.actions
    assert list(actions.columns) == ["file", "action", "group", "label", "reason"]
    assert list(actions.loc[actions["action"] == "drop", "file"]) == ["Normal/images/broken.png"]
    grouped = actions[actions["action"] == "group"]
    name = dict(zip(grouped["file"], grouped["group"], strict=True))
    assert len(name) == 20
    for copy, (original, _) in planted[1].items():
        assert name[copy] == name[original] != ""
    asked = actions[actions["action"] == "relabel?"]
    assert sorted(zip(asked["file"], asked["label"], strict=True)) == [
        ("COVID/images/film-8.png", "Lung_Opacity"),
        ("Lung_Opacity/images/film-9.png", "Normal"),
        ("Lung_Opacity/images/second-8.png", "COVID"),
        ("Normal/images/second-9.png", "Lung_Opacity"),
    ]


def test_the_document_is_json_with_stable_names(audited):
    document = audited.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document) == [
        "schema_version",
        "keras_cxr",
        "folder",
        "layout",
        "num_images",
        "classes",
        "against",
        "duplicate_groups",
        "conflicts",
        "patients_across_classes",
        "leakage",
        "shortcuts",
        "flags",
        "findings",
        "notes",
    ]
    assert (document["schema_version"], document["folder"]) == (1, "films")
    assert document["classes"]["Normal"] == 6 + 2 + 1 + 1
    for group in (*document["duplicate_groups"], *document["conflicts"]):
        assert list(group) == ["files", "classes", "similarity", "kind"]
    assert list(document["flags"][0]) == ["file", "kind", "confidence", "detail"]


def test_the_summary_fits_a_screen(audited):
    lines = str(audited).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("films: 35 images (COVID")


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


@pytest.mark.parametrize("inside", [".", "audit", "Normal/deep/audit"])
def test_the_audited_folder_is_no_place_for_results(planted, audited, inside):
    folder, _ = planted
    with pytest.raises(InvalidArgumentError, match="lies inside the audited folder"):
        audited.write(folder / inside)
    assert not (folder / "audit").exists()


def test_an_unwritable_place_is_named(audited, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(OutputError, match="Cannot write to the folder"):
        audited.write(taken)


def test_against_another_folder(planted, tmp_path):
    folder, copies = planted
    other = tmp_path / "hospital"
    label, image = film(12)
    write(other / label / "a.png", levels(image, 0.8, 20.0))
    write(other / "Normal" / "b.png", film(13)[1])
    write(other / "healthy" / "c.png", film(14)[1])
    write(other / "Normal" / "d.png", film(40)[1])
    found = audit(folder, against=other)
    assert found.against._asdict() == {
        "name": "hospital",
        "num_images": 4,
        "num_copies": 3,
        "num_conflicts": 1,
    }
    crossing = {group.files for group in found.duplicate_groups if len(group.own) == 1}
    assert crossing == {
        ("COVID/images/film-12.png", f"against:{label}/a.png"),
        ("Lung_Opacity/images/film-13.png", "against:Normal/b.png"),
        ("Normal/images/film-14.png", "against:healthy/c.png"),
    }
    assert len(found.duplicate_groups) == len(copies) + 3
    assert len(found.conflicts) == 3  # a class that the folder does not know contradicts none
    sentence = next(one.sentence for one in found.findings if one.key == "against")
    assert sentence == (
        "3 of 4 images of hospital show a photograph of films, 1 of them under another class."
    )
    page = (found.write(tmp_path / "out") / "audit.html").read_text()
    assert "hospital: healthy/c.png" in page
    assert "Shared with hospital: 3" in page
    with pytest.raises(InvalidArgumentError, match="lies inside the audited folder"):
        found.write(other / "out")


def patients(folder):
    """Film 0 and 4 (COVID) are of one patient, film 1 and 2 (two classes) of another."""
    name = {0: "p1", 4: "p1", 1: "p2", 2: "p2", 3: "p3"}
    rows = [(f"{film(n)[0]}/images/film-{n}.png", p, "ward") for n, p in name.items()]
    return pd.DataFrame(rows, columns=["file", "patient", "source"])


def test_patients_across_classes_and_their_leaks(planted):
    folder, _ = planted
    found = audit(folder, metadata=patients(folder))
    (patient,) = found.patients_across_classes
    assert patient.to_dict() == {
        "patient": "p2",
        "classes": ["Lung_Opacity", "Normal"],
        "files": ["Lung_Opacity/images/film-1.png", "Normal/images/film-2.png"],
    }
    assert len(found.conflicts) == 2  # a patient under two classes is no conflict
    assert found.num_patients == 3
    leaks = {(leak.by, leak.split): leak for leak in found.leaks}
    assert sorted(leaks) == [("copies", "random"), ("patient", "random"), ("source", "random")]
    assert (leaks["patient", "random"].num_groups, leaks["patient", "random"].num_known) == (2, 5)
    grouped = found.actions[found.actions["action"] == "group"].set_index("file")["group"]
    # films 0 and 4 have a copy each and one patient: all four stay together
    assert {file for file in grouped.index if grouped[file] == "p1"} == {
        "COVID/images/film-0.png",
        "COVID/images/exact.png",
        "COVID/images/film-4.png",
        "COVID/images/shifted.png",
    }
    assert any("30 of 35 images are not in the metadata" in note for note in found.notes)


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


def test_given_parts_are_asked_for_leaks(tmp_path):
    for number in range(8):
        label, image = film(number % 2 + 4 * number)
        write(tmp_path / "films" / "train" / label / f"{number}.png", image)
        if number < 3:
            write(tmp_path / "films" / "test" / label / f"{number}-copy.png", levels(image, 0.9, 9))
    write(tmp_path / "films" / "test" / "COVID" / "alone.png", film(88)[1])
    found = audit(tmp_path / "films")
    leak = next(leak for leak in found.leaks if leak.split == "given")
    assert (leak.num_groups, leak.num_held_out, leak.num_leaked) == (3, 4, 3)
    sentence = next(one.sentence for one in found.findings if one.key == "copies_leak_given")
    assert sentence == (
        "In the parts as given, 3 of 4 validation and test images have a copy in the training part."
    )


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


def test_pictures_keep_their_proportions(tmp_path):
    wide = cv2.resize(film(0)[1], (256, 128))
    for name in ("COVID", "Normal"):
        write(tmp_path / "films" / name / "wide.png", wide)
    page = (audit(tmp_path / "films").write(tmp_path / "out") / "audit.html").read_text()
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    assert len(pictures) == 2
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), 0)
    assert decoded.shape == (112, 224)
