import dataclasses
import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from keras_cxr.audit.of_model.audit import audit_model
from keras_cxr.audit.of_model.base.predictions import predict_part
from keras_cxr.audit.of_model.questions.confidence import measure_confidence
from keras_cxr.audit.of_model.questions.subgroups import columns_of
from keras_cxr.audit.of_model.run_audit import _builder, _notes_on_builder, audit_run
from keras_cxr.cli import main
from keras_cxr.data import make_datasets
from keras_cxr.evaluation import apply_temperature
from keras_cxr.keras_graph.interface import predict_probabilities
from keras_cxr.runs.single import train_and_report

# one worker, so that what the module trains is trained once
pytestmark = pytest.mark.xdist_group("model audit")


@pytest.fixture(scope="module")
def run(phantoms, tmp_path_factory):
    """A LeNet-5, trained for an epoch."""
    out = tmp_path_factory.mktemp("run")
    train_and_report(
        phantoms, out, model="lenet5", epochs=1, image_size=(32, 32), batch_size=16, verbose=0
    )
    return out


@pytest.fixture(scope="module")
def metadata(phantoms, run):
    files = pd.read_csv(run / "split.csv")["file"]
    views = ["PA" if number % 2 else "AP" for number in range(len(files))]
    return pd.DataFrame({"file": files, "view": views})


@pytest.fixture(scope="module")
def audited(phantoms, run, metadata, tmp_path_factory):
    out = tmp_path_factory.mktemp("audit")
    said = []
    found = audit_run(
        run, phantoms, controls="quick", metadata=metadata, out_dir=out, say=said.append, verbose=0
    )
    found.write(out, license="apache-2.0")
    return found, out, said


def test_findings_hold_what_the_run_scored(run, audited):
    found, _, said = audited
    predictions = pd.read_csv(run / "predictions.csv")
    assert found.score.accuracy.value == (predictions["real"] == predictions["predicted"]).mean()
    keys = [finding.key for finding in found.findings]
    assert keys[:2] == ["score", "leaks"]
    assert {
        "controls",
        "unusual",
        "masked_inputs",
        "calibration",
        "sets",
        "selection",
        "lung_heat",
        "suspicious_labels",
    } <= set(keys)
    assert all(finding.sentence.endswith(".") for finding in found.findings)
    assert found.controls.epochs == 1
    assert f"{found.score.num_images} test images" in str(found).splitlines()[0]
    assert len(str(found).splitlines()) <= 24
    assert max(map(len, str(found).splitlines())) <= 80
    assert any(line.startswith("control 6 of 6") for line in said)


def test_json_is_plain_and_names_every_part(audited):
    found, out, _ = audited
    document = json.loads((out / "model_audit.json").read_text())
    assert document["schema_version"] == 2
    assert document["data"]["images"]["COVID"]["test"] > 0
    for part in ("held_out", "masked", "controls", "confidence", "lung_heat"):
        assert document[part] is not None
    assert document["subgroups"] is None
    assert document["notes"] == [
        "Not measured: subgroups, since no two values of view have 30 test images or groups each."
    ]
    assert [row["sentence"] for row in document["findings"]] == [
        finding.sentence for finding in found.findings
    ]


def test_calibrated_model_loads_with_plain_keras_and_is_the_one_that_was_measured(run, audited):
    found, out, _ = audited
    calibrated = keras.saving.load_model(out / "calibrated.keras")
    images, _ = found.datasets.load("test")
    expected = apply_temperature(
        predict_probabilities(found.model, images), found.confidence.temperature
    )
    np.testing.assert_allclose(predict_probabilities(calibrated, images), expected, atol=1e-5)


def test_card_says_what_was_computed_in_the_hubs_form(audited):
    found, out, _ = audited
    text = (out / "model_card.md").read_text()
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["license"] == "apache-2.0"
    assert card["library_name"] == "keras"
    result = card["model-index"][0]["results"][0]
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert metrics["accuracy"] == round(found.score.accuracy.value, 4)
    for finding in found.findings:
        assert finding.sentence.replace("*", "\\*") in body
    document = json.loads((out / "model_card.json").read_text())
    assert document["schema_version"] == 1
    assert document["metrics"] == result["metrics"]
    assert document["files"] == ["calibrated.keras"]
    assert document["audit"]["score"]["num_images"] == found.score.num_images


def test_page_is_one_file_with_every_finding(audited):
    found, out, _ = audited
    page = (out / "trust.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    for finding in found.findings:
        assert finding.sentence.replace("'", "&#39;").replace("<", "&lt;") in page
    assert "Not measured" in page


def test_a_second_call_trains_nothing(phantoms, run, audited):
    found, out, _ = audited
    said = []
    again = audit_run(
        run, phantoms, controls="quick", measures=(), out_dir=out, say=said.append, verbose=0
    )
    assert sum("skipped" in line for line in said) == 6
    assert again.controls.to_dict() == found.controls.to_dict()


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


def test_metadata_are_read_by_file_and_numbers_become_numbers():
    files = ("a/1.png", "a/2.png", "a/3.png")
    table = pd.DataFrame(
        {
            "file": ["/data/a/2.png", "a/1.png", "b/9.png"],
            "age": ["61", "", "7"],
            "sex": ["F", "M", "F"],
        }
    )
    columns = columns_of(files, table, root="/data")
    assert columns["sex"].tolist()[:2] == ["M", "F"]
    assert np.isnan(columns["age"]).tolist() == [True, False, True]
    assert columns["age"][1] == 61
    with pytest.raises(ValueError, match="metadata names none of the 3 test images"):
        columns_of(files, table.iloc[2:], root="/data")
    with pytest.raises(ValueError, match="metadata needs the column file; it has age"):
        columns_of(files, table[["age"]], root="/data")


def test_no_calibrated_model_is_left_where_none_can_be_made(audited, tmp_path):
    found, _, _ = audited
    found.write(tmp_path)
    assert (tmp_path / "calibrated.keras").is_file()
    for confidence, reason in (
        (None, "calibration was not asked for"),
        (
            measure_confidence(predict_part(found.model, found.datasets), None),
            "no validation images",
        ),
    ):
        dataclasses.replace(found, confidence=confidence).write(tmp_path)
        assert not (tmp_path / "calibrated.keras").exists()
        assert reason in (tmp_path / "trust.html").read_text()
        assert reason in (tmp_path / "model_card.md").read_text()


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


def test_the_command_asks_the_model_and_writes_page_card_and_json(phantoms, run, tmp_path, capsys):
    out = tmp_path / "audit"
    words = ["audit", str(phantoms), "--model", str(run), "--out", str(out), "--json"]
    assert main(words) == 0
    text, error = capsys.readouterr()
    document = json.loads(text)
    assert document == json.loads((out / "model_audit.json").read_text())
    assert document["controls"] is None
    assert {path.name for path in out.iterdir()} == {
        "calibrated.keras", "model_audit.json", "model_card.json", "model_card.md",
        "prediction_sets.json", "trust.html",
    }  # fmt: skip
    assert "measuring heat in the lungs" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick"], "--quick, --full and --seeds train a recipe: name --model RUN."),
        (["--model", "run", "--quick", "--full"], "--quick and --full exclude each other"),
        (["--model", "run", "--fail-on", "flags"], "--against and --fail-on ask data"),
        (["--model", "nowhere"], "There is no model nowhere"),
        (["--model", "RUN", "--quick", "--seeds", "0"], "--seeds must be at least 1, not 0."),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(phantoms, run, capsys, words, message):
    words = [str(run) if word == "RUN" else word for word in words]
    assert main(["audit", str(phantoms), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
