import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from keras_cxr.statistics.significance import holm, mcnemar_p, sign_flip_p


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=60))
def test_p_of_single_images_is_mcnemars(differences):
    found = sign_flip_p(np.array(differences, float))
    assert found == pytest.approx(mcnemar_p(differences.count(1), differences.count(-1)))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_p_of_groups_counts_all_swaps(differences):
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    sums = np.abs((signs * np.abs(differences)).sum(axis=1))
    expected = np.mean(sums >= abs(sum(differences)))
    assert sign_flip_p(np.array(differences, float)) == pytest.approx(expected)


def test_mcnemars_textbook_case():
    # 2 (1/2)^10 (1 + 10): one of ten discordant images is won by the other model
    assert mcnemar_p(9, 1) == pytest.approx(22 / 1024)
    assert mcnemar_p(0, 0) == 1


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]


def test_sign_flips_by_hand():
    # of the 2^6 signs, all plus and all minus are as far from 0 as six wins
    assert sign_flip_p(np.ones(6), seed=0) == pytest.approx(2 / 64)
    assert sign_flip_p(np.array([1, 2, 3, -4.0]), seed=0) == pytest.approx(14 / 16)
    far = np.random.default_rng(0).normal(0.5, 1, 200)
    assert sign_flip_p(far, seed=0) < 0.01
    assert sign_flip_p(far - far.mean(), seed=0) > 0.9


def test_whole_numbers_need_no_drawn_signs():
    hits = np.random.default_rng(3).integers(-1, 2, 40).astype(float)
    drawn = permutation_test(
        (hits,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=False, rng=0
    )
    assert sign_flip_p(hits) == pytest.approx(drawn.pvalue, abs=0.02)
    assert sign_flip_p(hits, seed=0) == sign_flip_p(hits, seed=1)
    assert sign_flip_p(1.5 * hits, seed=0) == pytest.approx(sign_flip_p(hits), abs=0.05)
    assert sign_flip_p(np.zeros(30)) == 1
