"""Random numbers that are hashes of (seed, epoch, name, stream), the same on every machine.

No generator is carried along, so that the order of the workers, the number of the batch and a
resumed run change nothing. Augmentation draws from the streams 0 to 2, the order of an epoch from
3, the parts of whole sources from 4.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.text.names import name_bytes

_ORDER = 3

# Steele, Lea, Flood: Fast splittable pseudorandom number generators. OOPSLA 2014 (SplitMix64)
_GAMMA = 0x9E3779B97F4A7C15
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def draw(keys: NDArray[np.uint64], seed: int, epoch: int, stream: int) -> NDArray[np.float64]:
    """Return one number in [0, 1) per key, (n,) float64, the same on every machine."""
    return np.asarray((_hash(keys, seed, epoch, stream) >> np.uint64(11)) * 2.0**-53, np.float64)


def image_keys(files: Sequence[str]) -> NDArray[np.uint64]:
    """Return (n,) uint64, one number per file name, that an image's draws are made from."""
    digests = b"".join(hashlib.sha256(name_bytes(file)).digest()[:8] for file in files)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def shuffled(keys: NDArray[np.uint64], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of an epoch: (n,) int64 indices, sorted by a hash of each image."""
    return np.argsort(_hash(keys, seed, epoch, _ORDER), kind="stable").astype(np.int64)


def _hash(keys: NDArray[np.uint64], seed: int, epoch: int, stream: int) -> NDArray[np.uint64]:
    state = _mix(keys)
    for number in (seed, epoch, stream):
        state = _mix(state ^ _mix(np.array([number % 2**64], np.uint64)))
    return state


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + np.uint64(_GAMMA)
    for shift, factor in _STEPS:
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return state ^ (state >> np.uint64(31))
