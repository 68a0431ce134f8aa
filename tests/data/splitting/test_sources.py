import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.splitting.sources import split_sources
from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.helpers import plain

PARTS = ("train", "val", "test")
SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0)])
COUNTS = {"COVID": 24, "Normal": 30}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("films"), counts=COUNTS)


@pytest.fixture(scope="module")
def table(films):
    """Six hospitals of nine images each, in both classes, and patients of three images."""
    files = sorted(path.relative_to(films).as_posix() for path in films.glob("*/*.png"))
    return pd.DataFrame(
        {
            "file": files,
            "label": [file.split("/")[0] for file in files],
            "hospital": [f"h{number % 6}" for number in range(len(files))],
            "patient": [f"p{number // 3}" for number in range(len(files))],
        }
    )


def parts_of(datasets, table):
    joined = datasets.table.merge(table, on="file")
    return {name: set(rows["part"]) for name, rows in joined.groupby("hospital")}


def test_whole_sources_go_to_one_part(make, films, table):
    datasets = make(table, root=films, split_by="hospital", split=(0.6, 0.2, 0.2))
    of_each = parts_of(datasets, table)
    assert all(len(parts) == 1 for parts in of_each.values())
    assert datasets.table.groupby("part")["class"].nunique().to_dict() == dict.fromkeys(PARTS, 2)
    (note,) = [note for note in datasets.notes if note.startswith("split by hospital: train holds")]
    (held,) = [name for name, parts in of_each.items() if parts == {"test"}][:1]
    assert f"{held} (9)" in note.partition("test holds")[2]
    again = make(table, root=films, split_by="hospital", split=(0.6, 0.2, 0.2))
    assert again.fingerprint == datasets.fingerprint
    splits = [
        make(table, root=films, split_by="hospital", seed=seed).table["part"] for seed in range(4)
    ]
    assert len({tuple(parts) for parts in splits}) > 1


def test_the_column_may_stand_in_a_csv_file_or_in_the_table_of_groups(make, films, table, tmp_path):
    expected = make(table, root=films, split_by="hospital").table
    path = films / "table.csv"
    table.to_csv(path, index=False)
    pd.testing.assert_frame_equal(make(path, split_by="hospital").table, expected)
    path.unlink()
    sources = table[["file", "hospital", "patient"]]
    pd.testing.assert_frame_equal(make(films, groups=sources, split_by="hospital").table, expected)
    sources.to_csv(tmp_path / "sources.csv", index=False)
    by_file = make(films, groups=tmp_path / "sources.csv", split_by="hospital").table
    pd.testing.assert_frame_equal(by_file, expected)


def test_groups_that_lie_in_two_sources_are_counted(make, films, table):
    datasets = make(films, groups=table, split_by="hospital")
    assert set(datasets.table["group"]) == set(table["patient"])
    joined = datasets.table.groupby("group")["part"].nunique()
    divided = int((joined > 1).sum())
    assert divided > 0
    assert f"18 with 54 images, {divided} divided between parts" in datasets.summary


@given(
    st.lists(st.lists(st.integers(0, 30), min_size=2, max_size=2), min_size=3, max_size=9),
    SHARES,
    st.integers(0, 5),
)
def test_no_source_is_divided_and_every_part_holds_every_class(counts, shares, seed):
    labels, sources = [], []
    for number, row in enumerate(counts):
        for label, count in zip("ab", row, strict=True):
            labels += [label] * count
            sources += [f"source {number}"] * count
    if len(set(labels)) < 2:
        return
    num_parts = sum(share > 0 for share in shares)
    few = min(sum(row[label] > 0 for row in counts) for label in (0, 1)) < num_parts
    if few:
        with pytest.raises(DataError, match="too few for"):
            split_sources(labels, sources, shares=shares, seed=seed)
        return
    parts = split_sources(labels, sources, shares=shares, seed=seed)
    used = {part for part, share in zip(PARTS, shares, strict=True) if share > 0}
    held = {(part, label) for part, label in zip(parts, labels, strict=True)}
    assert held == {(part, label) for part in used for label in "ab"}
    assert len(set(zip(sources, parts, strict=True))) == len(set(sources))
    order = np.random.default_rng(seed).permutation(len(labels))
    again = split_sources(
        [labels[i] for i in order], [sources[i] for i in order], shares=shares, seed=seed
    )
    assert again == [parts[i] for i in order]


def test_parts_come_near_to_their_shares():
    sizes = (500, 300, 120, 40, 20, 10, 5, 5)
    sources = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    labels = ["ab"[number % 2] for number in range(1000)]
    for seed in range(3):
        parts = split_sources(labels, sources, shares=(0.8, 0.1, 0.1), seed=seed)
        assert abs(parts.count("train") - 800) <= 80
    # three sources have to do with what they are
    parts = split_sources(
        labels, [f"s{n // 400}" for n in range(1000)], shares=(0.8, 0.1, 0.1), seed=0
    )
    assert sorted(parts.count(part) for part in PARTS) == [200, 400, 400]


def test_a_class_of_one_source_is_an_error(make, films, table):
    single = table.assign(hospital=table["hospital"].where(table["label"] == "Normal", "h9"))
    with pytest.raises(DataError, match=r"Class 'COVID' comes from 1 source\(s\) \(h9\), too few"):
        make(single, root=films, split_by="hospital")
    two = table.assign(hospital=[f"h{number % 2}" for number in range(len(table))])
    with pytest.raises(DataError, match=r"from 2 source\(s\) \(h0, h1\), too few for 3 parts"):
        make(two, root=films, split_by="hospital")
    assert set(make(two, root=films, split_by="hospital", split=(0.5, 0, 0.5)).table["part"]) == {
        "train",
        "test",
    }
    # each class has three sources, so each part has one of each: 3 must be with 0, and cannot
    labels, sources = list("aaabbbccc"), list("012034123")
    with pytest.raises(DataError, match="No way was found to deal 5 whole sources to 3 parts"):
        split_sources(labels, sources, shares=(0.8, 0.1, 0.1), seed=0)


def test_refused_columns(make, films, table):
    with pytest.raises(InvalidArgumentError, match=r"='city' names a column(.|\n)*hospital"):
        make(table, root=films, split_by="city")
    with pytest.raises(InvalidArgumentError, match="there is no table"):
        make(films, split_by="hospital")
    lacking = table.assign(hospital=table["hospital"].where(table.index > 1, ""))
    with pytest.raises(DataError, match=r"2 of 54 images have no hospital(.|\n)*COVID/0\.png"):
        make(lacking, root=films, split_by="hospital")
    given_parts = table.assign(part=["train", "val", "test"] * 18)
    with pytest.raises(DataError, match="draws the parts, but the data gives parts already"):
        make(given_parts, root=films, split_by="hospital")
