"""The whole check: known answers by hand, who beats the controls, and what is left alone."""

import json
import random

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain import GradCAM
from keras_cxr.explain.engine.maps import upsample
from keras_cxr.explain.faithfulness import check_faithfulness, plot_curves
from tests.explain.all_methods import Given, reader

CORNER = np.zeros((4, 4))
CORNER[:2, :2] = 1
LN3 = np.log(3)


def corner_reader(side=4, corner=2, *, against=None):
    """p(class 1) = sigmoid(ln 3 (k - 2)), k the shown share of the corner's four hundreds.

    For `corner` 2: 0.9, 0.75, 0.5, 0.25, 0.1 for 4, 3, 2, 1, 0 shown pixels of value 100.
    """
    places = np.zeros((side, side))
    places[:corner, :corner] = 4 / corner**2 * LN3 / 100
    if against is not None:
        places[against] = -LN3 / 100
    return reader((places, -2 * LN3))


def bright(count=1, side=4):
    return np.full((count, side, side, 1), 100.0)


def check(maps, images, *, model=None, **options):
    options = {"fill": 0, "steps": 16, "randomize": False, "noise_draws": 1} | options
    model = corner_reader() if model is None else model
    return check_faithfulness(Given(model, maps=maps), images, 1, **options)


# --- by hand --------------------------------------------------------------------------------


def test_curves_of_the_right_and_of_the_opposite_map():
    right = check(CORNER[None], bright())
    falling = [0.9, 0.75, 0.5, 0.25] + [0.1] * 13
    np.testing.assert_allclose(right.curves["deletion"]["method"], falling, atol=1e-6)
    rising = [0.1, 0.25, 0.5, 0.75] + [0.9] * 13
    np.testing.assert_allclose(right.curves["insertion"]["method"], rising, atol=1e-6)
    assert right.values["deletion"]["method"] == pytest.approx(0.2)
    assert right.values["insertion"]["method"] == pytest.approx(0.8)
    opposite = check(1 - CORNER[None], bright())
    assert opposite.values["deletion"]["method"] == pytest.approx(0.8)
    assert opposite.values["insertion"]["method"] == pytest.approx(0.2)
    assert right.probability == pytest.approx(0.9)
    assert right.fill_probability == pytest.approx(0.1)


def test_drop_and_increase():
    half = np.where(CORNER, 0.5, 0.0)
    half[3, 3] = 1  # so that dividing by the maximum leaves the halves
    maps = np.stack([CORNER, 1 - CORNER, half])
    found = check(maps, bright(3))
    np.testing.assert_allclose(found.values["average_drop"]["method"], [0, 8 / 9, 4 / 9], atol=1e-6)
    assert not found.values["increase"]["method"].any()
    # the last pixel speaks against the class: 0.75 whole, 0.9 through the map of the corner
    found = check(maps, bright(3), model=corner_reader(against=(3, 3)))
    assert found.probability == pytest.approx(0.75)
    assert found.values["increase"]["method"].tolist() == [1, 0, 0]


def test_pointing_and_energy_inside_masks():
    maps = np.stack([CORNER, np.where(CORNER, 1, 0.5), 1 - CORNER, np.zeros((4, 4))])
    masks = np.repeat(CORNER[None] > 0, 4, axis=0)
    masks[0] = False
    found = check(maps, bright(4), masks={"lesions": masks})
    np.testing.assert_allclose(
        found.values["energy_lesions"]["method"], [np.nan, 4 / 10, 0, np.nan]
    )
    np.testing.assert_allclose(found.values["pointing_lesions"]["method"], [np.nan, 1, 0, np.nan])
    np.testing.assert_allclose(found.values["energy_lesions"]["area"], [np.nan, 0.25, 0.25, 0.25])
    assert found.no_map.tolist() == [False, False, False, True]
    assert any("1 of 4 maps are zero everywhere" in sentence for sentence in found.sentences)
    assert any("2 images left out" in sentence for sentence in found.sentences)


def test_a_map_of_zeros_does_exactly_as_well_as_the_random_map():
    images = np.random.default_rng(1).uniform(50, 150, (3, 12, 12, 1))
    found = check(np.zeros((3, 12, 12)), images, model=corner_reader(12, 6))
    for measure in ("deletion", "insertion", "average_drop"):
        values = found.values[measure]
        np.testing.assert_array_equal(values["method"], values["random"])
    # rows from the top left corner would take the corner away at once
    rows = np.arange(144, 0, -1).reshape(1, 12, 12).repeat(3, axis=0)
    scanned = check(rows, images, model=corner_reader(12, 6))
    assert (scanned.values["deletion"]["method"] < found.values["deletion"]["method"]).all()


def test_the_class_stays_that_of_the_whole_image():
    found = check_faithfulness(
        Given(corner_reader(), maps=CORNER[None]), bright(), fill=0, steps=4, randomize=False
    )
    assert found.class_index.tolist() == [1]  # though class 0 is likelier without the corner
    assert found.curves["deletion"]["method"][-1] == pytest.approx(0.1)


# --- who beats the controls -----------------------------------------------------------------


@pytest.fixture(scope="module")
def textures():
    """Twelve pictures of 24 x 24 whose upper left 8 x 8 pixels alone are read, and that area."""
    images = np.random.default_rng(0).uniform(0, 255, (12, 24, 24, 1))
    images[:, :8, :8] += 60
    area = np.zeros((12, 24, 24), bool)
    area[:, :8, :8] = True
    return np.clip(images, 0, 255), area


def judged(maps, textures, **options):
    images, area = textures
    model = corner_reader(24, 8)
    return check(maps, images, model=model, masks={"spot": area}, **options)


KEYS = ["deletion", "insertion", "average_drop", "pointing_spot", "energy_spot"]


def test_the_perfect_map_beats_every_control(textures):
    found = judged(textures[1].astype(float), textures)
    for key in KEYS:
        verdicts = {name: row.verdict for name, row in found.comparisons[key].items()}
        assert set(verdicts.values()) == {"better"}, (key, verdicts)
    first = found.sentences[0]
    assert first.startswith("Given beats every control on deletion, insertion, average drop")
    assert "pointing spot and energy spot" in first
    (deletion,) = [s for s in found.sentences if s.startswith("Deletion")]
    assert "better than the random map (0." in deletion
    assert "not told apart" not in deletion
    assert "worse" not in deletion


def test_the_opposite_map_is_worse_than_the_controls(textures):
    found = judged(1.0 - textures[1], textures)
    for key in ("deletion", "insertion", "average_drop", "energy_spot"):
        assert found.comparisons[key]["random"].verdict == "worse", key
    assert found.sentences[0] == "Given beats every control on no measure."
    assert "worse than the random map" in next(s for s in found.sentences if "Energy" in s)


def test_a_random_map_beats_no_control_everywhere(textures):
    cells = np.random.default_rng(9).random((12, 8, 8), dtype=np.float32)
    found = judged(upsample(cells, (24, 24)), textures)
    for key in KEYS:
        assert found.comparisons[key]["random"].verdict == "not told apart", key
    assert "Given beats every control on no measure" in found.sentences[0]
    (deletion,) = [s for s in found.sentences if s.startswith("Deletion")]
    assert "not told apart from the random map" in deletion


def test_few_images_are_not_judged(textures):
    images, area = textures
    found = judged(area[:5].astype(float), (images[:5], area[:5]))
    assert {row["random"].verdict for row in found.comparisons.values()} == {"too few images"}
    assert any("on too few images" in sentence for sentence in found.sentences)


def test_a_fill_that_keeps_the_answer_is_told(textures):
    area = textures[1]
    kept = judged(area.astype(float), textures, fill=255)
    assert "12 of 12 images keep more than half" in kept.sentences[1]
    gone = judged(area.astype(float), textures, fill=0)
    assert "keep more than half" not in " ".join(gone.sentences)


# --- the result -----------------------------------------------------------------------------


def test_table_text_json_and_figure(textures):
    found = judged(textures[1].astype(float), textures, randomize=True, steps=5)
    table = found.table
    assert list(table.index) == ["Given", "random", "image", "centre", "edges", "area"]
    own = table.loc["Given", "deletion"]
    assert own["low"] <= own["mean"] <= own["high"]
    other = table.loc["random", "deletion"]
    assert other["difference"] == pytest.approx(own["mean"] - other["mean"])
    assert (other["verdict"], other["images"]) == ("better", 12)
    assert np.isnan(table.loc["area", "deletion"]["mean"])
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["schema_version"] == 1
    assert document["measures"]["energy_spot"]["area"]["mean"] == pytest.approx(1 / 9)
    assert len(document["curves"]["deletion"]["method"]) == len(document["fractions"]) == 6
    text = str(found)
    assert len(text.splitlines()) < 30
    assert max(len(line) for line in text.splitlines()[:-2]) <= 100
    assert "energy_spot" in text
    figure = plot_curves(found, title="Proof")
    assert [axes.get_title() for axes in figure.axes] == ["Deletion", "Insertion"]
    assert len(figure.axes[0].lines) == 5


def test_the_same_seed_gives_the_same_figures(textures):
    maps = textures[1].astype(float)
    one, other, third = (judged(maps, textures, seed=seed) for seed in (4, 4, 5))
    assert one.to_dict() == other.to_dict()
    assert one.values["deletion"]["random"].tolist() != third.values["deletion"]["random"].tolist()


# --- what is left alone, what is refused ----------------------------------------------------


def convolutional():
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),  # scores without a softmax
        ]
    )


def test_model_and_random_states_stay_as_they_were(textures):
    model = convolutional()
    before = [weight.copy() for weight in model.get_weights()]
    trainable = [layer.trainable for layer in model.layers]
    policy = keras.config.dtype_policy().name
    keras.utils.set_random_seed(7)
    expected = keras.random.normal((3,)), random.random(), np.random.random()  # noqa: NPY002
    keras.utils.set_random_seed(7)
    found = check_faithfulness(GradCAM(model), textures[0], steps=3)
    after = keras.random.normal((3,)), random.random(), np.random.random()  # noqa: NPY002
    np.testing.assert_array_equal(np.asarray(after[0]), np.asarray(expected[0]))
    assert after[1:] == expected[1:]
    assert found.randomization is not None
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [layer.trainable for layer in model.layers] == trainable
    assert keras.config.dtype_policy().name == policy


def test_random_maps_lie_where_the_methods_maps_can_lie(textures):
    model = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            *[layers.Conv2D(2, 5, strides=2), layers.Conv2D(2, 5), layers.Flatten()],
            layers.Dense(2),
        ]
    )
    # cells look at 8 to 14, half a cell more at full strength and a cell of fading
    found = {
        placement: check_faithfulness(
            GradCAM(model, placement=placement), textures[0], 0, steps=2, noise_draws=0,
            masks={"frame": np.pad(np.zeros((12, 18, 18), bool), ((0, 0), (3, 3), (3, 3)),
                                   constant_values=True)},
        )
        for placement in ("stretch", "receptive_field")
    }  # fmt: skip
    energy = {name: f.values["energy_frame"]["method"] for name, f in found.items()}
    assert np.nanmax(energy["receptive_field"]) == 0
    chance = {name: f.randomization.chance for name, f in found.items()}
    assert abs(np.nanmean(chance["stretch"])) < 0.3
    assert np.nanmean(chance["receptive_field"]) > 0.4  # both are zero in the same frame


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1}, "steps must be a whole number from 2"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"tolerance": -1}, "tolerance must be"),
        ({"noise": 0}, "noise must be a number from 0.01"),
        ({"noise_draws": True}, "noise_draws must be"),
        ({"confidence": 95}, "confidence must be a number from 0.5 to 0.999; received 95"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"fill": "black"}, 'fill must be "blur" or one grey value'),
        ({"fill": 256}, 'fill must be "blur" or one grey value'),
        ({"fill": None}, 'fill must be "blur" or one grey value'),
        ({"masks": {"lungs": np.zeros((1, 4, 4))}}, r"masks\['lungs'\] must be bool"),
        ({"masks": {"lungs": np.zeros((2, 4, 4), bool)}}, r"of shape \(1, 4, 4\)"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        check(CORNER[None], bright(), **options)


def test_a_mask_that_no_image_has_is_told():
    found = check(CORNER[None], bright(), masks={"lesions": np.zeros((1, 4, 4), bool)})
    assert sum("no image has both heat and such an area" in text for text in found.sentences) == 2
    assert found.to_dict()["measures"]["energy_lesions"]["method"]["mean"] is None


def test_bad_methods_images_and_heads_are_named():
    with pytest.raises(InvalidArgumentError, match=r"whose maps are \(1, 3, 3\)"):
        check(np.ones((1, 3, 3)), bright())
    with pytest.raises(InvalidArgumentError, match=r"such as GradCAM\(model\)"):
        check_faithfulness(corner_reader(), bright())
    with pytest.raises(InvalidArgumentError, match="NaN"):
        check(CORNER[None], bright() * np.nan)
    with pytest.raises(InvalidArgumentError, match="class_index must lie in 0 to 1"):
        check_faithfulness(Given(corner_reader(), maps=CORNER[None]), bright(), 2)


def test_one_of_several_outputs_with_a_sigmoid_is_checked():
    inputs = keras.Input((4, 4, 1))
    pixels = layers.Flatten()(inputs)
    finding = layers.Dense(2, activation="sigmoid", name="finding")(pixels)
    model = keras.Model(inputs, [layers.Dense(3, name="view")(pixels), finding])
    method = Given(model, maps=CORNER[None], output="finding")
    found = check_faithfulness(method, bright(), 1, steps=4, randomize=False)
    expected = keras.ops.convert_to_numpy(model(bright().astype("float32"))[1])[:, 1]
    np.testing.assert_allclose(found.probability, expected, atol=1e-5)
