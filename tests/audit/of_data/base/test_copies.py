"""Laws that hold for any copies."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.audit.of_data.base.copies import group_copies, kept_together

FILES = [f"{number}.png" for number in range(12)]


KINDS = ("exact", "near", "flipped")


PAIRS = st.lists(
    st.tuples(
        st.integers(0, 11), st.integers(0, 11), st.floats(0.8, 1.0), st.sampled_from(KINDS)
    ).filter(lambda pair: pair[0] != pair[1]),
    max_size=10,
)


def rows(pairs):
    columns = ["file_a", "file_b", "similarity", "kind"]
    table = [(FILES[one], FILES[other], *rest) for one, other, *rest in pairs]
    return list(pd.DataFrame(table, columns=columns).itertuples(index=False))


@given(PAIRS, st.lists(st.sampled_from("ab"), min_size=12, max_size=12))
def test_groups_hold_all_pairs_and_each_file_once(pairs, labels):
    class_of = dict(zip(FILES, labels, strict=True))
    groups = group_copies(rows(pairs), class_of, ("a", "b"))
    held = [file for group in groups for file in group.files]
    assert sorted(held) == sorted(
        {FILES[place] for one, other, *_ in pairs for place in (one, other)}
    )
    for group in groups:
        inside = [pair for pair in pairs if FILES[pair[0]] in group.files]
        assert all(FILES[pair[1]] in group.files for pair in inside)
        assert group.similarity == min(pair[2] for pair in inside)
        assert KINDS.index(group.kind) == max(KINDS.index(pair[3]) for pair in inside)
        assert group.classes == tuple(sorted({class_of[file] for file in group.files}))
        assert group.is_conflict == (len(group.classes) == 2)


@given(PAIRS, st.lists(st.sampled_from(["", "p", "q"]), min_size=12, max_size=12))
def test_copies_and_patients_are_never_torn_apart(pairs, patients):
    groups = group_copies(rows(pairs), dict.fromkeys(FILES, "a"), ("a",))
    names = dict(zip(FILES, kept_together(FILES, patients, groups), strict=True))
    for group in groups:
        assert len({names[file] for file in group.files}) == 1
        assert names[group.files[0]]
    for patient in ("p", "q"):
        files = [file for file, one in zip(FILES, patients, strict=True) if one == patient]
        if len(files) > 1:
            assert len({names[file] for file in files}) == 1
