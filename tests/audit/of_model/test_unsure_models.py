"""A model of classes with odd names that is sure of its validation images and of no test image."""

import json

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from keras_cxr.audit.of_model.audit import audit_model
from keras_cxr.data import make_datasets
from keras_cxr.runs.saving import train_and_save

CLASSES = ("=dark", "[bright](javascript:alert(1)) | <b>`")
SETTINGS = {"epochs": 1, "precision": "float32"}


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def datasets(tmp_path):
    """Bright and dark training and validation images, and grey test images."""
    levels = [20, 235] * 10 + [20, 235] * 5 + [126, 130] * 3
    noise = np.random.default_rng(0).integers(0, 4, (len(levels), 32, 32))
    table = pd.DataFrame(
        {
            "file": [f"{number}.png" for number in range(len(levels))],
            "label": [CLASSES[level >= 128] for level in levels],
            "part": ["train"] * 20 + ["val"] * 10 + ["test"] * 6,
        }
    )
    for name, level, grain in zip(table["file"], levels, noise, strict=True):
        assert cv2.imwrite(str(tmp_path / name), (level + grain).astype(np.uint8))
    return make_datasets(
        table,
        root=tmp_path,
        image_size=(32, 32),
        batch_size=8,
        format="keras",
        group_duplicates=False,
    )


@pytest.fixture
def model(datasets):
    inputs = keras.Input((32, 32, 1))
    hidden = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="features")(inputs)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    hidden = keras.layers.Rescaling(1 / 32, offset=-4)(hidden)
    dense = keras.layers.Dense(2, activation="softmax")
    built = keras.Model(inputs, dense(hidden))
    dense.set_weights([np.float32([[1, -1]]), np.zeros(2, np.float32)])
    return built


def test_an_audit_says_so_without_nan(datasets, model, tmp_path):
    audit = audit_model(model, datasets, measures=("held_out", "confidence"), say=lambda _: None)
    selection = audit.confidence.selection
    assert selection.answered.value == 0
    out = audit.write(tmp_path / "out")
    document = json.loads((out / "model_audit.json").read_text(), parse_constant=refuse)
    (found,) = [row for row in document["findings"] if row["key"] == "selection"]
    assert found["value"] is None
    assert "answers none of 6 test images" in found["sentence"]
    assert document["confidence"]["selection"]["accuracy"]["value"] is None
    card = (out / "model_card.md").read_text().split("---", 2)[2]
    kinds = {
        child.type
        for token in MarkdownIt("commonmark").enable("table").parse(card)
        for child in token.children or ()
    }
    assert kinds <= {"text", "text_special", "softbreak", "code_inline"}
    assert "code_inline" not in kinds or card.count("`calibrated.keras`") == 1
    texts = [str(audit), *(file.read_text() for file in out.iterdir() if file.suffix != ".keras")]
    assert not [text for text in texts if "nan " in text or "nan," in text or ": NaN" in text]


@pytest.mark.slow
def test_a_training_ends_and_may_be_repeated(datasets, model, tmp_path):
    for _ in range(2):
        train_and_save(model, datasets, tmp_path / "run", settings=SETTINGS, verbose=0)
        result = json.loads((tmp_path / "run/result.json").read_text(), parse_constant=refuse)
        assert result["evaluation"]["num_images"] == 6
        split = (tmp_path / "run/split.csv").read_text()
        assert "'=dark" in split
        assert ",=dark" not in split
        audit = (tmp_path / "run/model_audit.json").read_text()
        assert json.loads(audit, parse_constant=refuse)["confidence"]["selection"]["answered"]
