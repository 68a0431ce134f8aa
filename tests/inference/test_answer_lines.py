import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.inference.answer_lines import cut_torn_line, read_answers, take_shard

GOOD = b'{"schema_version":1,"model":"m","file":"a"}\n'


@given(st.lists(st.integers()), st.integers(1, 9))
def test_shares_have_nothing_in_common_and_are_all(items, total):
    shares = [take_shard(items, f"{index}/{total}") for index in range(1, total + 1)]
    assert [one for share in shares for one in share] == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["", "2", "0/5", "6/5", "-1/5", "1/", "a/b", "1/2/3", "1.0/2"])
def test_what_is_no_share(text):
    with pytest.raises(InvalidArgumentError, match=r"such as 2/5.*received"):
        take_shard([1], text)


def test_a_torn_line_is_dropped_and_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    for torn in (b"{", GOOD[:-1]):
        path.write_bytes(GOOD + GOOD.replace(b'"a"', b'"b","error":"why"') + torn)
        held = read_answers(path, "m")
        assert (held.files, held.num_errors, held.is_torn) == ({"a", "b"}, 1, True)
        cut_torn_line(path, held)
        assert path.read_bytes().endswith(b'"why"}\n')
        assert not read_answers(path, "m").is_torn


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{\n", "line 2, is no JSON"),
        (b"[]\n", "line 2, has a value a list, not an object"),
        (b"\xff\n", "line 2, is no text in UTF-8"),
        (GOOD.replace(b'"file":"a"', b'"file":1'), "line 2, has file 1, not text"),
        (GOOD.replace(b":1,", b":2,"), "of another release"),
        (GOOD.replace(b'"m"', b'"n"'), "answers of another model"),
    ],
)
def test_a_file_that_cannot_be_gone_on_with(line, words, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD + line)
    with pytest.raises(DataError, match=rf"{words}.*without --resume"):
        read_answers(path, "m")
