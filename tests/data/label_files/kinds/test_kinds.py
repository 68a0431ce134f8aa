"""What is peculiar to one kind of label file."""

import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import read_label_file
from keras_cxr.data.label_files.kinds import nih
from keras_cxr.data.label_files.kinds.chexpert import FINDINGS
from keras_cxr.errors import DataError
from tests.data.label_files.examples import Film, write

NAN = np.nan


def label(found, finding):
    return found.labels[:, found.findings.index(finding)]


def noted(found, text):
    return any(text in note for note in found.notes)


def test_nih_has_its_fourteen_findings_and_its_own_split(tmp_path):
    path = write(tmp_path, "nih", Film("a"), Film("b", ("0", "0")), Film("c"))
    assert read_label_file(path).parts == ("", "", "")
    (tmp_path / "train_val_list.txt").write_text("a.png\n")
    (tmp_path / "test_list.txt").write_bytes(b"b.png\r\n\r\n")
    found = read_label_file(path)
    assert found.findings == nih.FINDINGS
    assert found.parts == ("train", "test", "")
    assert noted(found, "1 row(s) are in neither of train_val_list.txt and test_list.txt")
    assert noted(found, "columns that are no labels: 'Follow-up #', 'Patient Age'")
    assert noted(found, "findings without any positive film: Cardiomegaly, Consolidation")
    assert read_label_file(pd.read_csv(path)).parts == ("", "", "")  # nothing lies beside it


def test_nih_as_kaggle_has_it_with_a_comma_at_the_end_of_each_line(tmp_path):
    path = write(tmp_path, "nih", Film("a"), Film("b", ("0", "0")))
    plain = read_label_file(path)
    path.write_text(path.read_text().replace("\n", ",\n"))
    assert read_label_file(path).table.equals(plain.table)


def test_nih_lists_that_contradict_each_other_or_are_no_text(tmp_path):
    path = write(tmp_path, "nih", Film("a"))
    (tmp_path / "train_val_list.txt").write_text("a.png\n")
    (tmp_path / "test_list.txt").write_text("a.png\n")
    with pytest.raises(DataError, match=r"test_list.txt and its other half both list a\.png"):
        read_label_file(path)
    (tmp_path / "test_list.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match=r"test_list\.txt cannot be read: .*lists a film in each"):
        read_label_file(path)


def chexpert(**cells):
    row = {"Path": "train/patient00001/study1/view1_frontal.jpg", **dict.fromkeys(FINDINGS, "")}
    return pd.DataFrame([{**row, "No Finding": "", **cells}])


def test_no_finding_of_chexpert_makes_blanks_negative_but_for_devices():
    found = read_label_file(chexpert(**{"No Finding": "1.0"}))
    assert found.findings == FINDINGS
    assert np.isnan(label(found, "Support Devices")).all()
    assert found.labels[0].tolist()[:-1] == [0.0] * (len(FINDINGS) - 1)
    assert noted(found, "1 row(s) with 'No Finding' 1: their blanks are 0, save Support Devices")


def test_what_chexpert_says_besides_no_finding_stays():
    found = read_label_file(chexpert(**{"No Finding": "1.0", "Edema": "1.0", "Fracture": "-1"}))
    assert label(found, "Edema") == 1.0
    assert np.isnan(label(found, "Fracture")).all()
    assert noted(found, "1 row(s) say 'No Finding' together with findings; the findings count")


def test_paths_of_chexpert_tell_patient_and_part():
    table = pd.concat([chexpert(), chexpert(Path="x/valid/patient7/study1/a.jpg"),
                       chexpert(Path="loose.jpg")])  # fmt: skip
    found = read_label_file(table)
    assert found.groups == ("patient00001", "patient7", "")
    assert found.parts == ("train", "val", "")
    assert found.views == ("", "", "")
    assert noted(found, "1 row(s) name no patient in their path")


def test_a_frontal_film_of_chexpert_without_a_side_has_a_view_of_its_own():
    found = read_label_file(chexpert(**{"Frontal/Lateral": "Frontal", "AP/PA": ""}))
    assert found.views == ("FRONTAL",)


def test_mimic_needs_its_films_and_tells_its_parts(tmp_path):
    path = write(tmp_path, "mimic", Film("a"), Film("b", view="AP"))
    found = read_label_file(path)
    assert found.files == ("p11/p11a/s5/a.jpg", "p11/p11b/s5/b.jpg")
    assert found.groups == ("11a", "11b")
    assert found.views == ("PA", "AP")
    assert found.parts == ("val", "val")
    (tmp_path / "mimic-cxr-2.0.0-split.csv").unlink()
    assert noted(read_label_file(path), "MIMIC's own split is not beside the labels")
    metadata = tmp_path / "mimic-cxr-2.0.0-metadata.csv"
    metadata.write_text(metadata.read_text().replace("a,11a,5", "a,11c,5"))
    found = read_label_file(path)
    assert found.groups == ("11b",)
    assert noted(found, "left out: 1 studies of which mimic-cxr-2.0.0-metadata.csv names no film")
    assert noted(found, "left out: 1 film(s) of studies without labels")
    (tmp_path / "old-metadata.csv").write_text("")
    with pytest.raises(DataError, match=r"Several files beside .* end with -metadata\.csv"):
        read_label_file(path)
    metadata.unlink()
    (tmp_path / "old-metadata.csv").unlink()
    with pytest.raises(DataError, match=r"mimic-cxr-2\.0\.0-metadata\.csv, which must lie beside"):
        read_label_file(path)


def test_mimic_without_films_or_findings(tmp_path):
    path = write(tmp_path, "mimic", Film("a"))
    metadata = tmp_path / "mimic-cxr-2.0.0-metadata.csv"
    metadata.write_text(metadata.read_text().replace("11a", "11b"))
    with pytest.raises(DataError, match=r"leaves no film\.\n(.*\n)*  left out: 1 studies of which"):
        read_label_file(path)
    table = pd.DataFrame({"subject_id": [1], "study_id": [2], "dicom_id": ["d"], "No Finding": [1]})
    with pytest.raises(DataError, match="needs the columns Atelectasis and Cardiomegaly"):
        read_label_file(table)


def test_mimic_as_one_table_needs_no_further_file():
    table = pd.DataFrame(
        {"subject_id": [10000032], "study_id": [50414267], "dicom_id": ["d"], "split": ["test"],
         "No Finding": [NAN], "Edema": [1.0], "ViewPosition": ["LL"]}
    )  # fmt: skip
    found = read_label_file(table)
    assert found.files == ("p10/p10000032/s50414267/d.jpg",)
    assert (found.parts, found.views) == (("test",), ("L",))
    assert noted(found, "findings that the table has no column of: Atelectasis, ")


CLASSES = "patientId,class\na,Lung Opacity\nb,No Lung Opacity / Not Normal\nc,Normal\nd,Normal\n"


def test_classes_of_rsna_are_a_second_finding(tmp_path):
    films = [Film(name, (cell, "")) for name, cell in zip("abcde", "10010", strict=True)]
    path = write(tmp_path, "rsna", *films)
    assert read_label_file(path).findings == ("Lung Opacity",)
    classes = tmp_path / "stage_2_detailed_class_info.csv"
    classes.write_text(CLASSES)
    found = read_label_file(path)
    assert found.findings == ("Lung Opacity", "No Lung Opacity / Not Normal")
    np.testing.assert_equal(
        found.labels, np.float32([[1, NAN], [0, 1], [0, 0], [NAN, 0], [0, NAN]])
    )
    assert found.groups == ("",) * 5  # patientId is the film
    assert noted(found, "Target and class contradict each other, read as unknown: Lung Opacity 1")
    assert noted(found, "1 film(s) are not in stage_2_detailed_class_info.csv")
    classes.write_text(CLASSES + "a,Normal\n")
    with pytest.raises(DataError, match=r"has two classes for a\. Keep one of them"):
        read_label_file(path)
    classes.write_text("patientId,class\na,Odd\n")
    with pytest.raises(DataError, match="has the class 'Odd'; expected 'Lung Opacity', "):
        read_label_file(path)


def test_boxes_of_rsna_are_one_film(tmp_path):
    found = read_label_file(write(tmp_path, "rsna", *[Film("a")] * 3, Film("b", ("0", ""))))
    assert label(found, "Lung Opacity").tolist() == [1.0, 0.0]
    assert noted(found, "columns that are no labels: 'x', 'y', 'width', 'height'")


@pytest.mark.parametrize(
    ("text", "expected", "note"),
    [
        ("['exclude']", [NAN, NAN], "'exclude' and 'unchanged' say nothing of a film"),
        ("['unchanged', 'cardiomegaly']", [0, 1], "and do not count: 1 row(s)"),
        ("[' Cardiomegaly ', '']", [0, 1], ""),
        ("['x", [NAN, NAN], '1 row(s) whose labels are no list, all unknown, such as "[\'x"'),
        ("{'a': 1}", [NAN, NAN], "whose labels are no list"),
        ("[" * 5000, [NAN, NAN], "whose labels are no list"),
    ],
)
def test_lists_of_padchest(text, expected, note, tmp_path):
    found = read_label_file(write(tmp_path, "padchest", Film("b", ("1", "1")), Film(text=text)))
    assert found.findings == ("atelectasis", "cardiomegaly")
    np.testing.assert_equal(found.labels[1], np.float32(expected))
    assert noted(found, note)
    assert found.files == ("0/b.png", "0/a.png")


def test_columns_of_vindr_that_hold_no_labels(tmp_path):
    table = pd.read_csv(write(tmp_path, "readings", Film("a")))
    with pytest.raises(DataError, match="has no column that holds 0 and 1 for a finding"):
        read_label_file(table.assign(**{"Aortic enlargement": "?", "Cardiomegaly": "?"}))
    found = read_label_file(table.assign(remark="left"))
    assert found.findings == ("Aortic enlargement", "Cardiomegaly")
    assert noted(found, "columns that are no labels: 'remark'")


def radiography(*names):
    return pd.DataFrame({"FILE NAME": names, "FORMAT": "PNG", "SIZE": "299*299", "URL": "here"})


def test_names_of_the_radiography_database_tell_the_class():
    found = read_label_file(
        radiography("COVID-1", "NORMAL-2", "Lung_Opacity-3", "Viral Pneumonia-4")
    )
    assert found.kind == "radiography"
    assert found.findings == ("COVID", "Lung_Opacity", "Viral Pneumonia")
    assert found.labels.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert found.files[1] == "NORMAL-2.png"
    with pytest.raises(DataError, match="names 'scan' in row 1; expected a class and a number"):
        read_label_file(radiography("scan"))


@pytest.mark.parametrize(
    ("labels", "options", "findings", "note"),
    [
        (["Mass; Edema", "none"], {}, ("Edema", "Mass"), "separated by ';'"),
        (["Mass, Edema", "Normal"], {}, ("Edema", "Mass"), "'Normal' is taken for no finding: 1"),
        (["Mass", "Edema"], {}, ("Edema", "Mass"), "separated by '|'"),
        (["Mass, left|Edema", ""], {}, ("Edema", "Mass, left"), "separated by '|'"),
        (["Mass+Edema"], {"separator": "+"}, ("Edema", "Mass"), "separated by '+'"),
    ],
)
def test_separators_of_a_list(labels, options, findings, note):
    table = pd.DataFrame({"path": [f"{row}.png" for row in range(len(labels))], "class": labels})
    found = read_label_file(table, **options)
    assert found.findings == findings
    assert noted(found, note)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["Mass", "mass|Edema"], "the findings 'Mass', 'mass' differ in spelling only"),
        ([["Mass"], ["Edema"]], "looks like several labels in one ('[' between them)"),
        (["Mass/Edema", "Edema"], "as a finding of its own: name the separator if there are"),
    ],
)
def test_names_that_may_not_be_what_was_meant(labels, note):
    assert noted(read_label_file(pd.DataFrame({"file": ["a", "b"], "label": labels})), note)


def test_lists_that_cannot_be_told(tmp_path):
    table = pd.DataFrame({"file": ["a", "b"], "label": ["Mass|Edema", "Mass;Edema"]})
    with pytest.raises(DataError, match=r"by '\|' and by ';'\. Pass the one that is meant"):
        read_label_file(table)
    with pytest.raises(DataError, match="names no finding: every film is blank or without any"):
        read_label_file(table.assign(label="normal"), kind="list")
    with pytest.raises(DataError, match="has no column of 0 and 1 that could be a finding"):
        read_label_file(table, kind="columns")


def test_a_column_that_is_no_label_is_named():
    table = pd.DataFrame({"file": ["a", "b"], "Mass": [1, 0], "age": [60, 1], "No Finding": [0, 1],
                          "split": ["train", "test"]})  # fmt: skip
    found = read_label_file(table)
    assert found.findings == ("Mass",)
    assert found.parts == ("train", "test")
    odd = read_label_file(table.assign(split=["train", "spare"]))
    assert odd.parts == ("train", "")
    assert noted(odd, "1 row(s) name a part that is none, such as 'spare'")
    assert noted(found, "columns that are no labels: 'age', 'No Finding'")


def test_one_column_of_0_and_1_is_one_finding():
    found = read_label_file(pd.DataFrame({"file": ["a", "b"], "label": [True, False]}))
    assert (found.kind, found.findings) == ("columns", ("label",))
    assert found.labels.tolist() == [[1.0], [0.0]]
