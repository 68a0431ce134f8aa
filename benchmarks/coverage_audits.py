"""What the audits say of shortcuts and controls, in simulated data sets; for `coverage`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.simulated import (
    COVERAGE_OF,
    FALSE_ALARMS,
    POWER,
    SHARE,
    Case,
    Generator,
    answers,
)
from keras_cxr.audit.of_data.shortcuts.measure import FAMILIES, _carrier
from keras_cxr.audit.of_data.shortcuts.models import boosted_trees, judge, pose, score
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.scores import kept_share, score_of
from keras_cxr.audit.of_model.controls.result import Controls

MOST = "'most of the score does not come from lungs' where it is not so"
CARRIER = "a family of attributes is named where none tells anything"


def shortcuts() -> Iterator[Case]:
    """Intervals of what attributes tell, and families named where none tells anything."""
    sets: dict[str, dict[str, Any]] = {
        "24 images, told 0.8": {"sizes": [1] * 24, "recalls": [0.8, 0.8]},
        "24 images, told 0.95": {"sizes": [1] * 24, "recalls": [0.95, 0.95]},
        "24 images, told 0.98": {"sizes": [1] * 24, "recalls": [0.98, 0.98]},
        "60 images, told 0.98": {"sizes": [1] * 60, "recalls": [0.98, 0.98]},
        "48 images of four classes, told 0.95": {"sizes": [1] * 48, "recalls": [0.95] * 4},
        "30 patients of 4 images, told 0.97": {
            "sizes": [4] * 30, "recalls": [0.97, 0.97], "alike": 0.5,
        },
    }  # fmt: skip
    for situation, options in sets.items():
        once = partial(_told, **{"alike": 0.0, **options})
        yield Case(COVERAGE_OF.format("shortcuts' balanced accuracy"), situation, SHARE, once)
    for count, step in ((40, 2.5), (60, 4.0), (200, 1.0)):
        situation = f"trees cross-validated on {count} images, classes {step} deviations apart"
        once = partial(_cross_validated, count=count, step=step)
        claim = COVERAGE_OF.format("shortcuts' balanced accuracy")
        yield Case(claim, situation, SHARE, once, share=0.2)
    for count in (24, 100):
        once = partial(_carried, count=count)
        yield Case(CARRIER, f"{count} images", FALSE_ALARMS, once)


def _told(rng: Generator, *, recalls: list[float], **options: Any) -> bool:
    labels, scores, groups = answers(rng, recalls=recalls, **options)
    problem = pose(labels.astype(np.int64), [str(group) for group in groups], 0)
    low, high = score(scores, problem, seed=0).balanced_accuracy.interval
    return bool(low - 1e-9 <= np.mean(recalls) <= high + 1e-9)


def _cross_validated(rng: Generator, *, count: int, step: float) -> bool:
    """The truth is what the same five models reach on 4,000 further images."""
    drawn = rng.permutation(count + 4000) % 2
    values = (rng.normal(size=len(drawn)) + step * drawn)[:, None]
    labels = drawn[:count].astype(np.int64)
    problem = pose(labels, [""] * count, 0)
    reach = judge(boosted_trees(0), values[:count], problem, seed=0)
    low, high = reach.balanced_accuracy.interval
    truth = []
    for fold in range(5):
        used = problem.folds != fold
        model = boosted_trees(0).fit(values[:count][used], labels[used])
        truth.append(_right(model.predict_proba(values[count:]), labels, drawn[count:]))
    return bool(low <= np.mean(truth) <= high)


def _right(probabilities: Any, labels: Any, drawn: Any) -> float:
    answer = (probabilities / (np.bincount(labels) / len(labels))).argmax(axis=1)
    return float(np.mean([(answer == drawn)[drawn == index].mean() for index in (0, 1)]))


def _carried(rng: Generator, *, count: int) -> bool:
    labels = (rng.permutation(count) % 2).astype(np.int64)
    problem = pose(labels, [""] * count, 0)
    found = {}
    for name in FAMILIES:
        chance = rng.uniform(size=count)
        found[name] = score(np.column_stack([chance, 1 - chance]), problem, seed=0)
    return _carrier(found, 0.5) != ""


def controls() -> Iterator[Case]:
    """The sentence that most of a score does not come from lungs."""
    for count in (50, 200, 1000):
        once = partial(_most, count=count, whole=0.25, without=0.25, same=0.8)
        yield Case(MOST, f"both at chance on {count:,} images, 0.8 alike", FALSE_ALARMS, once)
    once = partial(_most, count=200, whole=0.25, without=0.25, same=1.0)
    yield Case(MOST, "both at chance on 200 images, the same answers", FALSE_ALARMS, once)
    once = partial(_most, count=200, whole=0.30, without=0.25, same=0.0)
    where = "hardly above chance with lungs, at chance without, 200 images"
    yield Case(MOST, where, FALSE_ALARMS, once)
    once = partial(_most, count=200, whole=0.8, without=0.525, same=0.0)
    yield Case(MOST, "half of what lies above chance is left, 200 images", FALSE_ALARMS, once)
    once = partial(_most, count=500, whole=0.8, without=0.75, same=0.5)
    yield Case(f"'most of the score', {POWER}", "nine tenths are left, 500 images", "much", once)


def _most(rng: Generator, *, count: int, whole: float, without: float, same: float) -> bool:
    """Four classes; the control gives the model's own answer where the two are alike."""
    labels = rng.permutation(count) % 4
    first = _answering(rng, labels, whole)
    alike = rng.uniform(size=count) < same
    second = np.where(alike, first, _answering(rng, labels, without))
    full, outside = (_as_answers(labels, predicted) for predicted in (first, second))
    controls = Controls(
        mode="quick",
        scores={"full": score_of(full), "outside": score_of(outside)},
        kept={"outside": kept_share(full, outside)},
        titles={"full": "", "outside": ""},
        seeds=(),
        chance=0.25,
        region="full",
        num_training=0,
        epochs=0,
    )
    return "most of the score" in controls.findings[0].sentence


def _answering(rng: Generator, labels: Any, recall: float) -> Any:
    wrong = (labels + rng.integers(1, 4, len(labels))) % 4
    return np.where(rng.uniform(size=len(labels)) < recall, labels, wrong)


def _as_answers(labels: Any, predicted: Any) -> LabelledPredictions:
    files = tuple(str(number) for number in range(len(labels)))
    alone = np.full(len(labels), "")
    return LabelledPredictions(
        labels.astype(np.int64), np.eye(4)[predicted], alone, files, tuple("abcd")
    )
