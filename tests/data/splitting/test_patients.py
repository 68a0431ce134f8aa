"""Patients of DICOM films: kept in one part, and named nowhere."""

import numpy as np
import pandas as pd
import pytest

from keras_cxr.data.caching.cache import CacheInfo
from keras_cxr.errors import DataError
from tests.data.helpers import make, picture, plain

pytest.importorskip("pydicom", reason="the extra dicom is not installed")

PLANTED = {
    "PatientID": "MRN0815",
    "PatientName": "Musterfrau^Erika",
    "PatientBirthDate": "19470811",
    "AccessionNumber": "ACC4711",
    "InstitutionName": "Sankt Nirgendwo",
    "ReferringPhysicianName": "Quincy^House",
    "StudyInstanceUID": "1.2.826.0.1.99887766",
    "StudyDescription": "Thorax fuer Zacharias",
    "DeviceSerialNumber": "SN55443322",
}


def films(root, patients, *, classes=("a", "b"), **tags):
    """One DICOM film for each name of a patient in each class; "" names none."""
    from tests.data.dicom_files import film

    for label in classes:
        (root / label).mkdir(parents=True)
        for number, patient in enumerate(patients):
            rng = np.random.default_rng((ord(label), number))
            pixels = rng.integers(0, 256, (20, 24)).astype(np.uint8)
            held = tags | {"PatientID": f"{label}-{patient}" if patient else ""}
            film(root / label / f"{number:02d}.dcm", pixels, bits=8, **held)
    return root


TWELVE = [str(number // 3) for number in range(12)]  # four patients of three films each


def divided(datasets):
    """How many patients of `TWELVE` lie in several parts."""
    table = datasets.table
    patient = table["file"].map(lambda file: (file[0], int(file[2:4]) // 3))
    return int((table.groupby(patient)["part"].nunique() > 1).sum())


@pytest.mark.parametrize("cached", [True, False])
def test_films_of_one_patient_stay_in_one_part(tmp_path, cached):
    root = films(tmp_path / "films", TWELVE)
    unaware = make(root, tmp_path / "cache", cache=cached, group_patients=False)
    assert divided(unaware) > 0
    for _ in range(2):
        datasets = make(root, tmp_path / "cache", cache=cached)
        assert divided(datasets) == 0
        assert "patients: DICOM files name 8 for 24 images, 8 of them for several" in str(datasets)
        assert "this one 0" in str(datasets)
        assert "groups: 8 with 24 images, none divided between parts" in str(datasets)
    assert set(datasets.table["group"]) == {f"{c}/{n:02d}.dcm" for c in "ab" for n in (0, 3, 6, 9)}


def test_films_that_come_later_join_their_patients(tmp_path):
    from tests.data.dicom_files import film

    root = films(tmp_path / "films", TWELVE)
    make(root, tmp_path / "cache")
    film(root / "a" / "99.dcm", picture(9), bits=8, PatientID="a-2")
    table = make(root, tmp_path / "cache").table.set_index("file")
    assert table.loc["a/99.dcm", "group"] == table.loc["a/06.dcm", "group"]
    assert table.loc["a/99.dcm", "part"] == table.loc["a/06.dcm", "part"]


def test_given_groups_go_first_and_may_be_joined(tmp_path):
    root = films(tmp_path / "films", TWELVE)
    groups = {f"a/{number:02d}.dcm": "mine" for number in (0, 3)}
    given = make(root, tmp_path / "cache", groups=groups)
    assert set(given.table["group"]) == {"", "mine"}
    assert "DICOM files name were not used, since groups are given" in str(given)
    both = make(root, tmp_path / "cache", groups=groups, group_patients=True)
    assert divided(both) == 0
    assert (both.table["group"] == "mine").sum() == 6


def test_one_name_for_all_is_no_name(tmp_path):
    root = films(tmp_path / "films", ["same"] * 5, classes=("a",))
    plain(root, counts={"b": 6})
    datasets = make(root, tmp_path / "cache")
    assert "all 5 DICOM files that name a patient name the same one" in str(datasets)
    assert set(datasets.table["group"]) == {""}
    nameless = films(tmp_path / "nameless", [""] * 5)
    assert "patient" not in str(make(nameless, tmp_path / "cache"))


def test_too_few_patients_say_how_to_go_on(tmp_path):
    root = films(tmp_path / "films", ["1", "1", "2", "2"])
    with pytest.raises(DataError, match="count as one; group_patients=False lets them be divided"):
        make(root, tmp_path / "cache")
    assert len(make(root, tmp_path / "cache", group_patients=False).table) == 8


def test_given_parts_stay_and_leaks_are_counted(tmp_path):
    root = films(tmp_path / "films", TWELVE)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.dcm"))
    parts = ["train", "train", "test"] * 8
    frame = pd.DataFrame({"file": files, "label": [file[0] for file in files], "part": parts})
    datasets = make(frame, tmp_path / "cache", root=root, split=(0.8, 0, 0.2))
    assert "leaks 8 validation and test images into the training part, this one 8; given" in str(
        datasets
    )


def written(*folders):
    """Everything that was written, as (name, bytes)."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield path.name, path.name.encode()
            if path.is_file():
                yield path.name, path.read_bytes()


def search(found, texts):
    """Holds that no planted value lies in any output, in plain text or as UTF-16."""
    for name, content in [*found, *((str(text)[:40], str(text).encode()) for text in texts)]:
        for keyword, value in PLANTED.items():
            for part in {value, *value.split("^")}:
                for code in ("ascii", "utf-16-le"):
                    assert part.encode(code).lower() not in content.lower(), (name, keyword)


def test_no_identifier_reaches_an_output_a_cache_or_a_message(tmp_path, capsys, caplog):
    from keras_cxr.audit import audit_data
    from keras_cxr.data import list_caches, read_image

    root = tmp_path / "films"
    films(root, [""] * 12, Manufacturer="Acme", **PLANTED)
    import pydicom

    for path in root.rglob("*.dcm"):
        data = pydicom.dcmread(path)
        data.PatientID = PLANTED["PatientID"] + path.parent.name + str(int(path.stem) // 2)
        data.save_as(path)
    damaged = root / "a" / "99.dcm"
    damaged.write_bytes((root / "a" / "00.dcm").read_bytes()[:-50])
    broken = pydicom.dcmread(root / "a" / "01.dcm")
    del broken.Rows
    broken.save_as(root / "b" / "98.dcm")
    texts = []
    datasets = make(root, tmp_path / "cache", on_error="skip", verbose=True)
    texts += [datasets, datasets.table.to_csv(), repr(datasets), datasets.notes]
    audit = audit_data(root, image_size=(64, 64), cache_dir=tmp_path / "cache", verbose=True)
    audit.write(tmp_path / "audit")
    texts += [audit, audit.to_dict(), audit.actions.to_csv(), audit.patients_across_classes]
    for path in (damaged, root / "b" / "98.dcm"):
        with pytest.raises(DataError, match=r"9\d\.dcm") as caught:
            read_image(path)
        texts += [caught.value]
    caches = list_caches(tmp_path / "cache")
    assert len(caches) == 2
    assert isinstance(caches[0], CacheInfo)
    texts += [caches, capsys.readouterr(), caplog.text]
    found = list(written(tmp_path / "cache", tmp_path / "audit"))
    assert any(b"acme" in content.lower() for _, content in found)  # what is allowed is there
    search(found, texts)
    with pytest.raises(AssertionError):  # the search itself finds what is planted
        search([("planted", np.bytes_(b"x mrn0815 y"))], [])


def test_audit_names_leaks_by_patients_and_the_tag_that_carries_the_class(tmp_path):
    from keras_cxr.audit import audit_data

    pairs = [str(number // 2) for number in range(24)]
    root = films(tmp_path / "films", pairs, classes=("a",), Manufacturer="Acme")
    films(tmp_path / "more", pairs, classes=("b",), Manufacturer="Ohmi")
    (tmp_path / "more" / "b").rename(root / "b")
    audit = audit_data(root, image_size=(64, 64), cache_dir=tmp_path / "cache", verbose=False)
    assert audit.num_patients == 24
    text = " ".join(finding.sentence for finding in audit.findings)
    assert "a random 80/10/10 split puts an image of the same patient" in text
    assert audit.shortcuts.carrier == "dicom"
    assert "Of single DICOM tags, Manufacturer carries most: from it alone, balanced" in text
    rows = audit.shortcuts.table.set_index("name")["balanced_accuracy"]
    assert rows["DICOM Manufacturer"] == 1.0
    assert rows["format"] < 0.8
    assert {"DICOM Modality", "DICOM ViewPosition"}.isdisjoint(rows.index)
    grouped = audit.actions[audit.actions["action"] == "group"]
    assert len(grouped) == 48
