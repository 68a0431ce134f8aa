"""Suspicious labels: the method by hand, planted wrong labels, the whole way through training."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from keras_cxr import build_lenet5, make_datasets
from keras_cxr.audit.of_data.questions.suspicious_labels import find_suspicious_labels, rank_labels
from keras_cxr.phantoms.draw import draw_phantom


def test_ranking_by_hand():
    probabilities = [[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.45, 0.55]]
    found = rank_labels([0, 0, 0, 1, 1], probabilities, files=list("abcde"), class_names=("x", "y"))
    assert found.table["file"].tolist() == ["c", "e", "b", "d", "a"]
    np.testing.assert_allclose(found.table["margin"], [-0.8, 0.1, 0.2, 0.4, 0.6], atol=1e-12)
    np.testing.assert_allclose(found.thresholds, [0.5, 0.625])
    # e reaches no threshold; d only its own; c alone is confidently of another class
    assert found.confident_joint.tolist() == [[2, 1], [0, 1]]
    assert found.table["suspicious"].tolist() == [True, False, False, False, False]
    assert found.table.loc[0, ["label", "suggested"]].tolist() == ["x", "y"]
    (finding,) = found.findings
    assert "1 of 5 images" in finding.sentence
    assert "x that it takes for y (1)" in finding.sentence
    assert finding.value == 0.2


def test_a_class_without_images_has_no_threshold():
    found = rank_labels([0, 0], [[0.9, 0.05, 0.05], [0.5, 0.5, 0.0]])
    assert np.isnan(found.thresholds[1:]).all()
    assert found.num_suspicious == 0
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["thresholds"][1:] == [None, None]
    assert [row["file"] for row in document["ranking"]] == ["image 1", "image 0"]


def test_names_do_not_change_the_ranking():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 60)
    labels = rng.integers(0, 3, 60)
    swapped = rank_labels(np.array([2, 0, 1])[labels], probabilities[:, [1, 2, 0]])
    plain = rank_labels(labels, probabilities)
    assert plain.table["file"].tolist() == swapped.table["file"].tolist()
    assert plain.table["suspicious"].tolist() == swapped.table["suspicious"].tolist()


def test_planted_wrong_labels_rank_first():
    """One label in ten of phantoms is turned; a plain classifier's held-out answers find them."""
    rng = np.random.default_rng(0)
    truth = np.arange(160) % 2
    pixels = np.stack(
        [
            draw_phantom(("Normal", "COVID")[label], number, image_size=64, seed=0).image[::4, ::4]
            for number, label in enumerate(truth)
        ]
    ).reshape(160, -1)
    flipped = rng.permutation(160)[:16]
    labels = truth.copy()
    labels[flipped] = 1 - labels[flipped]
    model = LogisticRegression(C=1e-3, max_iter=2000)
    probabilities = cross_val_predict(model, pixels / 64, labels, cv=4, method="predict_proba")
    found = rank_labels(labels, probabilities, files=[str(number) for number in range(160)])
    first = set(found.table["file"].head(16).astype(int))
    # by chance 1.6 of 16 are found, and 6 or more in 2 of 1,000 draws
    assert len(first & set(flipped)) >= 6


def test_the_whole_way(phantoms):
    datasets = make_datasets(phantoms, image_size=(32, 32), group_duplicates=False)
    shapes = []

    def build(input_shape, num_classes):
        shapes.append(input_shape)
        return build_lenet5(input_shape, num_classes)

    options = {"build": build, "folds": 2, "epochs": 1, "precision": "float32", "verbose": 0}
    found = find_suspicious_labels(datasets, **options)
    assert shapes == [(32, 32, 1)] * 2
    table = found.table
    assert sorted(table["file"]) == sorted(datasets.table["file"])
    real = datasets.table.set_index("file")["class"]
    assert table["label"].tolist() == real[table["file"]].tolist()
    np.testing.assert_allclose(table[list(found.class_names)].sum(axis=1), 1, rtol=1e-5)
    assert table["confidence"].is_monotonic_increasing
    assert str(found).startswith(f"{found.num_suspicious} of 48 labels are suspicious")


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[0.5, 0.5]], r"shapes \(2,\) and \(1, 2\)"),
        ([0.0], [[0.5, 0.5]], "whole numbers from 0 to 1"),
        ([2], [[0.5, 0.5]], "labels reach 2, but probabilities have 2"),
        ([0], [[3.0, -1.0]], "logits need a softmax"),
        ([0], [[1.0]], "two classes"),
    ],
)
def test_what_cannot_be_ranked(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        rank_labels(labels, probabilities)


def test_names_must_fit():
    with pytest.raises(ValueError, match="files must have 1 names, not 2"):
        rank_labels([0], [[0.5, 0.5]], files=["a", "b"])
