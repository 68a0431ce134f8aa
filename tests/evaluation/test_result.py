import numpy as np
import pandas as pd
import pytest

from keras_cxr.evaluation import Evaluation, compute_metrics


@pytest.fixture
def found():
    """Three images of the first of three classes, one of the third; none of the second."""
    names, labels = ("a", "real", "c"), np.array([0, 0, 0, 2])
    scores = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
    predicted = scores.argmax(axis=1)
    table = pd.DataFrame(
        {
            "file": [f"{number}.png" for number in range(4)],
            "real": [names[index] for index in labels],
            "predicted": [names[index] for index in predicted],
            "correct": labels == predicted,
            "a": scores[:, 0],
            "probability of real": scores[:, 1],
            "c": scores[:, 2],
        }
    )
    return Evaluation(compute_metrics(labels, scores, groups=["p", "p", "", ""]), names, table)


def test_labels_and_probabilities_are_read_from_the_table(found):
    assert found.labels.tolist() == [0, 0, 0, 2]
    assert found.probabilities[:, 1].tolist() == [0.1, 0.2, 0.7, 0.1]
    assert found.confusion.loc["a"].tolist() == [2, 1, 0]
    assert found.confusion_percent.loc["c"].tolist() == [0, 0, 100]
    assert found.confusion_percent.loc["real"].isna().all()


def test_an_absent_class_is_named_and_has_no_numbers(found):
    assert found.absent == ("real",)
    assert "no image shows real: the figures are of the other classes" in str(found)
    document = found.to_dict()
    assert document["absent_classes"] == ["real"]
    assert document["per_class"]["real"]["recall"] is None
    assert document["per_class"]["real"]["support"] == 0
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)


def test_intervals_are_those_of_the_metrics_and_groups_are_counted(found):
    document, intervals = found.to_dict(), found.metrics.intervals
    assert document["num_groups"] == intervals.num_groups == 3
    assert document["accuracy_interval"] == list(intervals.accuracy.interval)
    row = found.per_class.loc["a"]
    assert (row["recall_low"], row["recall_high"]) == intervals.recall[0].interval
    assert "3 where patients and copies count once" in found.summary
