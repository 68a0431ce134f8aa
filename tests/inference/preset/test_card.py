"""Cards: what the hub reads of them, and that they claim nothing that is not known."""

import keras
import numpy as np
import pytest
import yaml

from keras_cxr import build_lenet5, evaluate, make_datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation import ConformalSets
from keras_cxr.inference import Classifier, save_preset
from keras_cxr.inference.preset.card import front_matter, with_front_matter
from tests.training.conftest import bright_squares

DATA = {"image_size": [32, 32], "color_mode": "grayscale"}


@pytest.fixture(scope="module")
def data():
    return make_datasets(bright_squares(60), image_size=(32, 32), format="keras")


@pytest.fixture(scope="module")
def classifier(data):
    keras.utils.set_random_seed(0)
    names = data.class_names
    return Classifier(build_lenet5((32, 32, 1), len(names)), names, DATA)


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC0-1.0", {"license": "cc0-1.0"}),
        ("", {"license": "unknown"}),
        ('Ours: "free"\nnone', {"license": "other", "license_name": 'Ours: "free" none'}),
    ],
)
def test_the_hub_reads_the_head(license, expected):
    head = yaml.safe_load(front_matter(license).split("---")[1])
    assert head.pop("library_name") == "keras-cxr"
    assert head.pop("pipeline_tag") == "image-classification"
    assert "chest-x-ray" in head.pop("tags")
    assert head == expected


def test_a_card_of_ones_own_stays_and_has_one_head():
    whole = with_front_matter("# Mine\n", "mit")
    assert whole.endswith("\n# Mine\n")
    assert with_front_matter(whole, "mit") == whole


def test_what_is_not_known_is_not_claimed(classifier, tmp_path):
    folder = save_preset(classifier, tmp_path / "Röntgen 1", name="lenet5")
    card = (folder / "README.md").read_text()
    assert "# Röntgen 1" in card
    assert card.count("Not stated by whoever saved this preset.") == 2  # images, scores
    assert "For research only. It is not a medical device" in card
    assert "whether the probabilities are calibrated is not known" in card
    assert "accuracy" not in card


def test_what_is_known_stands_in_it_and_the_sets_travel_along(classifier, data, tmp_path):
    found = evaluate(classifier.model, data)
    sets = ConformalSets.fit(
        found.labels, found.probabilities, coverage=0.8, class_names=data.class_names
    )
    folder = save_preset(
        classifier, tmp_path / "p", name="lenet5", temperature=2.0, datasets=data,
        num_references=10, prediction_sets=sets, evaluation=found,
        sources=["<b>Drawn</b> squares, CC0-1.0"], license="CC0-1.0",
    )  # fmt: skip
    card = (folder / "README.md").read_text()
    assert f"accuracy {found.accuracy:.3f} [" in card
    assert "&lt;b&gt;Drawn&lt;/b&gt; squares" in card
    assert f"Trained on {(data.table['part'] == 'train').sum()} images" in card
    assert "divided by the temperature 2." in card
    assert "80% of films" in card
    again = ConformalSets.load(folder / "prediction_sets.json")
    np.testing.assert_array_equal(again.thresholds, sets.thresholds)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.md", "model.weights.h5", "prediction_sets.json", "preset.json", "unusual.npz",
    }  # fmt: skip
    save_preset(classifier, folder, name="lenet5")  # what the new one lacks goes
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "model.weights.h5", "preset.json",
    }  # fmt: skip


def test_sets_and_scores_of_other_classes_are_refused(classifier, tmp_path):
    sets = ConformalSets.fit([0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["a", "b"])
    with pytest.raises(InvalidArgumentError, match=r"prediction_sets has the classes \('a', 'b'\)"):
        save_preset(classifier, tmp_path / "p", name="lenet5", prediction_sets=sets)
    assert not (tmp_path / "p").exists()
