"""Test sets whose truth is known, drawn for `coverage`: answers, groups, differences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

SHARE, FALSE_ALARMS = "0.95", "0.05 at most"
COVERAGE_OF = "interval of the {} holds the truth"
POWER = "said where it is so"

Generator = np.random.Generator
Array = Any


@dataclass(frozen=True)
class Case:
    """One claim in one situation.

    Attributes:
        claim: what is said, as the table's heading.
        situation: of what data.
        promised: the rate, such as "0.05 at most".
        once: from a random generator to whether it happened in one data set; None: nothing said.
        share: of the repetitions that it gets, for cases that take long.
    """

    claim: str
    situation: str
    promised: str
    once: Callable[[Generator], bool | None]
    share: float = 1.0


def patients(sizes: list[int]) -> Array:
    """The group of each image, one group for each size."""
    return np.repeat(np.arange(len(sizes)), sizes)


def alike_right(rng: Generator, groups: Array, chance: Array, *, alike: float) -> Array:
    """Right answers (images,) bool, each with exactly its chance, more or less alike in a group.

    A Gaussian copula: `alike` is the correlation of the normal draws behind; 0 for images that
    have nothing in common, 1 for copies.
    """
    common = rng.normal(size=groups.max() + 1)[groups]
    own = rng.normal(size=len(groups))
    return ndtr(np.sqrt(alike) * common + np.sqrt(1 - alike) * own) < chance


def said(labels: Array, right: Array, classes: int, *, sure: Array | float = 0.9) -> Array:
    """Probabilities (images, classes) whose answer is right or else the next class."""
    predicted = np.where(right, labels, (labels + 1) % classes)
    rest = (1 - np.asarray(sure)) / (classes - 1)
    scores = np.repeat(np.broadcast_to(rest, len(labels))[:, None], classes, axis=1)
    scores[np.arange(len(labels)), predicted] = sure
    return scores


def calibrated(
    rng: Generator,
    sizes: list[int],
    *,
    alike: float = 0.0,
    sure: tuple[float, float] = (0.5, 1.0),
    too_sure: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Labels, probabilities and groups of two classes; calibrated where `too_sure` is 0."""
    groups = patients(sizes)
    of_group = rng.uniform(*sure, size=len(sizes))[groups]
    confidence = of_group if alike == 1 else rng.uniform(*sure, size=len(groups))
    right = alike_right(rng, groups, confidence - too_sure, alike=alike)
    labels = rng.integers(0, 2, len(groups))
    return labels, said(labels, right, 2, sure=confidence), groups


def answers(
    rng: Generator, sizes: list[int], recalls: list[float], *, alike: float, mixed: bool = True
) -> tuple[Array, Array, Array]:
    """Labels, probabilities and groups of classes with known recalls.

    `mixed`: each image has a class of its own; otherwise each group has one.
    """
    groups = patients(sizes)
    count = len(recalls)
    labels = np.arange(len(groups)) % count  # every class occurs
    rng.shuffle(labels)
    if not mixed:
        labels = (rng.permutation(len(sizes)) % count)[groups]
    right = alike_right(rng, groups, np.array(recalls)[labels], alike=alike)
    return labels, said(labels, right, count), groups
