import numpy as np

from keras_cxr.evaluation import bootstrap_intervals
from tests.statistics.answers import drawn_answers


def test_reads_well():
    labels, scores = drawn_answers(np.random.default_rng(0), 100, classes=2)
    found = bootstrap_intervals(labels, scores, class_names=("Normal", "COVID"))
    for word in ("100 images in 100 groups", "macro F1", "Normal", str(found.f1[1])):
        assert word in str(found)
    row = found.per_class.loc["COVID"]
    assert (row["recall"], row["recall_low"]) == (found.recall[1].value, found.recall[1].low)
