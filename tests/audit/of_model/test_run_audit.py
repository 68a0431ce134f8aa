"""A run's folder, audited with the images and the recipe of that run."""

import shutil

import keras
import pytest

from keras_cxr.audit.of_model.run_audit import _builder, _notes_on_builder, audit_run


def test_a_second_call_trains_nothing(phantoms, run, audited_model):
    found, out, _ = audited_model
    said = []
    again = audit_run(
        run, phantoms, controls="quick", measures=(), out_dir=out, say=said.append, verbose=0
    )
    assert sum("skipped" in line for line in said) == 6
    assert again.controls.to_dict() == found.controls.to_dict()


def test_vgg19_begins_from_the_weights_that_its_run_began_from():
    """From random ones here; any other network is built anew from its own layers."""
    settings = {"experiment": {"model": "vgg19"}, "weights": None}
    inputs = keras.Input((32, 32, 3))
    small = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs)))
    assert _builder(small, {"settings": settings})().count_params() > 20_000_000
    assert _builder(small, {"settings": {"model": "lmap3"}})().count_params() == 15_365
    settings["weights"] = "absent.h5"
    with pytest.raises(OSError, match=r"absent\.h5"):
        _builder(small, {"settings": settings})()


def test_a_model_that_no_package_offers_here_is_built_from_its_layers_and_that_is_said():
    inputs = keras.Input((32, 32, 3))
    small = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs)))
    result = {"settings": {"model": "theirs", "weights": "imagenet"}}
    assert _builder(small, result)().count_params() == 15_365
    assert "No model is called 'theirs' here" in _notes_on_builder(result)[0]
    for known in ({}, {"settings": {"model": "lmap3"}}):
        assert _notes_on_builder(known) == []


def test_a_model_without_its_run_is_refused(phantoms, run, tmp_path):
    place = tmp_path / "model" / "own.keras"
    place.parent.mkdir()
    shutil.copy(run / "run" / "last.keras", place)
    with pytest.raises(ValueError, match=r"No split\.csv lies beside"):
        audit_run(place, phantoms)
