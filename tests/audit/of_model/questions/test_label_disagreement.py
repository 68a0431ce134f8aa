import base64

import cv2
import numpy as np
import pytest

from keras_cxr import make_datasets
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.page import NUM_CARDS, label_cards
from keras_cxr.audit.of_model.questions.label_disagreement import measure_label_disagreement


@pytest.fixture(scope="module")
def datasets(phantoms):
    return make_datasets(phantoms, image_size=(32, 32), augment=False, format="keras")


def answers(datasets, part, *, wrong=()):
    """Answers that are right and sure, save for the places in `wrong`."""
    labels = datasets.load(part)[1]
    count, classes = len(labels), datasets.num_classes
    probabilities = np.full((count, classes), 0.02)
    answered = labels.copy()
    answered[list(wrong)] = (answered[list(wrong)] + 1) % classes
    probabilities[np.arange(count), answered] = 1 - 0.02 * (classes - 1)
    files = tuple(datasets.files(part))
    return LabelledPredictions(
        labels, probabilities, np.full(count, ""), files, datasets.class_names
    )


def test_contradicted_labels_of_both_parts_come_first_with_their_own_picture(datasets):
    test, validation = answers(datasets, "test", wrong=[1]), answers(datasets, "val", wrong=[0])
    found = measure_label_disagreement(test, validation)
    contradicted = {test.files[1], validation.files[0]}
    assert found.labels.num_suspicious == 2
    assert {row["file"] for row in found.to_dict()["ranking"]} == contradicted
    assert found.findings[0].value == 2 / (len(test.files) + len(validation.files))
    cards = label_cards(found, datasets)
    assert {card["file"] for card in cards} == contradicted
    for card in cards:
        part, files = (
            ("test", test.files) if card["file"] in test.files else ("val", validation.files)
        )
        data = base64.b64decode(card["address"].partition(",")[2])
        shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        image = datasets.load(part, [files.index(card["file"])])[0][0, ..., 0]
        assert np.abs(shown - image).mean() < 8  # what JPEG loses


def test_without_validation_only_the_test_part_is_ranked(datasets):
    test = answers(datasets, "test")
    found = measure_label_disagreement(test, None)
    assert found.labels.table["file"].tolist() == list(test.files)
    assert label_cards(found, datasets) == []


def test_no_more_pictures_than_a_reader_looks_at(phantoms):
    halves = make_datasets(
        phantoms, image_size=(32, 32), split=(0.5, 0, 0.5), augment=False, format="keras"
    )
    found = measure_label_disagreement(answers(halves, "test", wrong=range(NUM_CARDS + 3)), None)
    assert found.labels.num_suspicious == NUM_CARDS + 3
    assert len(label_cards(found, halves)) == NUM_CARDS
