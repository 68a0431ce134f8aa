import json

import pytest

from keras_cxr._support.disk.files import file_digest
from keras_cxr.errors import DataError, NotFoundError
from keras_cxr.exports import read_export


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of an export that may be damaged."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in (*exported.files, "export.json"):
        (folder / name).write_bytes((exported.folder / name).read_bytes())
    return folder


def test_the_summary_says_what_goes_in_and_out(exported):
    lines = str(exported).splitlines()
    assert lines[1] == "In: pixels, uint8 pixels (batch, 32, 32, 1)"
    assert lines[2] == "Out: probabilities, probabilities of 4 classes"
    assert "on 16 phantoms: largest difference" in lines[3]
    assert exported.path.is_file()


def test_the_record_tells_all_that_a_stranger_needs(exported):
    record = json.loads((exported.folder / "export.json").read_text(encoding="utf-8"))
    assert record == exported.to_dict()
    assert record["schema_version"] == 2
    assert record["input"] == {
        "name": "pixels", "dtype": "uint8", "shape": [None, 32, 32, 1], "range": [0, 255],
    }  # fmt: skip
    assert record["output"]["shape"] == [None, 4]
    assert record["files"] == {"model.keras": file_digest(exported.path)}
    assert record["num_bytes"] == exported.path.stat().st_size
    assert record["check"]["num_images"] == 16
    assert record["check"]["tolerance"] == 1e-4
    assert {"keras", "keras-cxr", "numpy", "python", "tensorflow"} <= set(record["versions"])


def test_how_fast_it_is_stands_beside_keras(exported):
    assert [one.batch_size for one in exported.speed] == [1, 32]
    assert all(one.images_per_second > 0 and one.beside_keras > 0 for one in exported.speed)
    assert "Speed at batch 32: " in str(exported)


def test_records_of_the_first_version_are_read(copied):
    record = json.loads((copied / "export.json").read_text(encoding="utf-8"))
    del record["kind"], record["speed"], record["check"]["least_equal"]
    (copied / "export.json").write_text(json.dumps(record | {"schema_version": 1}))
    found = read_export(copied)
    assert (found.kind, found.speed, found.parity.least_equal) == ("classifier", (), 0)
    assert found.load()


def test_a_file_that_its_runtime_cannot_read_is_named(copied):
    (copied / "model.keras").write_bytes(b"no model")
    record = json.loads((copied / "export.json").read_text(encoding="utf-8"))
    record["files"] = {"model.keras": file_digest(copied / "model.keras")}
    (copied / "export.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"model\.keras"):
        read_export(copied).load()


def test_a_file_that_was_swapped_is_not_loaded(copied):
    assert read_export(copied).load()
    content = (copied / "model.keras").read_bytes()
    (copied / "model.keras").write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"model\.keras is missing or not the file that was"):
        read_export(copied).load()
    (copied / "model.keras").unlink()
    with pytest.raises(DataError, match=r"model\.keras is missing or not"):
        read_export(copied).load()


def test_a_folder_without_a_record_is_no_export(tmp_path):
    with pytest.raises(NotFoundError, match=r"holds no export\.json: it is no export"):
        read_export(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "tensorrt"}, "has the format 'tensorrt', which this release does not know"),
        ({"class_names": ["a"]}, "names another number of classes than the output has"),
        ({"kind": "oracle"}, "has the kind 'oracle', which this release does not know"),
        ({"kind": "segmenter"}, r"has an output of \[4\] for pictures of \[32, 32\]"),
        ({"color_mode": "sepia"}, "has the color_mode 'sepia', not grayscale or rgb"),
        ({"files": {}}, "names no file"),
        ({"files": {"../model.keras": "0" * 64}}, r"names a file outside of model\.keras"),
        ({"files": {"/etc/passwd": "0" * 64}}, r"names a file outside of model\.keras"),
        ({"files": {"model.keras/../../x": "0" * 64}}, r"names a file outside of model\.keras"),
        ({"files": {"model.keras": "short"}}, "not a SHA-256"),
    ],
)
def test_records_that_contradict_themselves_are_refused(copied, change, words):
    record = json.loads((copied / "export.json").read_text(encoding="utf-8"))
    (copied / "export.json").write_text(json.dumps(record | change))
    with pytest.raises(DataError, match=words):
        read_export(copied)
