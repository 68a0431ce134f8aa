"""The model of how films lie: laws and small answers."""

import numpy as np
import pytest

from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, describe, oriented
from keras_cxr.audit.of_data.flags.orientation_model import (
    LATERAL,
    OrientationModel,
    _whitening,
    drawn,
)


@pytest.fixture(scope="module")
def model():
    phantoms, laterals, others = drawn()
    return OrientationModel(phantoms[::2], laterals[::2], others[::2])


def test_each_orientation_of_phantoms_that_it_has_not_seen_is_told(model):
    unseen = drawn()[0][1::10]
    for number, orientation in enumerate(ORIENTATIONS):
        placed = model.place(describe(oriented(unseen, orientation)))
        assert placed.odds.shape == (len(unseen), LATERAL + 1)
        assert (placed.odds[:, 0] == 0).all()  # odds are against the upright
        assert (placed.odds[:, :LATERAL].argmax(axis=1) == number).mean() > 0.9


def test_laterals_and_what_is_no_film_stand_apart(model):
    phantoms, laterals, others = drawn()
    films = model.place(describe(phantoms[1::10]))
    asides = model.place(describe(laterals[1::10]))
    strange = model.place(describe(others[1::20]))
    assert (asides.odds.argmax(axis=1) == LATERAL).mean() > 0.9
    assert np.median(strange.oddness[:, 0]) > np.quantile(films.oddness[:, 0], 0.95)


def test_whitening_is_a_root_of_the_inverse_of_the_shrunk_covariance():
    values = np.random.default_rng(0).normal(size=(20, 30)) * np.linspace(1, 5, 30)
    covariance = np.cov(values.T)  # of fewer rows than columns: it has no inverse itself
    root = _whitening(covariance, 0.1)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 30 * np.eye(30)
    np.testing.assert_allclose(root @ root.T @ shrunk, np.eye(30), atol=1e-9)
