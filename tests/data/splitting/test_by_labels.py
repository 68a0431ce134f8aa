"""Findings divided alike, patients never, and nothing that depends on the order of the rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.data import read_label_file, split_by_labels
from keras_cxr.data.catalog import PARTS
from keras_cxr.errors import DataError, InvalidArgumentError

SHARES = (0.8, 0.1, 0.1)


def largest_deviation(labels, parts, shares=SHARES):
    """Over parts and findings, how far the share of the positives is from the part's."""
    labels, parts = np.asarray(labels), np.asarray(parts)
    totals = np.nansum(labels, axis=0)
    held = totals > 0
    return max(
        np.abs(np.nansum(labels[parts == part], axis=0)[held] / totals[held] - share).max()
        for part, share in zip(PARTS, shares, strict=True)
    )


def at_random(groups, seed, shares=SHARES):
    """Whole groups in random order, cut where the films reach the shares."""
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    middle = (np.cumsum(sizes[order]) - sizes[order] / 2) / len(groups)
    cut = np.searchsorted(np.cumsum(shares)[:2], middle, side="right")
    part_of = {names[one]: PARTS[part] for one, part in zip(order, cut, strict=True)}
    return [part_of[group] for group in groups]


@st.composite
def films(draw, least=12, most=150):
    """Labels, some unknown, and a patient for each of some films."""
    count = draw(st.integers(least, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    findings = draw(st.integers(1, 6))
    labels = (random.random((count, findings)) < random.uniform(0.03, 0.6, findings)).astype(float)
    labels[random.random(labels.shape) < draw(st.sampled_from((0.0, 0.2)))] = np.nan
    patients = random.integers(0, max(3, count // 2), count)
    return labels, [f"p{patient}" for patient in patients]


@given(films(), st.sampled_from((SHARES, (0.5, 0.5, 0.0), (0.6, 0.2, 0.2))), st.integers(0, 9))
@settings(max_examples=25)
def test_laws_of_a_split(drawn, shares, seed):
    labels, groups = drawn
    files = [f"{row}.png" for row in range(len(labels))]
    parts = split_by_labels(labels, files=files, groups=groups, shares=shares, seed=seed)
    assert len(parts) == len(labels)
    assert set(parts) == {part for part, share in zip(PARTS, shares, strict=True) if share}
    assert len(set(zip(groups, parts, strict=True))) == len(set(groups))  # nobody is divided
    order = np.random.default_rng(seed).permutation(len(labels))
    moved = split_by_labels(
        labels[order],
        files=[files[row] for row in order],
        groups=[groups[row] for row in order],
        shares=shares,
        seed=seed,
    )
    assert moved == tuple(parts[row] for row in order)


@given(films(least=40))
@settings(max_examples=20)
def test_findings_deviate_no_more_than_in_a_random_split(drawn):
    labels, groups = drawn
    ours = [
        largest_deviation(labels, split_by_labels(labels, groups=groups, seed=seed))
        for seed in range(5)
    ]
    random = [largest_deviation(labels, at_random(groups, seed)) for seed in range(5)]
    assert np.mean(ours) <= np.mean(random)


def test_single_films_reach_what_whole_numbers_allow():
    labels = np.repeat(np.eye(4), 50, axis=0)
    parts = split_by_labels(labels, shares=(0.5, 0.3, 0.2))
    for finding in range(4):
        held = [part for part, row in zip(parts, labels, strict=True) if row[finding]]
        assert [held.count(part) for part in PARTS] == [25, 15, 10]


def test_what_is_known_of_a_finding_is_divided_too():
    # films 0 to 49 are unknown; of the others few are positive
    labels = np.full((100, 1), np.nan)
    labels[50:] = 0.0
    labels[50:60] = 1.0
    parts = np.array(split_by_labels(labels, shares=(0.5, 0.5, 0.0)))
    assert (parts[50:60] == "train").sum() == 5
    assert (parts[60:] == "train").sum() == 20
    assert (parts[:50] == "train").sum() == 25


def test_films_of_unknown_patients_are_not_one_patient():
    parts = split_by_labels(np.ones((30, 1)), groups=[None, np.nan, ""] * 10)
    assert [parts.count(part) for part in PARTS] == [24, 3, 3]


def test_another_seed_gives_another_split_and_the_same_one_the_same():
    labels = np.random.default_rng(0).random((80, 3)) < 0.3
    first, again, other = (split_by_labels(labels, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_no_part_stays_empty_and_a_rare_finding_is_absent_somewhere():
    labels = np.zeros((3, 2))
    labels[0, 0] = 1.0
    assert sorted(split_by_labels(labels)) == ["test", "train", "val"]
    with pytest.raises(DataError, match=r"2 group\(s\) or film\(s\) cannot fill 3 parts"):
        split_by_labels(labels, groups=["a", "a", "b"])


@pytest.mark.parametrize(
    ("labels", "options", "error", "match"),
    [
        ([[0.5], [1.0]], {}, DataError, r"0, 1 or NaN for unknown, received 0\.5"),
        ([[-1], [1]], {}, DataError, "received -1 among them"),
        ([0, 1], {}, DataError, r"a column for each finding, received shape \(2,\)"),
        (np.zeros((3, 0)), {}, DataError, r"received shape \(3, 0\)"),
        ([["a"], ["b"]], {}, DataError, "numbers in"),
        ([[0], [1]], {"groups": ["a"]}, InvalidArgumentError, "each of the 2 films, received 1"),
        ([[0], [1]], {"files": ["a", "a"]}, InvalidArgumentError, "a film stands there twice"),
        ([[0], [1]], {"shares": (1, 1, 1)}, InvalidArgumentError, "add up to 1"),
    ],
)
def test_what_is_no_label_is_refused(labels, options, error, match):
    with pytest.raises(error, match=match):
        split_by_labels(labels, **options)


def test_nih_films_are_divided_better_than_at_random(real_data):
    file = real_data / "nih_multilabel" / "Data_Entry_2017.csv"
    if not file.is_file():
        pytest.skip("NIH's films are not beside the real X-rays")
    films = read_label_file(file)
    frequent = films.labels[:, films.labels.sum(axis=0) >= 20]
    ours, random = [], []
    for seed in range(5):
        parts = split_by_labels(films.labels, files=films.files, groups=films.groups, seed=seed)
        assert pd.Series(parts).groupby(list(films.groups)).nunique().max() == 1
        ours.append(largest_deviation(frequent, parts))
        random.append(largest_deviation(frequent, at_random(films.groups, seed)))
    assert np.mean(ours) < 0.7 * np.mean(random)
