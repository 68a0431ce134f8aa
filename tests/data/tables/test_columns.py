import numpy as np
import pandas as pd
import pytest

from keras_cxr.audit.of_data.base.metadata import read_metadata
from keras_cxr.audit.of_model.questions.subgroups import columns_of
from keras_cxr.data import find_images
from keras_cxr.data.splitting.actions import read_actions
from keras_cxr.data.splitting.groups import with_groups
from keras_cxr.data.splitting.sources import read_sources
from keras_cxr.data.tables.columns import COLUMNS, find_column, meaning, read_columns
from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.helpers import plain

SPELLINGS = (str, str.upper, str.title, lambda name: f" {name.replace('_', ' ')} ")
FILES = tuple(f"NORMAL/{number}.png" for number in range(6))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("films"), counts={"NORMAL": 10, "PNEUMONIA": 10})


def images(films, **columns):
    files = sorted(path.relative_to(films).as_posix() for path in films.glob("*/*.png"))
    labels = [file.split("/")[0] for file in files]
    patients = [f"p{number // 2}" for number in range(len(files))]
    return pd.DataFrame({"file": files, "label": labels, "patient": patients, **columns})


@pytest.mark.parametrize("kind", ["file", "label", "group", "part", "mask"])
def test_every_name_of_a_column_means_the_same(films, kind):
    parts = ["train", "val", "test", "train"] * 5
    full = images(films, part=parts, mask="NORMAL/0.png").rename(columns={"patient": "group"})
    expected = find_images(full, root=films).entries
    for name in COLUMNS[kind]:
        for spelling in SPELLINGS:
            found = find_images(full.rename(columns={kind: spelling(name)}), root=films)
            assert found.entries == expected


def test_a_patient_beside_file_and_label_is_in_one_part(make, films):
    datasets = make(images(films), root=films, split=(0.6, 0.2, 0.2))
    assert datasets.table["group"].nunique() == 10
    assert datasets.table.groupby("group")["part"].nunique().max() == 1
    assert "images of one 'patient' stay together in one part" in datasets.summary


def test_a_split_of_the_author_is_kept(make, films):
    split = ["train", "train", "Validation", "testing"] * 5
    table = images(films, split=split).drop(columns="patient")
    datasets = make(table, root=films)
    assert list(datasets.table["part"]) == ["train", "train", "val", "test"] * 5


@pytest.mark.parametrize("name", COLUMNS["group"])
def test_all_readers_know_the_same_columns(films, name):
    catalog = find_images(films)
    table = images(films).rename(columns={"patient": name.upper(), "file": "Image Path"})
    table["Source"] = "h1"
    wanted = list(images(films)["patient"])
    assert [entry.group for entry in find_images(table, root=films).entries] == wanted
    assert [entry.group for entry in with_groups(catalog, table).entries] == wanted
    assert list(read_metadata(catalog, table).patients) == wanted
    assert set(read_metadata(catalog, table).sources) == {"h1"}
    assert set(read_sources(films, table, catalog, column="source").values()) == {"h1"}
    assert list(columns_of(FILES, table, root=films)[name.upper()]) == wanted[:6]
    done = read_actions(table.rename(columns={"label": "new"}).assign(Action="group"), catalog)
    assert len(done.groups) == 10


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"class": ["PNEUMONIA"] * 20}, "'label' and 'class' contradict .* row 1 with 'NORMAL' an"),
        ({"group": ["g"] * 20}, "'group' and 'patient' contradict"),
        ({"patient_id": range(20)}, "'patient' and 'patient_id' contradict .* row 2 with 'p0' an"),
        (
            {"part": ["train", "val"] * 10, "split": ["val", "train"] * 10},
            "'part' and 'split' contradict .* row 1 with 'train' and 'val'",
        ),
        ({"File": ["x"] * 20}, "'file' and 'File' contradict"),
        ({"split": ["train", "dev"] * 10}, r"column split must say train, val or test.*\(10\)"),
        ({"part": ["1", "2"] * 10}, r"column part must say train, val or test.*\(20\)"),
    ],
)
def test_columns_that_contradict_each_other_are_refused(films, columns, words):
    with pytest.raises(DataError, match=words):
        find_images(images(films, **columns), root=films)


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        (
            {"Patient ID": [n // 2 + 7 for n in range(20)]},
            "'Patient ID' says the same as 'patient'",
        ),
        ({"class": [0] * 10 + [1] * 10}, "'class' says the same as 'label' and is not used"),
        (
            {"split": [0, 1, 2, 3] * 5},
            "'split' is not used, for it names no parts but '0', '1', '2'",
        ),
        (
            {"fold": [0, 1] * 10},
            "'fold' is not used; if it is the part of an image, call the column",
        ),
        ({"Masks": "NORMAL/0.png"}, "'Masks' is not used; if it is the mask of an image"),
    ],
)
def test_columns_that_are_not_used_are_named(films, columns, note):
    catalog = find_images(images(films, **columns), root=films)
    assert any(note in text for text in catalog.notes)
    assert {entry.group for entry in catalog.entries} == {f"p{number}" for number in range(10)}
    assert {entry.label for entry in catalog.entries} == {"NORMAL", "PNEUMONIA"}


def test_columns_of_other_things_give_no_note(films):
    table = images(films, patient_age=50, sex="F", view="PA", follow_up=1, group="")
    notes = find_images(table, root=films).notes
    assert notes == ("the DataFrame: images of one 'patient' stay together in one part",)
    alike = table.drop(columns=["patient", "group"]).assign(patients="p1", partition="x")
    named = find_images(alike, root=films).notes
    assert [note.partition("'")[2].partition("'")[0] for note in named] == ["patients", "partition"]


def test_meanings():
    assert meaning(" Patient-ID") == "group"
    assert meaning("\ufefffile") == "file"
    assert meaning("age") is None
    assert meaning(17) is None
    frame = pd.DataFrame(columns=["Site", "a", "A"])
    assert find_column(frame, "site") == "Site"
    assert find_column(frame, "A") == "A"
    assert find_column(frame, " a") is None
    assert find_column(frame, "hospital") is None


def test_frames_whose_columns_have_no_name_of_their_own():
    frame = pd.DataFrame(np.zeros((1, 2)), columns=pd.MultiIndex.from_product([["x"], ["a", "b"]]))
    with pytest.raises(DataError, match=r"2 rows of column names, such as \('x', 'a'\)"):
        read_columns(frame, ("file",), name="the DataFrame")
    frame.columns = ["file", "file"]
    with pytest.raises(DataError, match=r"names the column\(s\) file more than once"):
        find_images(frame)


def test_groups_may_be_a_series_and_other_types_are_refused(films):
    catalog = find_images(films)
    groups = images(films).set_index("file")["patient"]
    expected = with_groups(catalog, images(films)).entries
    assert with_groups(catalog, groups).entries == expected
    assert with_groups(catalog, {films / file: name for file, name in groups.items()}).entries == (
        expected
    )
    for read in (with_groups, read_metadata):
        with pytest.raises(InvalidArgumentError, match="must be a CSV file or a DataFrame, rec"):
            read(catalog, ["p1"])
    with pytest.raises(InvalidArgumentError, match="audit must be a CSV file or a DataFrame"):
        read_actions({"a": "drop"}, catalog)
    with pytest.raises(InvalidArgumentError, match="root must be a folder, received int"):
        find_images(images(films), root=3)


def test_a_file_under_two_values_is_refused(films):
    catalog = find_images(films)
    table = pd.DataFrame(
        {
            "file": ["NORMAL/0.png", "NORMAL\\0.png"],
            "patient": ["p1", "p2"],
            "source": ["h1", "h1"],
            "sex": ["F", "M"],
        }
    )
    words = r"files with two values \(1\).*\n.*NORMAL/0.png: 'p1' and 'p2'"
    for read in (with_groups, read_metadata):
        with pytest.raises(DataError, match=words):
            read(catalog, table)
    with pytest.raises(DataError, match=r"two different rows, such as NORMAL/0\.png"):
        columns_of(FILES, table, root=films)
    table["patient"] = "p1"
    assert with_groups(catalog, table).entries[0].group == "p1"
    assert read_metadata(catalog, table).patients[0] == "p1"
    assert list(columns_of(FILES, table.drop(columns="sex"), root=films)["source"][:1]) == ["h1"]
