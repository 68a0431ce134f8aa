from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.groups import (
    connected,
    count_leaks,
    merged,
    named_groups,
    names_of_units,
    rows_by_name,
    within,
)

GROUPS = st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=4), max_size=6)
FILES = [f"{row}.png" for row in range(12)]


def test_connected():
    assert connected([(5, 7), (1, 2), (7, 9), (2, 0), (4, 4)]) == [[0, 1, 2], [5, 7, 9]]
    assert connected([]) == []


@given(GROUPS)
def test_merged_groups_share_no_row_and_hold_whole_ones(groups):
    found = merged(groups)
    rows = [row for members in found for row in members]
    assert len(set(rows)) == len(rows)
    for members in groups:
        if len(set(members)) > 1:
            assert sum(set(members) <= set(one) for one in found) == 1


def test_rows_by_name():
    assert rows_by_name(["b", "", "a", "b"]) == {"b": [0, 3], "a": [2]}


def test_groups_are_named_by_their_first_name_or_file():
    names = [""] * 12
    names[3] = names[8] = "p"
    names[5] = names[6] = "q"
    names[10] = "alone"
    found = dict(named_groups(FILES, names, [[0, 1], [1, 6], [8, 9], [2, 2]]))
    assert found == {"p": [3, 8, 9], "q": [0, 1, 5, 6]}
    assert dict(named_groups(FILES, [""] * 12, [[7, 4]])) == {"4.png": [4, 7]}


def test_a_file_without_a_group_is_a_unit_of_its_own():
    one, other, alone = names_of_units(["g", "a", "b"], ["", "g", ""])
    assert other == "g"
    assert len({one, other, alone}) == 3


def test_within_counts_places_in_the_chosen_rows():
    assert within([[0, 4, 7], [1, 2], [5, 9]], [4, 7, 9, 1]) == [[0, 1]]


@given(GROUPS, st.lists(st.sampled_from(["train", "val", "test"]), min_size=12, max_size=12))
def test_leaked_rows_have_one_of_their_group_in_training(groups, parts):
    found = merged(groups)
    expected = sum(
        parts[row] != "train" and any(parts[other] == "train" for other in members)
        for members in found
        for row in members
    )
    assert count_leaks(found, parts) == expected
