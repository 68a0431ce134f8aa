import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data import find_images
from keras_cxr.data.finding.spellings import spelling_notes
from tests.data.helpers import plain

SAME = [
    ("NORMAL", "Normal", "normal"),
    ("0", "0.0"),
    ("01", "1", "1.0", "+1", "1e0"),
    ("Lung Opacity", "Lung-Opacity", "Lung_Opacity", "lungopacity"),
    ("COVID", "COVID "),
    ("Pleura\u0301", "Pleur\u00e1"),
]


@pytest.mark.parametrize("names", SAME)
def test_spellings_of_one_name_are_noted(names):
    (note,) = spelling_notes([*names, "Other"])
    assert f"differ in spelling only, and count as {len(names)} classes" in note
    assert all(repr(name) in note for name in names)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (("A", "B", "A|B"), "'A|B' looks like several labels in one ('|'"),
        (("A", "B; C"), "'B; C' looks like several labels in one (';'"),
        (("Effusion", "effusion, mass"), "(',' between them)"),
        (("Effusion", "Effusion/Mass"), "('/' between them)"),
        (("A", "['A', 'B']"), "looks like several labels in one ('['"),
        (("A", "nan"), "'nan' looks like a label that is missing"),
        (("A", "N/A"), "'N/A' looks like a label that is missing"),
    ],
)
def test_labels_that_are_no_class_are_noted(names, word):
    (note,) = spelling_notes(names)
    assert word in note


@pytest.mark.parametrize(
    "names",
    [
        ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"),
        ("0", "1", "2", "10"),
        ("Pneumonia, bacterial", "Pneumonia, viral", "No finding"),
        ("a", "-a-b", "inf"),
        ("",),
    ],
)
def test_usual_names_give_no_note(names):
    assert spelling_notes(names) == ()


@given(st.lists(st.text(max_size=6), max_size=6, unique=True))
def test_any_names_can_be_looked_at(names):
    assert all(isinstance(note, str) for note in spelling_notes(names))


def test_notes_stand_in_the_summary_of_folders_and_tables(make, tmp_path):
    plain(tmp_path, counts={"Normal": 6, "NORMAL": 6})
    assert "note: the classes 'NORMAL', 'Normal' differ in spelling only" in make(tmp_path).summary
    files = [f"Normal/{number}.png" for number in range(6)]
    table = pd.DataFrame({"file": files, "label": [1, 1.0, "1.0", "01", "1", "A|B"]}, dtype=object)
    notes = find_images(table, root=tmp_path).notes
    assert "'01', '1', '1.0' differ in spelling only" in notes[0]
    assert "'A|B' looks like several" in notes[1]
