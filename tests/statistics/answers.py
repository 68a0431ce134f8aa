"""Answers whose truth is known, for the tests of intervals, calibration and sets."""

import numpy as np
from scipy.stats import binomtest


def drawn_answers(rng, count, *, classes=4, spread=1.0):
    """Labels drawn from the probabilities, so that these are perfectly calibrated."""
    scores = rng.dirichlet(np.full(classes, spread), size=count)
    labels = (scores.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    return labels, scores


def one_hot_answers(labels, right, classes=2):
    """Probabilities of 0.9 for the real class where `right`, for the next one elsewhere."""
    predicted = np.where(right, labels, (labels + 1) % classes)
    rest = 0.1 / (classes - 1)
    return rest + (0.9 - rest) * np.eye(classes)[predicted]


def patients(rng, count, *, images, accuracy, similarity):
    """Groups and right answers of patients whose images are alike, of a known mean accuracy."""
    strength = (1 - similarity) / similarity
    chances = rng.beta(accuracy * strength, (1 - accuracy) * strength, size=count)
    groups = np.repeat(np.arange(count), images)
    return groups, rng.random(len(groups)) < chances[groups]


def wilson_interval(successes, trials):
    """Wilson's 95 % interval of a proportion by SciPy."""
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high
