"""Test images of which training has seen a copy or the patient."""

import dataclasses

import keras
import pandas as pd
import pytest

from keras_cxr.audit.of_model.audit import audit_model
from keras_cxr.data import make_datasets


def test_leaked_test_images_are_counted_and_scored_apart(phantoms, run):
    """Two test images get the group of a training image."""
    table = pd.read_csv(run / "split.csv", keep_default_na=False)
    test, train = (table.index[table["part"] == part] for part in ("test", "train"))
    table.loc[[*test[:2], train[0]], "group"] = "patient 7"
    datasets = make_datasets(
        table.rename(columns={"class": "label"}),
        root=phantoms,
        image_size=(32, 32),
        format="keras",
    )
    model = keras.saving.load_model(run / "run" / "last.keras", compile=False)
    found = audit_model(model, datasets, measures=("held_out",), say=lambda line: None)
    assert found.held_out.num_leaked == 2
    assert found.held_out.score_clean.num_images == len(test) - 2
    sentence = str(found.findings[1])
    assert sentence.startswith(f"2 of the {len(test)} test images have an image of its group in")
    whole = found.held_out
    for searched, named, words in (
        (True, False, "2 of the 8 test images have a copy in the training part; without"),
        (True, True, "have a copy or an image of its group in the training part"),
        (False, False, "is not known: copies were not looked for and no patients are named."),
    ):
        other = dataclasses.replace(whole, num_test=8, searched=searched, named=named)
        assert words in other.findings[0].sentence
    clean = dataclasses.replace(whole, searched=True, named=False, num_leaked=0, leaks_unaware=5)
    assert "None of the" in clean.findings[0].sentence
    assert "would have put 5 validation and test images" in clean.findings[0].sentence
    with pytest.raises(ValueError, match="measures must be of held_out"):
        audit_model(model, datasets, measures=("luck",), say=lambda line: None)
    with pytest.raises(ValueError, match='"none", "quick" or "full"'):
        audit_model(model, datasets, controls="all", say=lambda line: None)
