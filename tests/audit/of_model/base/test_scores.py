"""Shares and means with intervals, by hand."""

import numpy as np
import pytest

from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.scores import kept_share, mean_of


def test_kept_share_by_hand():
    labels = np.array([0] * 50 + [1] * 50)

    def answers(right):
        scores = np.eye(2)[np.where(np.arange(100) % 50 < right, labels, 1 - labels)]
        return LabelledPredictions(
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
