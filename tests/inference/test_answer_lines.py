import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.inference.answer_lines import (
    cut_torn_line,
    merge_answers,
    read_answers,
    take_shard,
)

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


def answer(file, *, model="m", **more):
    held = {"schema_version": 1, "model": model, "file": file, **more}
    return json.dumps(held, separators=(",", ":")).encode() + b"\n"


@given(
    st.lists(st.text("ab/.é", min_size=1, max_size=5), unique=True, min_size=1),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_shares_merged_are_the_whole(tmp_path_factory, names, total, seed):
    folder = tmp_path_factory.mktemp("shares")
    names = sorted({str(Path(name)) for name in names}, key=Path)
    rng = np.random.default_rng(seed)
    whole = [answer(name, predicted="x") for name in names]
    paths = []
    for index in range(1, total + 1):
        share = take_shard(whole, f"{index}/{total}")
        paths.append(folder / f"{index}.jsonl")
        paths[-1].write_bytes(b"".join(share[i] for i in rng.permutation(len(share))))
    done = merge_answers([paths[i] for i in rng.permutation(total)], folder / "all.jsonl")
    assert done.path.read_bytes() == b"".join(whole)
    assert list(done.files) == [Path(name) for name in names]
    assert read_answers(done.path, "m").files == set(names)


def test_an_answer_goes_before_an_error_and_is_taken_once(tmp_path):
    first, second, out = (tmp_path / name for name in ("1.jsonl", "2.jsonl", "all.jsonl"))
    first.write_bytes(answer("a", error="lost") + answer("b", x=1) + answer("c", error="lost"))
    second.write_bytes(answer("c", error="gone") + answer("b", x=1) + answer("a", x=2))
    done = merge_answers([first, second], out)
    assert out.read_bytes() == answer("a", x=2) + answer("b", x=1) + answer("c", error="lost")
    assert (done.num_errors, done.num_repeated, done.num_mended) == (1, 2, 1)
    assert merge_answers([out, second], out).path.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (answer("b")[:-1], DataError, r"2\.jsonl ends within a line.*with --resume first"),
        (answer("b", model="n"), DataError, r"2\.jsonl holds answers of another model than .*1\.j"),
        (answer("a", x=3), DataError, r"1\.jsonl and .*2\.jsonl answer differently for a\. Keep"),
        (b"file,predicted\n", DataError, r"2\.jsonl, line 1, is no JSON"),
        (answer("b").replace(b":1,", b":9,", 1), DataError, "of another release"),
        (None, NotFoundError, r"There is no file .*2\.jsonl"),
    ],
)
def test_what_cannot_be_merged_leaves_nothing(content, error, words, tmp_path):
    (tmp_path / "1.jsonl").write_bytes(answer("a", x=1))
    if content is not None:
        (tmp_path / "2.jsonl").write_bytes(content)
    with pytest.raises(error, match=words):
        merge_answers([tmp_path / "1.jsonl", tmp_path / "2.jsonl"], tmp_path / "all.jsonl")
    assert not (tmp_path / "all.jsonl").exists()
