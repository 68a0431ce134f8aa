from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data import make_datasets
from keras_cxr.data.splitting.parts import Copies
from keras_cxr.errors import DataError, NotFoundError
from tests.data.helpers import plain

COLUMNS = ["file", "action", "group", "label", "reason"]
COUNTS = {"COVID": 20, "Normal": 20, "Viral": 20}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("films"), counts=COUNTS)


def actions(*rows):
    return pd.DataFrame([(*row, "because") for row in rows], columns=COLUMNS)


def read(make, films, *rows, **options):
    return make(films, audit=actions(*rows), **options)


def test_dropped_files_are_left_out_even_where_they_are_damaged(make, films, tmp_path):
    folder = plain(tmp_path / "films", counts=COUNTS)
    (folder / "COVID/3.png").write_bytes(b"broken")
    datasets = read(make, folder, ("COVID/3.png", "drop", "", ""), ("Viral/1.png", "drop", "", ""))
    files = list(datasets.table["file"])
    assert len(files) == 58
    assert not {"COVID/3.png", "Viral/1.png"} & set(files)
    assert "note: audit: 2 images dropped, 0 labelled anew, 0 kept together" in datasets.summary
    for part in ("train", "val", "test"):
        assert len(datasets.load(part)[0]) == len(datasets.files(part))
    kept = make(films)
    row = list(kept.files("train")).index("COVID/0.png")
    same = list(datasets.files("train")).index("COVID/0.png")
    np.testing.assert_array_equal(kept.load("train", [row])[0], datasets.load("train", [same])[0])


def test_labels_change_and_suggestions_do_not(make, films):
    rows = [("COVID/3.png", "relabel", "", "Normal"), ("COVID/4.png", "relabel?", "", "Normal")]
    datasets = read(make, films, *rows, ("Viral/5.png", "drop?", "", ""))
    labels = datasets.table.set_index("file")["class"]
    assert labels["COVID/3.png"] == "Normal"
    assert labels["COVID/4.png"] == "COVID"
    assert Counter(labels) == {"COVID": 19, "Normal": 21, "Viral": 20}
    assert "2 suggestions are not used: remove the question mark" in datasets.summary
    assert datasets.fingerprint != make(films).fingerprint
    (part,) = datasets.table["part"][datasets.table["file"] == "COVID/3.png"]
    place = datasets.files(part).index("COVID/3.png")
    assert datasets.load(part, [place])[1] == [datasets.class_names.index("Normal")]


def test_groups_join_those_of_patients(make, films):
    rows = [("COVID/3.png", "group", "g", ""), ("Normal/4.png", "group", "g", "")]
    rows += [("Normal/4.png", "group", "h", ""), ("Viral/5.png", "group", "h", "")]
    rows += [("Viral/6.png", "group", "alone", "")]
    table = read(make, films, *rows, groups={"Viral/5.png": "p", "Viral/7.png": "p"}).table
    together = {"COVID/3.png", "Normal/4.png", "Viral/5.png", "Viral/7.png"}
    assert set(table["file"][table["group"] == "p"]) == together
    assert set(table["group"]) == {"p", ""}
    assert table["part"][table["group"] == "p"].nunique() == 1


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 9)), max_size=30), st.integers(0, 9))
def test_no_group_is_ever_divided(named, seed):
    images, labels = np.zeros((60, 4, 4), np.uint8), np.arange(60) % 2
    rows = [(f"array[{row}]", "group", f"g{group}", "") for row, group in named]
    patients = {f"array[{row}]": f"p{row // 3}" for row in range(0, 60, 5)}
    datasets = make_datasets(
        (images, labels), image_size=(4, 4), format="keras", seed=seed, split=(0.6, 0.2, 0.2),
        audit=actions(*rows), groups=patients, verbose=False,
    )  # fmt: skip
    part = dict(zip(datasets.table["file"], datasets.table["part"], strict=True))
    held = defaultdict(set)
    for file, _, group, _ in rows:
        held[group].add(part[file])
    for file, patient in patients.items():
        held[patient].add(part[file])
    assert all(len(parts) == 1 for parts in held.values())
    assert set(part.values()) == {"train", "val", "test"}


def test_an_audit_spares_the_search_unless_it_is_asked_for(phantoms, tmp_path):
    rows = [(f"COVID/images/COVID-{number}.png", "group", "g", "") for number in (1, 2, 3)]
    options = {"image_size": (64, 64), "format": "keras", "verbose": False, "cache_dir": tmp_path}
    datasets = make_datasets(phantoms, audit=actions(*rows), split=(0.5, 0.25, 0.25), **options)
    assert not list(tmp_path.rglob("duplicates-*.json"))
    assert (datasets.copies.num_groups, datasets.copies.num_images) == (1, 3)
    assert datasets.copies.found_by == "audit"
    assert datasets.copies.leaks == 0
    assert "note: groups of the audit: 1 groups of 3 images; a split that" in datasets.summary
    both = make_datasets(phantoms, audit=actions(*rows), group_duplicates=True, **options)
    assert list(tmp_path.rglob("duplicates-*.json"))
    assert both.copies.found_by == "both"
    assert both.copies.num_groups == 1


def test_a_csv_file_does_the_same_and_may_be_empty(make, films, tmp_path):
    table = actions(
        ("./COVID\\3.png", "drop", "", ""), (str(films / "Viral/1.png"), "drop", "", "")
    )
    path = tmp_path / "actions.csv"
    table.to_csv(path, index=False)
    datasets = make(films, audit=path)
    assert datasets.table.equals(make(films, audit=table).table)
    assert len(datasets.table) == 58
    table[:0].to_csv(path, index=False)
    empty = make(films, audit=path)
    assert empty.table.equals(make(films).table)
    assert empty.copies == Copies(
        num_groups=0, num_images=0, leaks_unaware=0, leaks=0, found_by="audit"
    )
    with pytest.raises(NotFoundError, match=r"no file .*action\.csv\. Did you mean"):
        make(films, audit=tmp_path / "action.csv")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("COVID/3.png", "delete", "", ""), "the action 'delete' is none of drop, group, re"),
        (
            ("COVID/99.png", "drop", "", ""),
            r"row 2 \(COVID/99\.png\): this file is not",
        ),
        (("COVID/99.png", "drop?", "", ""), "this file is not among the 60 images"),
        (("", "drop", "", ""), r"row 2 \(no file\): this file is not"),
        (("COVID/3.png", "group", "", "g"), "the action group needs a value in the column group"),
        (("COVID/3.png", "relabel", "", ""), "needs a value in the column label"),
        (("COVID/3.png", "relabel", "", "Flu"), "the label 'Flu' is none of the classes COVID, N"),
        (("COVID/1.png", "relabel", "", "Viral"), "the label 'Viral' is one of 2 for this file"),
    ],
)
def test_rows_that_cannot_be_carried_out(make, films, row, problem):
    with pytest.raises(DataError, match=problem):
        read(make, films, ("COVID/1.png", "relabel", "", "Normal"), row)


def test_what_the_actions_leave_must_suffice(make, films):
    gone = [(f"COVID/{number}.png", "drop", "", "") for number in range(20)]
    with pytest.raises(DataError, match="No usable image of class 'COVID' is left"):
        read(make, films, *gone)
    moved = [(f"COVID/{number}.png", "relabel", "", "Normal") for number in range(20)]
    with pytest.raises(DataError, match="No usable image of class 'COVID' is left"):
        read(make, films, *moved)
    with pytest.raises(DataError, match=r"lacks the column\(s\) action; it has file, todo"):
        make(films, audit=pd.DataFrame({"file": ["COVID/1.png"], "todo": ["drop"]}))
