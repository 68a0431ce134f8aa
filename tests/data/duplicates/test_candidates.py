import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.data.duplicates import candidates
from keras_cxr.data.duplicates.candidates import Cells, find_candidates
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom
from tests.data.duplicates.changes import (
    SIDE,
    cropped,
    small,
)


def test_an_index_finds_what_all_pairs_find(monkeypatch):
    monkeypatch.setattr(candidates, "PROBES", 8)  # of 59: among few films the 48 are most
    films = np.stack([small(draw_phantom(CLASS_NAMES[n % 4], n, image_size=96).image)
                      for n in range(160)])  # fmt: skip
    copies = np.stack([small(cropped(cv2.resize(film, (SIDE, SIDE)))) for film in films[:60]])
    pictures = np.concatenate([films, copies])

    def pairs(**options):
        found = find_candidates(pictures, threshold=0.6, **options)
        assert (np.diff(found["score"]) <= 0).all()
        return {tuple(sorted(pair)) for pair in zip(found["query"], found["target"], strict=True)}

    complete, indexed = pairs(), pairs(max_exhaustive=100)
    copies_of = {(number, 160 + number) for number in range(60)}
    assert len(copies_of & complete) >= 58
    assert indexed == pairs(max_exhaustive=100)
    assert len(indexed & complete) >= 0.97 * len(complete)
    across = pairs(max_exhaustive=100, first=160)
    assert len(copies_of & across) >= 57
    assert all(one < 160 <= other for one, other in across)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 400))
def test_cells_yield_each_pair_once_with_its_cosine(seed, count):
    rows = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = [np.concatenate(parts) for parts in zip(*Cells(rows).above(rows, 0.9), strict=True)]
    pairs = list(zip(found[0], found[1], strict=True))
    assert len(set(pairs)) == len(pairs)
    assert {(row, row) for row in range(count)} <= set(pairs)
    cosines = rows @ rows.T
    np.testing.assert_allclose(found[2], cosines[found[0], found[1]], atol=1e-5)
    assert len(pairs) >= 0.9 * (cosines > 0.9001).sum()
