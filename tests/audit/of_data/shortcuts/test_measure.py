import json

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks.detector_cases import DIFFERENCES, write_biased
from keras_cxr.audit.of_data.attributes.read import read_attributes
from keras_cxr.audit.of_data.shortcuts.measure import FAMILIES, measure_shortcuts
from keras_cxr.audit.of_data.shortcuts.models import Problem, pose, score
from keras_cxr.data import find_images
from keras_cxr.errors import InvalidArgumentError
from tests.statistics.answers import wilson_interval


def measure(folder, **options):
    catalog = find_images(folder)
    labels = [entry.label for entry in catalog.entries]
    return measure_shortcuts(read_attributes(catalog, verbose=False), labels, **options)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_family_that_carries_a_planted_difference_is_named(tmp_path, name):
    family, change = DIFFERENCES[name]
    classes = ("COVID", "Normal")
    found = measure(write_biased(tmp_path / "films", change, per_class=16, classes=classes))
    assert found.carrier == family
    rows = found.table.set_index("name")
    assert rows.loc[family, "balanced_accuracy"] > 0.9
    (carried,) = [one for one in found.findings if one.key == "shortcut_carrier"]
    assert repr(family) in carried.sentence
    assert carried.value == rows.loc[family, "balanced_accuracy"]


def test_files_of_one_kind_tell_nothing(tmp_path):
    classes = ("COVID", "Normal")
    found = measure(write_biased(tmp_path / "films", None, per_class=16, classes=classes))
    assert found.carrier == ""
    low = found.table["balanced_accuracy_low"]
    assert (low <= found.chance).mean() >= 7 / 8  # one of eight 95 % intervals may lie above
    assert "No single family" in found.findings[1].sentence


def test_everything_is_measured_where_it_is_given_and_corrupt_files_are_left_out(phantoms):
    catalog = find_images(phantoms)
    labels = [entry.label for entry in catalog.entries]
    attributes = read_attributes(catalog, verbose=False)
    attributes.iloc[0, attributes.columns.get_loc("error")] = "truncated"
    pictures = [cv2.imread(catalog.path(entry.file), 0) for entry in catalog.entries]
    pictures[0] = None  # not asked for
    sources = ["one" if label == "Normal" else "two" for label in labels]
    found = measure_shortcuts(attributes, labels, image=lambda row: pictures[row], sources=sources)
    assert found.num_images == len(attributes) - 1
    rows = found.table.set_index("name")
    assert list(rows.index) == ["attributes", *FAMILIES, "thumbnails", "border pixels", "source"]
    assert rows.loc["source", "balanced_accuracy"] == pytest.approx(0.5, abs=0.1)
    # drawn alike for all classes; the histogram alone holds what a lesion adds
    assert found.carrier in ("", "histogram")
    assert [one.key for one in found.findings] == [
        "shortcuts",
        "shortcut_carrier",
        "thumbnails",
        "border_pixels",
        "source",
    ]
    document = found.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert "guessing" in str(found)


def test_too_few_images_give_a_note_and_no_number(phantoms):
    catalog = find_images(phantoms)
    attributes = read_attributes(catalog, verbose=False)
    labels = [entry.label for entry in catalog.entries]
    found = measure_shortcuts(attributes, labels, groups=["one patient"] * len(labels))
    assert found.table.empty
    assert found.findings == ()
    assert "shortcuts were not measured" in found.notes[-1]
    assert found.to_dict()["chance"] is None
    few = ["COVID" if row < 5 else "Normal" if row % 2 else "Other" for row in range(len(labels))]
    found = measure_shortcuts(attributes, few)
    assert found.classes == ("Normal", "Other")
    assert "class 'COVID' was left out of the shortcuts: 5 independent image(s)" in found.notes[0]


def test_lists_of_another_length_are_refused(phantoms):
    attributes = read_attributes(find_images(phantoms), verbose=False)
    with pytest.raises(InvalidArgumentError, match="labels must have one item for each of the 48"):
        measure_shortcuts(attributes, ["Normal"])
    labels = ["Normal"] * len(attributes)
    with pytest.raises(InvalidArgumentError, match=r"groups must have one item .* received 1"):
        measure_shortcuts(attributes, labels, groups=["a"])


def test_groups_stay_in_one_fold_and_classes_are_spread():
    labels = np.repeat([0, 1], 60).astype(np.int64)
    groups = [f"{row // 3}" if row % 2 else "" for row in range(120)]
    problem = pose(labels, groups, seed=0)
    folds = pd.DataFrame({"group": problem.groups, "fold": problem.folds})
    assert (folds.groupby("group")["fold"].nunique() == 1).all()
    assert set(problem.folds) == {0, 1, 2, 3, 4}
    assert len(set(problem.groups)) == 60 + 40


def test_scores_by_hand_and_wider_intervals_for_groups():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1] * 10, np.int64)
    probabilities = np.tile([[0.55, 0.45]], (100, 1))
    alone = Problem(labels, np.arange(100), np.zeros(100, np.int64))
    reach = score(probabilities, alone, seed=0)
    assert reach.accuracy.value == 0.6
    # 0.45 / 0.4 is more than 0.55 / 0.6: the other class, always
    assert reach.balanced_accuracy.value == 0.5
    assert reach.balanced_accuracy.low < 0.45 < 0.55 < reach.balanced_accuracy.high
    together = Problem(labels, np.arange(100) % 10, np.zeros(100, np.int64))
    wide = score(probabilities, together, seed=0).accuracy
    assert np.ptp(wide.interval) > 2 * np.ptp(reach.accuracy.interval)


def test_all_right_of_24_is_no_certainty():
    labels = np.tile([0, 1], 12).astype(np.int64)
    alone = Problem(labels, np.arange(24), np.zeros(24, np.int64))
    accuracy, balanced = score(np.eye(2)[labels], alone, seed=0)
    assert accuracy.value == balanced.value == 1
    assert accuracy.interval == pytest.approx(wilson_interval(24, 24))
    assert 0.8 < balanced.low < 0.87


def test_real_files_tell_more_than_guessing(real_data):
    catalog = find_images(real_data / "COVID-19_Radiography_Dataset")
    catalog = catalog.subset(range(0, len(catalog.entries), 24))
    found = measure_shortcuts(
        read_attributes(catalog, verbose=False), [entry.label for entry in catalog.entries]
    )
    row = found.table.set_index("name").loc["attributes"]
    assert row["accuracy_low"] > found.majority[1] + 0.1
    assert found.carrier == "histogram"
