import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_cxr import make_datasets
from keras_cxr.audit.of_model.base.predictions import Predictions
from keras_cxr.audit.of_model.base.scores import kept_share, mean_of
from keras_cxr.audit.of_model.controls.masking import (
    border_only,
    lung_shape,
    maskings_of,
    thumbnail,
)
from keras_cxr.audit.of_model.controls.recipe import recipe_of, recipe_of_run
from keras_cxr.audit.of_model.controls.train import train_controls
from keras_cxr.audit.of_model.questions.masked import measure_masked
from keras_cxr.training import train

KEYS = ["full", "outside", "lungs", "border", "thumbnail", "shuffled"]

# one worker, so that what the module trains is trained once
pytestmark = pytest.mark.xdist_group("controls")


@pytest.fixture(scope="module")
def datasets(phantoms):
    return make_datasets(
        phantoms, image_size=(32, 32), group_duplicates=False, format="keras", augment=False
    )


@pytest.fixture(scope="module")
def model():
    """The smallest model that learns something, so that seven trainings take seconds."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.AveragePooling2D(8),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def trained(datasets, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls")
    before = [weight.copy() for weight in model.get_weights()]
    found, said = controls(datasets, model, folder, num_seeds=2)
    for kept, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)  # the finished model stays as it is
    return folder, found, said


def controls(datasets, model, folder=None, **options):
    said = []
    found = train_controls(
        datasets, recipe_of(model, epochs=1), folder=folder, say=said.append, verbose=0, **options
    )
    return found, said


def test_views_take_away_what_they_name():
    image = np.arange(100 * 200, dtype=np.float32).reshape(100, 200) % 251
    mask = np.zeros((100, 200), np.uint8)
    mask[20:60, 30:80] = 255
    ring = border_only(image, mask)
    assert not ring[11:89, 22:178].any()
    ring[11:89, 22:178] = image[11:89, 22:178]
    np.testing.assert_array_equal(ring, image)
    grains = thumbnail(np.full((100, 200), 77, np.uint8), mask)
    assert grains.shape == (100, 200)
    assert (grains == 77).all()
    noise = np.random.default_rng(0).integers(0, 256, (240, 240)).astype(np.uint8)
    assert thumbnail(noise, mask).std() < noise.std() / 4
    assert sorted(np.unique(lung_shape(image, mask))) == [0, 128]
    np.testing.assert_array_equal(lung_shape(image, mask) > 0, mask > 0)


def test_views_without_masks_are_left_out_and_named():
    pixels, labels = np.zeros((8, 8, 8), np.uint8), np.array([0, 1] * 4)
    arrays = make_datasets((pixels, labels), image_size=(8, 8), split=(0.5, 0.0, 0.5))
    views, notes = maskings_of(arrays)
    assert [view.key for view in views] == ["full", "border", "thumbnail"]
    assert notes == ("Not measured: lungs removed, lungs only, since no image has a lung mask.",)


def test_a_model_of_lungs_is_shown_their_outline(datasets):
    views, _ = maskings_of(datasets.altered(region="lungs"))
    assert [view.key for view in views] == ["full", "outside", "border", "thumbnail", "shape"]


def test_kept_share_by_hand():
    labels = np.array([0] * 50 + [1] * 50)

    def answers(right):
        scores = np.eye(2)[np.where(np.arange(100) % 50 < right, labels, 1 - labels)]
        return Predictions(
            labels, scores, np.full(100, ""), tuple(map(str, range(100))), ("a", "b")
        )

    share = kept_share(answers(45), answers(35))  # (0.7 - 0.5) / (0.9 - 0.5)
    assert share.value == pytest.approx(0.5)
    assert 0.25 < share.low < 0.5 < share.high < 0.75
    assert kept_share(answers(45), answers(25)).value == pytest.approx(0)
    # at chance there is nothing of which a share could be left
    nothing = kept_share(answers(27), answers(27))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    # the same answers to few images do not show that they would always be the same
    same = kept_share(answers(45), answers(45))
    assert same.value == 1
    assert same.low < 0.85 < 1.15 < same.high


def test_a_model_that_does_not_look_scores_the_same_on_every_view(datasets):
    inputs = keras.Input((32, 32, 1))
    grey = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(4, activation="softmax", kernel_initializer="zeros")(grey)
    constant = keras.Model(inputs, outputs)
    found = measure_masked(constant, datasets)
    assert list(found.scores) == KEYS[:-1]
    assert {score.balanced_accuracy.value for score in found.scores.values()} == {0.25}
    assert found.chance == 0.25
    assert found.findings[0].value == 0.25
    assert "with the lungs blacked out, the model as it is reaches a balanced accuracy of 0.25" in (
        str(found.findings[0])
    )
    json.dumps(found.to_dict(), allow_nan=False)
    lungs = measure_masked(constant, datasets.altered(region="lungs"))
    assert "reduced to the outline of the lungs, the model as it is reaches" in str(
        lungs.findings[0]
    )
    assert "on the images as it was trained to see them 0.25" in str(lungs.findings[0])


def test_controls_are_kept_and_an_interrupted_one_goes_on(datasets, model, trained):
    folder, found, said = trained
    assert list(found.scores) == KEYS
    assert len(found.seeds) == 2
    assert [line.split(": ")[1].split(",")[0] for line in said] == [
        "as the model is meant to see them", "lungs removed", "lungs only", "border only",
        "24 x 24 thumbnails", "labels shuffled", "seed 1",
    ]  # fmt: skip
    assert found.findings[0].key == "controls"
    assert found.findings[-1].key == "seeds"
    json.dumps(found.to_dict(), allow_nan=False)
    # as if killed between training and testing: the weights are read, nothing is trained
    (folder / "border" / "control.json").unlink()
    run = (folder / "border" / "run" / "run.json").read_text()
    again, said = controls(datasets, model, folder, num_seeds=2)
    assert (folder / "border" / "run" / "run.json").read_text() == run
    assert sum("skipped" in line for line in said) == 6
    assert again.to_dict() == found.to_dict()


def test_a_control_of_other_settings_is_trained_anew(datasets, model, trained):
    folder, found, _ = trained
    place = folder / "shuffled"
    other = json.loads((place / "control.json").read_text()) | {"seed": 7}
    for name in ("begun.json", "control.json"):
        (place / name).write_text(json.dumps(other))
    before = (place / "run" / "run.json").stat().st_mtime_ns
    again, said = controls(datasets, model, folder, num_seeds=2)
    assert [line for line in said if "skipped" not in line] == ["control 6 of 7: labels shuffled"]
    assert (place / "run" / "run.json").stat().st_mtime_ns > before
    assert again.to_dict() == found.to_dict()


def test_without_lungs_masks_the_first_sentence_is_about_the_border(trained):
    _, found, _ = trained
    scores = {key: score for key, score in found.scores.items() if key not in ("outside", "lungs")}
    first = dataclasses.replace(found, scores=scores).findings[0]
    assert first.key == "control_border"
    assert first.sentence.startswith("From the outer ring of the picture alone the same recipe")


def estimate_like(score, value, low, high):
    balanced = dataclasses.replace(score.balanced_accuracy, value=value, low=low, high=high)
    return dataclasses.replace(score, balanced_accuracy=balanced)


@pytest.mark.parametrize(
    ("low", "full_low", "most"), [(0.51, 0.79, True), (0.49, 0.79, False), (0.51, 0.24, False)]
)
def test_sentence_says_most_by_its_rule_alone(trained, low, full_low, most):
    _, found, _ = trained
    scores = {
        **found.scores,
        "full": estimate_like(found.scores["full"], 0.81, full_low, 0.83),
        "outside": estimate_like(found.scores["outside"], 0.72, 0.70, 0.74),
    }
    kept = {**found.kept, "outside": dataclasses.replace(found.kept["outside"], low=low)}
    sentence = str(dataclasses.replace(found, scores=scores, kept=kept).findings[0])
    assert sentence.startswith(
        "Without any lung in the picture the same recipe reaches 0.72 [0.70, 0.74] of the 0.81 "
        f"[{full_low}, 0.83] it reaches with them (balanced accuracy on "
    )
    assert sentence.endswith(": most of the score does not come from lungs.") is most


def test_recipe_is_the_runs_own(datasets, model, tmp_path):
    twin = keras.models.clone_model(model)
    train(
        twin,
        datasets,
        epochs=2,
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0},
        run_dir=tmp_path,
        verbose=0,
    )
    record = json.loads((tmp_path / "run.json").read_text())
    recipe = recipe_of_run(record, datasets, build=lambda: keras.models.clone_model(model))
    described = recipe.to_dict()
    optimizer = recipe.new_optimizer()
    assert recipe.to_dict() == described  # by which a control that is done is known
    assert type(optimizer).__name__ == "SGD"
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    assert optimizer.momentum == 0.9
    assert recipe.class_weight == {0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0}
    assert (recipe.epochs, recipe.precision) == (2, record["precision"])
    # and a compiled model in memory tells of the same optimizer
    assert type(recipe_of(twin).new_optimizer()).__name__ == "SGD"


def test_a_model_that_cannot_be_built_anew_needs_build(datasets):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(4, activation="softmax")

        def call(self, inputs):
            return self.head(keras.ops.mean(inputs, axis=(1, 2)))

    own = Own()
    own(np.zeros((1, 32, 32, 1)))
    with pytest.raises(ValueError, match="Pass build="):
        recipe_of(own).new_model(0)
    with pytest.raises(ValueError, match='"none", "quick" or "full", not \'fast\''):
        train_controls(datasets, recipe_of(own), mode="fast")
    with pytest.raises(ValueError, match="num_seeds must be at least 1, not 0"):
        train_controls(datasets, recipe_of(own), num_seeds=0)


def test_mean_and_share_by_hand():
    values, groups = np.repeat([0.2, 0.4], 20), np.full(40, "")
    found = mean_of(values, groups)
    assert found.value == pytest.approx(0.3)
    assert 0.26 < found.low < 0.3 < found.high < 0.34
    right = mean_of(np.ones(50), np.full(50, ""), share=True)
    assert (right.value, right.method) == (1.0, "wilson")
    assert 0.92 < right.low < 0.94
    # copies count once: the same values in groups of ten tell far less
    wide = mean_of(values, np.array([f"g{i // 10}" for i in range(40)]))
    assert wide.high - wide.low > 2 * (found.high - found.low)
