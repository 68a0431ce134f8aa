"""Every kind of file that is read back, damaged in every way that files are."""

import copy
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from keras_cxr import build_lenet5
from keras_cxr._support.disk.file_names import (
    EXPORT_FILE,
    MODEL_AUDIT_FILE,
    PHANTOMS_FILE,
    PRESET_FILE,
    RESULT_FILE,
    RUN_RECORD_FILE,
    SPLIT_FILE,
)
from keras_cxr.audit.of_model.base.predictions import read_predictions
from keras_cxr.errors import KerasCXRError, NotFoundError
from keras_cxr.evaluation import ConformalSets
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.evaluation.ood_file import weights_digest
from keras_cxr.exports import read_export
from keras_cxr.inference.preset.form import PRESET
from keras_cxr.inference.recorded import read_split, recorded_result, recorded_run
from keras_cxr.phantoms.draw import make_phantoms
from keras_cxr.runs.trust import questions
from keras_cxr.study.report import write_report
from keras_cxr.training.checkpoint import read_arrays, read_record
from keras_cxr.training.run import make_run

RUN = {
    "schema_version": 1,
    "settings": {
        "data": {"class_names": ["ill", "well"], "image_size": [32, 32], "region": "full"},
        "optimizer": {"class_name": "Adam", "config": {}},
        "class_weight": [1.0, 2.0],
        "head": {"epochs": 1, "learning_rate": 0.001},
    },
    "precision": "float32",
    "keras_version": "3.15.1",
    "backend": "tensorflow",
    "epochs_trained": 2,
    "best_epoch": 1,
    "stopped": False,
    "finished": True,
    "history": {"loss": [0.5, None], "val_loss": [0.5, 0.25]},
    "seconds_per_epoch": [1.0, 2],
    "validation_seconds": [0.0, 0.0],
    "state": "checkpoint/state-00002.npz",
    "head": {
        "layers": ["predictions"],
        "history": {"loss": [None]},
        "seconds_per_epoch": [1.0],
        "feature_seconds": 0.5,
        "feature_shape": [512],
        "notes": ["a note"],
    },
    "last_epochs": 2,
    "changed_at_end": False,
}
SCORES = dict.fromkeys(("precision", "recall", "recall_low", "recall_high", "f1", "roc_auc"), 0.5)
RESULT = {
    "schema_version": 1,
    "settings": {"epochs": 2, "precision": "float32", "weights": None},
    "machine": {"processor": "a", "cores": 2, "accelerator": "none"},
    "parameters": 1000,
    "training": {"precision": "float32", "history": {}, "seconds_per_epoch": [1.0, 2.0]},
    "images": {"ill": {"train": 3}, "well": {"test": 4}},
    "phantoms": False,
    "data_summary": "7 images",
    "evaluation": {
        "num_images": 4,
        "class_names": ["ill", "well"],
        "accuracy": 0.5,
        "accuracy_interval": [0.25, 0.75],
        "balanced_accuracy": 0.5,
        "balanced_accuracy_interval": [0.25, 0.75],
        "per_class": {"ill": {**SCORES, "support": 0}, "well": {**SCORES, "support": 4}},
    },
}
AUDIT = {
    "schema_version": 1,
    "findings": [{"key": "leaks", "sentence": "None."}],
    "notes": ["heat in the lungs was not measured"],
}
SETS = {
    "schema_version": 1,
    "coverage": 0.9,
    "class_names": ["ill", "well"],
    "thresholds": [0.5, 0.25],
    "num_calibration": [10, 20],
}
PRESET_DOCUMENT = {
    "schema_version": 1,
    "model": {"name": "lenet5", "arguments": {"num_classes": 2}},
    "class_names": ["ill", "well"],
    "data": {
        "image_size": [32, 32],
        "color_mode": "grayscale",
        "intensity": "stored",
        "region": "full",
    },
    "temperature": 1.5,
    "files": {"model.weights.h5": "0" * 64},
    "golden": {"seed": 1848, "probabilities": [[0.25, 0.75]]},
    "description": "Of no use.",
    "license": "CC0-1.0",
}
EXPORT = {
    "schema_version": 2,
    "format": "keras",
    "kind": "classifier",
    "model": "lenet5",
    "files": {"model.keras": "0" * 64},
    "num_bytes": 1000,
    "class_names": ["ill", "well"],
    "input": {"name": "pixels", "dtype": "uint8", "shape": [None, 32, 32, 1], "range": [0, 255]},
    "output": {"name": "scores", "dtype": "float32", "shape": [None, 2], "range": [0, 1]},
    "image_size": [32, 32],
    "color_mode": "grayscale",
    "intensity": "stored",
    "region": "full",
    "calibration": {"temperature": 1.5, "offsets": [0.0, 0.0]},
    "check": {
        "pictures": "phantoms",
        "num_images": 16,
        "tolerance": 0.0001,
        "largest_difference": 0.0,
        "equal_answers": 1.0,
        "least_equal": 0.0,
    },
    "speed": [{"batch_size": 1, "cores": 2, "images_per_second": 9.0, "beside_keras": 1.5}],
    "notes": [],
    "versions": {"keras": "3.15.1"},
}


def use_run(folder):
    recorded_run(folder)
    record = read_record(folder)
    assert "epochs in" in make_run(record, None, folder).summary


def use_result(folder):
    write_report(folder.parent, {"A": recorded_result(folder)})


def use_sets(folder):
    ConformalSets.load(folder / "sets.json").sets([[0.5, 0.5]])


@dataclass(frozen=True)
class Kind:
    name: str
    good: dict[str, Any]
    use: Any


KINDS = (
    Kind(RUN_RECORD_FILE, RUN, use_run),
    Kind(RESULT_FILE, RESULT, use_result),
    Kind(MODEL_AUDIT_FILE, AUDIT, lambda folder: questions(folder.parent, [folder.name], None)),
    Kind("sets.json", SETS, use_sets),
    Kind(PRESET_FILE, PRESET_DOCUMENT, lambda folder: PRESET.read(folder / PRESET_FILE)),
    Kind(EXPORT_FILE, EXPORT, lambda folder: str(read_export(folder))),
)
HUGE = b'{"a": ' + b"9" * 5000 + b"}"
DAMAGES = {
    "empty": lambda good: b"",
    "blank": lambda good: b" \n",
    "null": lambda good: b"null",
    "a list": lambda good: b"[]",
    "a number": lambda good: b"7",
    "text": lambda good: b'"run"',
    "no key": lambda good: b"{}",
    "UTF-16": lambda good: good.decode().encode("utf-16"),
    "bytes": lambda good: b"\x80\xff" + good,
    "NUL": lambda good: b"\0" * len(good),
    "half": lambda good: good[: len(good) // 2],
    "two": lambda good: good + good,
    "deep": lambda good: b'{"a": ' * 100_000,
    "deep list": lambda good: b"[" * 100_000,
    "digits": lambda good: HUGE,
    "future": lambda good: re.sub(rb'"schema_version": \d+', b'"schema_version": 99', good),
    "true": lambda good: re.sub(rb'"schema_version": \d+', b'"schema_version": true', good),
    "no version": lambda good: good.replace(b'"schema_version"', b'"version"'),
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "A"
    folder.mkdir()
    (folder / SPLIT_FILE).write_text("file,class,part,group,mask\na.png,ill,train,,\n")
    return folder


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whole_documents_are_used(kind, folder):
    (folder / kind.name).write_text(json.dumps(kind.good))
    kind.use(folder)
    (folder / kind.name).write_bytes(b"\xef\xbb\xbf" + json.dumps(kind.good).encode())
    kind.use(folder)  # with the mark that some editors write


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_documents_are_named_with_the_remedy(kind, damage, folder):
    file = folder / kind.name
    file.write_bytes(DAMAGES[damage](json.dumps(kind.good).encode()))
    with pytest.raises(KerasCXRError, match=r"cannot be used as") as caught:
        kind.use(folder)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert len(message) < 400
    assert message.splitlines() == [message]


def places(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


def changed(good, path, change):
    document = copy.deepcopy(good)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return document


VALUES = (None, "x", "", [], {}, -1, 3, 0.5, True, 10**400, float("nan"), float("inf"), [[1]])


def is_refused(kind, folder):
    try:
        kind.use(folder)
    except KerasCXRError as error:
        message = str(error)
    else:
        return False
    assert str(folder / kind.name) in message
    return True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_value_may_be_another(kind, folder):
    """A document is used, or refused by name; nothing else happens, whatever stands where."""
    refused = 0
    changes = [lambda holder, key: holder.pop(key)]
    changes += [lambda holder, key, v=v: holder.__setitem__(key, v) for v in VALUES]
    for path in places(kind.good):
        for change in changes:
            document = changed(kind.good, path, change)
            (folder / kind.name).write_text(json.dumps(document))
            refused += is_refused(kind, folder)
    assert refused > 4 * len(list(places(kind.good)))


def test_phantoms_of_a_damaged_manifest_are_not_used(tmp_path):
    folder = make_phantoms(tmp_path / "phantoms", images_per_class=1, image_size=(32, 32))
    good = (folder / PHANTOMS_FILE).read_bytes()
    for name, damage in DAMAGES.items():
        if name == "true":  # which Python takes for 1
            continue
        (folder / PHANTOMS_FILE).write_bytes(damage(good))
        with pytest.raises(KerasCXRError, match="holds phantoms with other settings"):
            make_phantoms(folder, images_per_class=1, image_size=(32, 32))


SPLIT = "file,class,part,group,mask\na.png,ill,train,,\nb.png,well,test,p,\n"
TABLES = {
    "empty": b"",
    "no rows": SPLIT.splitlines()[0].encode(),
    "UTF-16": SPLIT.encode("utf-16"),
    "bytes": b"\x80\xff\n\x80",
    "a column fewer": SPLIT.replace("part", "path").encode(),
    "another part": SPLIT.replace("train", "validate").encode(),
    "no class": SPLIT.replace("ill", "").encode(),
    "twice": SPLIT.replace("b.png", "a.png").encode(),
    "cells": SPLIT.replace("ill,", "ill,,,,,,").encode(),
    "quote": SPLIT.replace("ill", '"ill').encode(),
    "NUL": SPLIT.replace("a.png", "\0").encode(),
}


@pytest.mark.parametrize("damage", TABLES)
def test_damaged_splits_are_named(damage, tmp_path):
    (tmp_path / SPLIT_FILE).write_text(SPLIT)
    assert read_split(tmp_path)["group"].tolist() == ["", "p"]
    (tmp_path / SPLIT_FILE).write_bytes(TABLES[damage])
    with pytest.raises(KerasCXRError, match=r"split\.csv .*train again, or test on images"):
        read_split(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"file,real\n", b"file,real,predicted\n", b"a,b\n1,2\n"]
)
def test_damaged_predictions_are_named(content, tmp_path):
    (tmp_path / "predictions.csv").write_bytes(content)
    with pytest.raises(KerasCXRError, match=r"predictions\.csv .*is damaged"):
        read_predictions(tmp_path / "predictions.csv")


@pytest.fixture(scope="module")
def model():
    return build_lenet5((32, 32, 1), 2)


WIDTH = 84 + 256  # of LeNet-5's features and of a thumbnail


def detector(model, *, references=None, pack=np.savez, **head):
    document = {
        "schema_version": 1,
        "threshold": 0.5,
        "neighbor": 2,
        "num_validation": 9,
        "held_out": True,
        "weights": weights_digest(model),
    }
    rows = np.zeros((4, WIDTH), np.float16) if references is None else references
    return lambda file: pack(file, head=np.array(json.dumps(document | head)), references=rows)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": "x"}, 'has threshold "x", not a number from 0'),
        ({"threshold": -1}, "has threshold -1"),
        ({"neighbor": 0}, "has neighbor 0"),
        ({"neighbor": 5}, r"references of shape \(4, 340\).* at least 5 rows"),
        ({"held_out": None}, "has held_out null"),
        ({"weights": None}, "has weights null, not a SHA-256"),
        ({"schema_version": 2}, "has schema version 2"),
        ({"references": np.zeros((4, WIDTH - 1), np.float16)}, r"of shape \(4, 339\)"),
        ({"references": np.zeros(WIDTH, np.float16)}, r"of shape \(340,\)"),
        ({"references": np.float16(1)}, r"of shape \(\)"),
        ({"references": np.full((4, WIDTH), np.nan, np.float16)}, "not finite numbers"),
        ({"references": np.zeros((4, WIDTH), np.int32)}, "references has the dtype int32"),
        ({"references": np.array([["x"]])}, "references has the dtype <U1"),
        ({"references": np.array([{}], object)}, "holds Python objects"),
        (
            {"references": np.zeros((40_000, WIDTH), np.float16), "pack": np.savez_compressed},
            r"bytes would unpack to 27,\d{3},\d{3}",
        ),
    ],
)
def test_detectors_of_another_form_are_refused(model, tmp_path, changes, words):
    file = tmp_path / "unusual.npz"
    detector(model)(file)
    assert len(OutOfDistribution.load(file, model).references) == 4
    detector(model, **changes)(file)
    with pytest.raises(KerasCXRError, match=words):
        OutOfDistribution.load(file, model)


def test_an_array_is_not_taken_at_its_word(tmp_path):
    """The header of an array may name any shape, and numpy would make room for it."""
    file = tmp_path / "state.npz"
    np.savez(file, **{"model/0": np.zeros(10)})
    content = file.read_bytes()
    assert content.count(b"(10,), }   ") == 1
    file.write_bytes(content.replace(b"(10,), }         ", b"(99999999999,), }"))
    with pytest.raises(KerasCXRError, match=r"state\.npz is missing or damaged"):
        read_arrays(file)


def test_a_missing_file_is_not_a_damaged_one(model, tmp_path):
    with pytest.raises(NotFoundError, match="There is no file"):
        OutOfDistribution.load(tmp_path / "unusual.npz", model)
