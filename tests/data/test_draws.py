import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.draws import draw, image_keys, shuffled

KEYS = image_keys([f"COVID/images/COVID-{number}.png" for number in range(4000)])


def test_draws_are_uniform_and_differ_by_seed_epoch_image_and_stream():
    first = draw(KEYS, 0, 0, 0)
    assert first.min() >= 0.0
    assert first.max() < 1.0
    counts = np.histogram(first, bins=10, range=(0, 1))[0]
    assert abs(counts - 400).max() < 80
    for other in (draw(KEYS, 1, 0, 0), draw(KEYS, 0, 1, 0), draw(KEYS, 0, 0, 1)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.06
    assert len(np.unique(first)) == len(first)


def test_draws_are_pinned():
    # the same on every machine, now and later
    received = draw(image_keys(["a", "b"]), 1, 2, 0)
    assert received.tolist() == [0.9626526870069065, 0.6989132664085732]


@given(st.integers(0, 10), st.integers(0, 10))
def test_orders_are_permutations_that_differ_by_epoch(seed, epoch):
    order = shuffled(KEYS[:100], seed=seed, epoch=epoch)
    assert sorted(order) == list(range(100))
    assert (order != shuffled(KEYS[:100], seed=seed, epoch=epoch + 1)).any()
