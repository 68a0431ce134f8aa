"""Every oddity that label files of the field have, in each kind that can have it."""

import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import read_label_file
from keras_cxr.errors import DataError
from tests.data.label_files.examples import (
    COLUMNED,
    KIND,
    LISTED,
    PATHS,
    Film,
    first_of,
    write,
)

EVERY = (*LISTED, *COLUMNED)
NAN = np.nan
# what a cell of 1, 0, -1 and blank may look like, what it means, and what a note says of it
CELLS = {
    "1": (1.0, ""),
    "1.0": (1.0, ""),
    " 1 ": (1.0, ""),
    "1,0": (1.0, ""),
    "True": (1.0, ""),
    "0": (0.0, ""),
    "0.0": (0.0, ""),
    "-1": (NAN, "uncertain, read as unknown: {} 1"),
    "-1.0": (NAN, "uncertain, read as unknown: {} 1"),
    "": (NAN, "missing, read as unknown: {} 1"),
    "nan": (NAN, "missing, read as unknown: {} 1"),
    "0.5": (NAN, "read as unknown: {} 1, such as '0.5' in row 1"),
    "2": (NAN, "read as unknown: {} 1, such as '2' in row 1"),
    "maybe": (NAN, "read as unknown: {} 1, such as 'maybe' in row 1"),
}


def named(found, kind, film):
    """The row of a film."""
    return found.files.index(PATHS[kind].format(film, film))


def label(found, kind, film="a"):
    return found.labels[named(found, kind, film), found.findings.index(first_of(kind))]


def noted(found, text):
    return any(text in note for note in found.notes)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", COLUMNED)
def test_a_cell(kind, cell, tmp_path):
    # three films more, so that the column is one of labels whatever the first cell holds
    more = [Film(name) for name in "bcd"]
    found = read_label_file(write(tmp_path, kind, Film(cells=(cell, "0")), *more))
    expected, note = CELLS[cell]
    assert found.kind == KIND.get(kind, kind)
    np.testing.assert_equal(label(found, kind), np.float32(expected))
    assert label(found, kind, "b") == 1.0
    assert noted(found, note.format(first_of(kind)))


@pytest.mark.parametrize("kind", COLUMNED)
def test_uncertain_and_missing_as_asked_for(kind, tmp_path):
    path = write(tmp_path, kind, Film("a", ("-1", "0")), Film("b", ("", "0")), Film("c"), Film("d"))
    for uncertain, expected in (("ignore", NAN), ("negative", 0.0), ("positive", 1.0)):
        found = read_label_file(path, uncertain=uncertain)
        np.testing.assert_equal(label(found, kind), np.float32(expected))
        assert np.isnan(label(found, kind, "b"))
    found = read_label_file(path, missing="negative")
    assert np.isnan(label(found, kind))
    assert label(found, kind, "b") == 0.0
    assert noted(found, f"missing, read as 0: {first_of(kind)} 1")


@pytest.mark.parametrize("kind", LISTED)
def test_a_list(kind, tmp_path):
    found = read_label_file(write(tmp_path, kind, Film("a"), Film("b", ("0", "0"))))
    assert found.kind == KIND.get(kind, kind)
    assert (label(found, kind), label(found, kind, "b")) == (1.0, 0.0)
    assert not {"No Finding", "No finding", "normal"} & set(found.findings)


@pytest.mark.parametrize("kind", LISTED)
def test_a_blank_list_says_nothing(kind, tmp_path):
    path = write(tmp_path, kind, Film("a"), Film("b", text=""))
    found = read_label_file(path)
    assert np.isnan(found.labels[named(found, kind, "b")]).all()
    assert noted(found, "1 film(s) without any known label")
    assert noted(found, "missing, read as unknown: ")
    assert label(read_label_file(path, missing="negative"), kind, "b") == 0.0


@pytest.mark.parametrize("kind", ["nih", "list", "boxes"])
def test_no_finding_together_with_findings(kind, tmp_path):
    text = "Atelectasis|No Finding"
    found = read_label_file(write(tmp_path, kind, Film("a", text=text), Film("b")))
    assert label(found, kind) == 1.0
    assert noted(found, "together with findings; the findings count")


@pytest.mark.parametrize("kind", LISTED)
def test_an_unknown_finding(kind, tmp_path):
    text = "['gloom']" if kind == "padchest" else "Gloom"
    found = read_label_file(write(tmp_path, kind, Film("a"), Film("b", text=text)))
    name = text.strip("[']")
    assert found.labels[:, found.findings.index(name)].tolist() == [0.0, 1.0]
    # NIH's findings are 14; the others have no list of theirs
    assert noted(found, "names that this kind of file does not know") == (kind == "nih")


FORMS = {
    "mark of UTF-8": {"encoding": "utf-8-sig"},
    "UTF-16": {"encoding": "utf-16"},
    "semicolons": {"delimiter": ";"},
    "tabs": {"delimiter": "\t"},
    "lines of Windows": {"newline": "\r\n"},
    "gzip": {"packed": True},
    "all of Excel's": {"encoding": "utf-8-sig", "delimiter": ";", "newline": "\r\n"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", EVERY)
def test_a_form_of_file(kind, form, tmp_path):
    films = Film("a"), Film("b", ("0", "1"))
    plain = read_label_file(write(tmp_path / "plain", kind, *films))
    other = read_label_file(write(tmp_path / "other", kind, *films, **FORMS[form]))
    assert other.kind == plain.kind
    assert other.table.equals(plain.table)


@pytest.mark.parametrize("kind", EVERY)
def test_a_row_that_stands_twice(kind, tmp_path):
    found = read_label_file(write(tmp_path, kind, Film("a"), Film("a"), Film("b", ("0", "1"))))
    assert len(found.files) == len(set(found.files))
    assert (label(found, kind), label(found, kind, "b")) == (1.0, 0.0)
    # a reader's own boxes are one reading, MIMIC's studies have one row
    assert noted(found, "1 further row(s) of 1 film(s)") == (kind != "boxes")


@pytest.mark.parametrize("kind", ["nih", "padchest", "list", "chexpert", "columns"])
def test_rows_of_one_film_that_contradict_each_other(kind, tmp_path):
    films = Film("a", ("1", "0")), Film("a", ("0", "0")), Film("b"), Film("c")
    found = read_label_file(write(tmp_path, kind, *films), missing="negative")
    assert np.isnan(label(found, kind))
    assert noted(found, f"contradict each other, read as unknown: {first_of(kind)} 1")


def test_studies_of_mimic_that_contradict_each_other_are_refused(tmp_path):
    path = write(tmp_path, "mimic", Film("a", ("1", "0")), Film("a", ("0", "0")))
    with pytest.raises(DataError, match="labels the study 5 of subject 11a twice, and differently"):
        read_label_file(path)


@pytest.mark.parametrize("kind", ["boxes", "readings"])
def test_readers_who_differ(kind, tmp_path):
    readings = [
        Film("a", ("1", "0"), reader="R1"),
        Film("a", ("0", "0"), reader="R2"),
        Film("a", ("0", "0"), reader="R3"),
        Film("b", ("1", "0"), reader="R1"),
        Film("b", ("0", "0"), reader="R2"),
        Film("c", ("1", "1"), reader="R2"),
    ]
    path = write(tmp_path, kind, *readings)
    any_one, most = (read_label_file(path, readers=how) for how in ("any", "majority"))
    assert [label(any_one, kind, film) for film in "abc"] == [1.0, 1.0, 1.0]
    np.testing.assert_equal([label(most, kind, film) for film in "abc"], np.float32([0, NAN, 1]))
    assert noted(any_one, f"as any positive counts: {first_of(kind)} 2")
    assert noted(most, f"as unknown where as many say 1 as 0: {first_of(kind)} 2")
    assert noted(most, "3 film(s) read by 3 reader(s), 6 readings")


@pytest.mark.parametrize("kind", ["nih", "chexpert", "mimic", "padchest", "list", "columns"])
def test_laterals(kind, tmp_path):
    path = write(tmp_path, kind, Film("a", view="LATERAL"), Film("b"), Film("c", view="AP"))
    every = read_label_file(path)
    assert every.views[:3] == ("L", "PA", "AP")
    assert noted(every, "1 film(s) are laterals and stay")
    frontal = read_label_file(path, views=("PA", "AP"))
    assert "L" not in frontal.views
    assert len(frontal.files) == len(every.files) - 1
    assert noted(frontal, "left out: 1 film(s) of other views (L 1)")
    assert read_label_file(path, views="lateral").views == ("L",)
    with pytest.raises(DataError, match="has no film with the view AP Supine; it has AP 1, L 1"):
        read_label_file(path, views="AP_horizontal")


@pytest.mark.parametrize("kind", ["rsna", "boxes", "readings"])
def test_a_kind_that_names_no_views(kind, tmp_path):
    path = write(tmp_path, kind, Film("a"))
    with pytest.raises(DataError, match=r"names no views\. Read it without views="):
        read_label_file(path, views="PA")


@pytest.mark.parametrize("kind", ["nih", "padchest", "list", "columns"])
def test_patients_whose_zeros_a_spreadsheet_took(kind, tmp_path):
    patients = ("00005", "5", "5.0", "0x5", "")
    films = [Film(name, patient=one) for name, one in zip("abcde", patients, strict=True)]
    found = read_label_file(write(tmp_path, kind, *films))
    assert found.groups[:5] == ("5", "5", "5", "0x5", "")
    assert noted(found, "1 patient(s) whose number is spelt in several ways, such as '00005'")
    kept = read_label_file(write(tmp_path, kind, Film("a", patient="00005")))
    assert kept.groups[0] == "00005"


@pytest.mark.parametrize("kind", ["nih", "chexpert", "list", "columns"])
def test_backslashes_and_films_that_are_not_there(kind, tmp_path):
    path = write(tmp_path / "labels", kind, Film("a"), Film("b"))
    path.write_text(path.read_text().replace("/", "\\"))
    films = tmp_path / "root"
    file = films / PATHS[kind].format("a")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    (file.parent / "stray.png").write_bytes(b"")
    found = read_label_file(path, root=films)
    assert found.paths == (PATHS[kind].format("a"),)
    assert noted(found, "film(s) that are not below ")
    assert noted(found, "1 image(s) below ")


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("nih", "Image Index"), ("chexpert", "Path"), ("mimic", "dicom_id"), ("rsna", "patientId"),
        ("padchest", "ImageID"), ("boxes", "image_id"), ("readings", "image_id"), ("list", "file"),
        ("columns", "file"),
    ],
)  # fmt: skip
def test_a_row_without_a_film(kind, column, tmp_path):
    path = write(tmp_path, kind, Film("a"), Film("b"))
    for file in tmp_path.iterdir():
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        if column in table:
            table.loc[1, column] = ""
            table.to_csv(file, index=False)
    with pytest.raises(DataError, match=r"has rows without a file \(1\):\n  row 2"):
        read_label_file(path)


@pytest.mark.parametrize("kind", EVERY)
def test_a_table_without_rows(kind, tmp_path):
    path = write(tmp_path, kind)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="has no rows; expected one or more for each film"):
        read_label_file(path)
