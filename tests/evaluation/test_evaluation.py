import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from keras_cxr import build_lenet5, evaluate, make_datasets
from keras_cxr.audit.of_model.base.predictions import predictions_in
from keras_cxr.audit.of_model.base.scores import score_of
from keras_cxr.data import find_images
from keras_cxr.errors import KerasCXRError
from keras_cxr.evaluation import bootstrap_intervals


@pytest.fixture(scope="module")
def datasets(phantoms, tmp_path_factory):
    return make_datasets(
        phantoms, image_size=(32, 32), batch_size=5, cache_dir=tmp_path_factory.mktemp("cache")
    )


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return build_lenet5((32, 32, 1), 4)


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_predictions_follow_the_files(model, datasets, part):
    found = evaluate(model, datasets, part=part)
    assert list(found.predictions["file"]) == datasets.files(part)
    images, labels = datasets.load(part)
    probabilities = model.predict(images, verbose=0)
    np.testing.assert_allclose(
        found.predictions[list(datasets.class_names)], probabilities, rtol=1e-4, atol=1e-6
    )
    names = np.array(datasets.class_names)
    assert list(found.predictions["real"]) == list(names[labels])
    assert list(found.predictions["predicted"]) == list(names[probabilities.argmax(axis=1)])
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-4, atol=1e-6)


def test_shuffled_dataset_agrees_with_its_confusion_matrix(model, datasets):
    """`model.predict(ds)` beside labels of a second pass would disagree here."""
    shuffled = datasets.train.unbatch().shuffle(40, seed=1).batch(3)
    found = evaluate(model, shuffled, class_names=datasets.class_names)
    table = pd.crosstab(found.predictions["real"], found.predictions["predicted"])
    for (real, predicted), count in table.stack().items():
        assert found.confusion.loc[real, predicted] == count
    assert found.accuracy == found.predictions["correct"].mean()


def test_formats_and_arrays_give_the_same_figures(model, datasets):
    images, labels = datasets.load("test")
    one_hot = np.eye(4)[labels]
    as_keras = make_datasets(
        datasets.root, image_size=(32, 32), batch_size=5, format="keras", cache=False
    )
    expected = evaluate(model, datasets)
    for data in (datasets.test, as_keras, as_keras.test, (images, labels), (images, one_hot)):
        found = evaluate(model, data)
        assert found.metrics.log_loss == pytest.approx(expected.metrics.log_loss, rel=1e-5)
        np.testing.assert_array_equal(found.metrics.confusion, expected.metrics.confusion)


def test_labels_of_one_column_are_what_stands_in_it(model, datasets):
    """`keras.utils.image_dataset_from_directory(label_mode="binary")` yields such labels."""
    images, labels = datasets.load("test")
    column = labels[:, np.newaxis].astype("float32")
    batches = [(images[:3], column[:3]), (images[3:], column[3:])]
    for data in ((images, column), batches):
        np.testing.assert_array_equal(evaluate(model, data).labels, labels)


def test_classes_by_name_are_looked_up(model, datasets):
    images, labels = datasets.load("test")
    names = np.array(datasets.class_names)[labels]
    found = evaluate(model, (images, names), class_names=datasets.class_names)
    np.testing.assert_array_equal(found.labels, labels)


def test_classes_called_like_other_columns_overwrite_nothing(model, datasets):
    images, labels = datasets.load("test")
    names = ("real", "Predicted", "correct", "unusual")
    expected, found = (
        evaluate(model, (images, labels)),
        evaluate(model, (images, labels), class_names=names),
    )
    assert list(found.predictions.columns[4:]) == [f"probability of {name}" for name in names]
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert list(found.predictions["real"]) == [names[label] for label in labels]


IMAGES, LABELS = np.zeros((2, 32, 32, 1), "float32"), np.array([0, 3])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((IMAGES, [[1, 1, 0, 0], [1, 0, 0, 0]]), "must be one-hot"),
        ((IMAGES, np.eye(5)[LABELS]), "rows of 5 columns, but there are 4 classes"),
        ((IMAGES, LABELS / 2), "received 1.5 among them"),
        ((IMAGES, LABELS + 1), "they count from 1|received 1 to 4"),
        ([(IMAGES, [-1, 1])], r"received -1 and 1. Pass \(labels > 0\)"),
        ((IMAGES, ["COVID", "Normal"]), "class_names= names the classes"),
        ((IMAGES, LABELS, LABELS), "received a tuple of 3"),
        ([(IMAGES, LABELS, LABELS)], "no use for sample weights"),
        ([IMAGES, LABELS], r"yields arrays of shape \(2, 32, 32, 1\). Let it yield"),
        ([(IMAGES[0], 0)], r"yields single images.*dataset.batch\(32\)"),
        ([(IMAGES, LABELS[:1])], "but 1 labels"),
        (("films", LABELS), "0 images but 2 labels"),
        ((np.array(["a.png", "b.png"]), LABELS), "images must be numbers"),
        ("films", "received 'films': read a folder with make_datasets first"),
        (None, "received NoneType"),
    ],
)
def test_what_is_no_labelled_data_is_refused(model, data, words):
    with pytest.raises(KerasCXRError, match=words):
        evaluate(model, data)


def one_unit(activation=None):
    images = keras.Input((32, 32, 1))
    scores = keras.layers.Dense(1, activation)(keras.layers.Flatten()(images))
    return keras.Model(images, scores)


class Subclassed(keras.Model):
    def call(self, images):
        return images[:, 0, :2, 0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (one_unit, "head has one unit, whose softmax is always 1"),
        (lambda: one_unit("softmax"), "head has one unit"),
        (lambda: one_unit("sigmoid"), "its head is 'sigmoid'"),
        (lambda: Subclassed(name="mine"), "'mine' does not say what it takes: use a Functional"),
        (lambda: np.argmax, "must be a Keras model, received"),
    ],
)
def test_models_that_are_no_classifiers_are_refused(make, words):
    with pytest.raises(KerasCXRError, match=words):
        evaluate(make(), (IMAGES, np.array([0, 0])))


def test_batches_have_a_size(model):
    with pytest.raises(KerasCXRError, match="batch_size must be an integer from 1, received 0"):
        evaluate(model, (IMAGES, LABELS), batch_size=0)


def test_data_may_hold_some_of_the_models_classes(model, datasets, phantoms):
    names, catalog = datasets.class_names, find_images(phantoms)
    rows = [row for row, entry in enumerate(catalog.entries) if entry.label in names[1:3]]
    some = make_datasets(
        replace(catalog.subset(rows), names=()),
        image_size=(32, 32),
        split=(1, 0, 0),
        format="keras",
        cache=False,
    )
    with pytest.raises(KerasCXRError, match=r"tells 4 classes apart, the data hold 2 .*class_n"):
        evaluate(model, some, part="train")
    found = evaluate(model, some, part="train", class_names=names)
    images, labels = some.load("train")
    expected = evaluate(model, (images, labels + 1), class_names=names)
    assert found.absent == (names[0], names[3])
    np.testing.assert_array_equal(found.metrics.confusion, expected.metrics.confusion)
    assert found.balanced_accuracy == np.nanmean(found.per_class["recall"])
    assert f"no image shows {names[0]}, {names[3]}: the figures are of" in found.summary
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["num_images"] == len(rows)
    with pytest.raises(KerasCXRError, match=r"hold images of '.*, none of the model's class"):
        evaluate(model, some, part="train", class_names=list("abcd"))


def test_logits_get_their_softmax(datasets):
    keras.utils.set_random_seed(0)
    probable = build_lenet5((32, 32, 1), 4)
    logits = build_lenet5((32, 32, 1), 4, classifier_activation=None)
    logits.set_weights(probable.get_weights())
    first, second = evaluate(probable, datasets), evaluate(logits, datasets)
    assert first.metrics.log_loss == pytest.approx(second.metrics.log_loss, rel=1e-5)


def test_report_survives_json_and_reads_well(model, datasets):
    found = evaluate(model, datasets)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["accuracy"] == found.accuracy
    assert document["per_class"]["COVID"]["support"] == found.per_class.loc["COVID", "support"]
    text = str(found)
    for word in ("accuracy", "balanced accuracy", "COVID", "Viral Pneumonia", "percent"):
        assert word in text


def test_groups_count_once_and_are_those_of_the_data(model, phantoms, tmp_path):
    table = pd.DataFrame(find_images(phantoms).entries)[["file", "label"]]
    table["patient"] = [f"p{row // 4}" for row in range(len(table))]
    data = make_datasets(
        table, root=phantoms, image_size=(32, 32), split=(0.4, 0.1, 0.5), cache_dir=tmp_path
    )
    found = evaluate(model, data)
    rows = data.table[data.table["part"] == "test"]
    assert list(found.groups) == list(rows["group"])
    intervals = bootstrap_intervals(found.labels, found.probabilities, groups=rows["group"])
    assert intervals.num_groups < intervals.num_images
    assert found.metrics.accuracy_interval == intervals.accuracy.interval
    assert found.metrics.balanced_accuracy_interval == intervals.balanced_accuracy.interval
    # the audit of the same answers says the same
    score = score_of(predictions_in(found.predictions, data))
    assert score.accuracy == found.metrics.intervals.accuracy
    assert score.balanced_accuracy == found.metrics.intervals.balanced_accuracy
    document = found.to_dict()
    assert document["num_groups"] == intervals.num_groups
    assert f"{intervals.num_groups} where patients and copies count once" in str(found)
    # and so do the arrays with their groups
    images, labels = data.load("test")
    by_hand = evaluate(model, (images, labels), groups=list(rows["group"]))
    assert by_hand.metrics.accuracy_interval == found.metrics.accuracy_interval
    with pytest.raises(ValueError, match="groups has 1 entries for"):
        evaluate(model, (images, labels), groups=["a"])


def test_absent_class_is_null_in_json(model):
    images = np.zeros((2, 32, 32, 1), "float32")
    row = evaluate(model, (images, [0, 0])).to_dict()["per_class"]["1"]
    assert row["recall"] is None
    assert row["support"] == 0


@pytest.mark.parametrize(
    ("build_arguments", "message"),
    [
        ({"input_shape": (32, 32, 3)}, 'color_mode="rgb"'),
        ({"input_shape": (40, 40, 1)}, r"image_size=\(40, 40\)"),
        ({"num_classes": 3}, "num_classes=4"),
    ],
)
def test_misfit_is_refused_with_the_remedy(datasets, build_arguments, message):
    arguments = {"input_shape": (32, 32, 1), "num_classes": 4, **build_arguments}
    with pytest.raises(ValueError, match=message):
        evaluate(build_lenet5(**arguments), datasets)


def test_sigmoid_head_is_refused(datasets):
    model = build_lenet5((32, 32, 1), 4, classifier_activation="sigmoid")
    with pytest.raises(ValueError, match="softmax"):
        evaluate(model, datasets)


def test_empty_data_is_refused(model):
    with pytest.raises(ValueError, match="no images to evaluate"):
        evaluate(model, (np.zeros((0, 32, 32, 1)), np.zeros(0, int)))


def test_counts_and_names_must_fit(model):
    images = np.zeros((2, 32, 32, 1))
    with pytest.raises(ValueError, match="2 images but 1 labels"):
        evaluate(model, (images, [0]))
    with pytest.raises(ValueError, match="class_names has 2 names, the model has 4"):
        evaluate(model, (images, [0, 1]), class_names=["a", "b"])


def test_diverged_model_is_named(model):
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ValueError, match="NaN or infinite"):
        evaluate(model, (np.zeros((1, 32, 32, 1)), [0]))
