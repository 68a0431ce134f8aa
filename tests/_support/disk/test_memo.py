import hashlib
import json

import pytest

from keras_cxr import __version__
from keras_cxr._support.disk.documents import Range
from keras_cxr._support.disk.memo import computed_once
from keras_cxr.errors import OutputError

FORM = {"share": Range(0, 1), "names": [str]}
RESULT = {"share": 0.25, "names": ["a", "b"]}


def ask(folder, depends_on=("method", 1), **options):
    calls = []

    def compute():
        calls.append(1)
        return RESULT

    result = computed_once(folder, "shares", depends_on, compute=compute, form=FORM, **options)
    assert result == RESULT
    return len(calls)


def test_a_result_is_computed_once(tmp_path):
    folder = tmp_path / "not" / "there"
    assert ask(folder) == 1
    assert ask(folder) == 0
    assert ask(folder, depends_on=["method", 2]) == 1
    assert len(list(folder.iterdir())) == 2


def test_without_a_folder_nothing_is_kept():
    assert [ask(None), ask(None)] == [1, 1]


@pytest.mark.parametrize("version", [None, 3])
def test_the_file_is_named_after_what_the_result_depends_on(tmp_path, version):
    ask(tmp_path, version=version, field="shares")
    (path,) = tmp_path.iterdir()
    asked = ["method", 1] if version else [__version__, ["method", 1]]
    key = hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode()).hexdigest()
    assert path.name == f"shares-{key[:16]}.json"
    more = {} if version is None else {"schema_version": version}
    assert json.loads(path.read_text()) == {**more, "key": key, "shares": RESULT}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-5],
        lambda content: content.replace(b"0.25", b"1.25"),
        lambda content: content.replace(b'"key":"', b'"key":"0'),
        lambda content: content.replace(b'"schema_version":3', b'"schema_version":4'),
    ],
)
def test_a_damaged_file_is_written_anew(tmp_path, damage):
    ask(tmp_path, version=3)
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert path.read_bytes() != good
    assert ask(tmp_path, version=3) == 1
    assert path.read_bytes() == good


def test_a_result_that_does_not_fit_is_computed_again(tmp_path):
    ask(tmp_path)
    assert ask(tmp_path, fits=lambda result: len(result["names"]) == 3) == 1
    assert ask(tmp_path, fits=lambda result: len(result["names"]) == 2) == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"image cache .*file.* cannot be written"):
        ask(tmp_path / "file" / "cache")
