"""How often intervals and verdicts are right: simulated test sets whose truth is known."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import Options, Report, main
from benchmarks.coverage_audits import controls, shortcuts
from benchmarks.simulated import (
    COVERAGE_OF,
    FALSE_ALARMS,
    POWER,
    SHARE,
    Case,
    Generator,
    answers,
    calibrated,
)
from keras_cxr.evaluation import bootstrap_intervals, compute_metrics, measure_calibration
from keras_cxr.explain.faithfulness.comparison import BETTER, WORSE, compare
from keras_cxr.statistics.intervals.means import mean_estimates, mean_of_few

BEYOND = "ECE 'beyond what chance explains' of a calibrated model"
SURE = "interval of confidence minus accuracy holds the truth"
VERDICT = "heat maps 'better' or 'worse' where they are alike"


def run(options: Options) -> Report:
    """Draw data sets of each kind and count how often what is said of them is true."""
    report = Report("coverage", "Simulated test sets: how often what is said is true")
    repetitions = options.size(600, 2)
    cases = [*_calibration(), *_scores(), *_means(), *shortcuts(), *controls(), *_maps()]
    rows = ["| What is said | Of | Promised | Found | Nothing said |", "|---|---|---|---:|---:|"]
    for case in cases:
        count = max(2, round(case.share * repetitions))
        # a case draws the same whatever other cases there are
        seed = zlib.crc32(f"{case.claim} {case.situation}".encode())
        with threadpool_limits(1):  # many small products: threads wait for each other
            found = [case.once(np.random.default_rng([seed, number])) for number in range(count)]
        told = [one for one in found if one is not None]
        rate, silent = sum(told) / count, 1 - len(told) / count
        report.add(f"{case.claim}: {case.situation}", [rate], "of the data sets")
        rows.append(
            f"| {case.claim} | {case.situation} | {case.promised} | {rate:.3f} | {silent:.2f} |"
        )
    report.tables.append("\n".join(rows))
    report.notes.append(
        f"{repetitions:,} data sets for each row, {round(0.2 * repetitions):,} where small models "
        "are fitted: a rate of 0.95 is then known within 0.017, or 0.04. 'Alike' is the "
        "correlation behind the answers to the images of one patient; 1 means copies."
    )
    return report


def _calibration() -> Iterator[Case]:
    sets: dict[str, dict[str, Any]] = {
        "1 image": {"sizes": [1]},
        "5 images": {"sizes": [1] * 5},
        "20 images": {"sizes": [1] * 20},
        "30 images": {"sizes": [1] * 30},
        "30 images, sure of all (0.9 to 1)": {"sizes": [1] * 30, "sure": (0.9, 1.0)},
        "100 images": {"sizes": [1] * 100},
        "300 images, sure of all (0.9 to 1)": {"sizes": [1] * 300, "sure": (0.9, 1.0)},
        "1,000 images": {"sizes": [1] * 1000},
        "100 pairs of copies": {"sizes": [2] * 100, "alike": 1.0},
        "100 pairs, alike 0.5": {"sizes": [2] * 100, "alike": 0.5},
        "10 groups of 20, alike 0.5": {"sizes": [20] * 10, "alike": 0.5},
        "10 groups of 20 copies": {"sizes": [20] * 10, "alike": 1.0},
        "20 groups of 20, alike 0.5": {"sizes": [20] * 20, "alike": 0.5},
        "30 groups of 10 copies": {"sizes": [10] * 30, "alike": 1.0},
        "60 groups of 5, alike 0.5": {"sizes": [5] * 60, "alike": 0.5},
        "300 groups of 4, alike 0.3": {"sizes": [4] * 300, "alike": 0.3},
        "60 alone and a group of 30 copies": {"sizes": [1] * 60 + [30], "alike": 1.0},
    }
    for situation, options in sets.items():
        yield Case(BEYOND, situation, FALSE_ALARMS, partial(_beyond, **options))
    for situation, options in {
        "300 images, 15 points too sure": {"sizes": [1] * 300},
        "100 pairs, alike 0.5, 15 points too sure": {"sizes": [2] * 100, "alike": 0.5},
        "60 groups of 5, alike 0.5, 15 points too sure": {"sizes": [5] * 60, "alike": 0.5},
    }.items():
        wrong = partial(_beyond, **options, sure=(0.6, 1.0), too_sure=0.15)
        yield Case(f"ECE beyond chance, {POWER}", situation, "much", wrong)
    for situation in ("30 images", "30 images, sure of all (0.9 to 1)", "100 pairs, alike 0.5"):
        yield Case(SURE, situation, SHARE, partial(_sure_enough, **sets[situation]))


def _beyond(rng: Generator, **options: Any) -> bool | None:
    labels, scores, groups = calibrated(rng, **options)
    found = measure_calibration(labels, scores, groups=groups, num_resamples=100)
    if "beyond what chance" in found.sentences[1]:
        return True
    return False if "within what chance" in found.sentences[1] else None


def _sure_enough(rng: Generator, **options: Any) -> bool:
    labels, scores, groups = calibrated(rng, **options)
    low, high = measure_calibration(labels, scores, groups=groups).overconfidence.interval
    return low <= 0 <= high


def _scores() -> Iterator[Case]:
    third = [1] * 60 + [30]
    sets: dict[str, dict[str, Any]] = {
        "100 images": {"sizes": [1] * 100, "recalls": [0.9, 0.8], "alike": 0.0},
        "60 patients, 4 images of one class": {
            "sizes": [4] * 60, "recalls": [0.95, 0.95], "alike": 0.7, "mixed": False,
        },
        "60 patients, 4 images of both classes": {
            "sizes": [4] * 60, "recalls": [0.95, 0.95], "alike": 0.7,
        },
        "30 patients, 6 images of both classes, right 0.9": {
            "sizes": [6] * 30, "recalls": [0.9, 0.9], "alike": 0.8,
        },
        "30 patients, 6 images of four classes, right 0.9": {
            "sizes": [6] * 30, "recalls": [0.9, 0.9, 0.9, 0.9], "alike": 0.7,
        },
        "40 patients, 10 images of three classes, right 0.6 to 0.95": {
            "sizes": [10] * 40, "recalls": [0.6, 0.8, 0.95], "alike": 0.5,
        },
        "a third of all images in one group, alike 0.3": {
            "sizes": third, "recalls": [0.8, 0.8], "alike": 0.3,
        },
        "a third of all images in one group, alike 0.7": {
            "sizes": third, "recalls": [0.8, 0.8], "alike": 0.7,
        },
        "a third of all images in one group, copies": {
            "sizes": third, "recalls": [0.8, 0.8], "alike": 1.0,
        },
        "200 images, a quarter in two groups, alike 0.5": {
            "sizes": [1] * 150 + [25, 25], "recalls": [0.9, 0.7], "alike": 0.5,
        },
    }  # fmt: skip
    for name in ("balanced accuracy", "accuracy"):
        for situation, options in sets.items():
            once = partial(_covered, name=name.replace(" ", "_"), **options)
            yield Case(COVERAGE_OF.format(name), situation, SHARE, once)
    for situation in list(sets)[:3]:
        once = partial(_evaluated, **sets[situation])
        yield Case(COVERAGE_OF.format("accuracy that evaluate gives"), situation, SHARE, once)


def _covered(rng: Generator, *, name: str, recalls: list[float], **options: Any) -> bool:
    labels, scores, groups = answers(rng, recalls=recalls, **options)
    found = getattr(bootstrap_intervals(labels, scores, groups=groups), name)
    return bool(found.low - 1e-9 <= np.mean(recalls) <= found.high + 1e-9)


def _evaluated(rng: Generator, *, recalls: list[float], **options: Any) -> bool:
    labels, scores, groups = answers(rng, recalls=recalls, **options)
    low, high = compute_metrics(labels, scores, groups=groups).accuracy_interval
    return bool(low <= np.mean(recalls) <= high)


def _means() -> Iterator[Case]:
    """The interval of a mean over few images, beside the one of a mean over groups."""
    for name, bca in (("mean, expanded percentiles,", False), ("mean, BCa,", True)):
        for kind in ("normal", "skewed"):
            for count in (6, 10, 20, 50):
                once = partial(_mean_covered, kind=kind, count=count, bca=bca)
                yield Case(COVERAGE_OF.format(name), f"{count} images, {kind}", SHARE, once)


def _mean_covered(rng: Generator, *, kind: str, count: int, bca: bool) -> bool:
    values = rng.normal(size=count) if kind == "normal" else rng.exponential(size=count) - 1
    alone = np.arange(count)
    found = mean_estimates(values[:, np.newaxis], alone)[0] if bca else mean_of_few(values)
    return bool(found.low <= 0 <= found.high)


def _maps() -> Iterator[Case]:
    for kind in ("normal", "skewed", "hits"):
        for count in (6, 10, 20, 50):
            once = partial(_verdict, kind=kind, count=count)
            yield Case(VERDICT, f"{count} images, {kind} differences", FALSE_ALARMS, once)
    for count in (6, 10, 20):
        once = partial(_verdict, kind="normal", count=count, shift=1.0)
        yield Case(f"'better', {POWER}", f"{count} images, one deviation better", "much", once)


def _verdict(rng: Generator, *, kind: str, count: int, shift: float = 0.0) -> bool:
    gaps = {
        "normal": lambda: rng.normal(size=count),
        "skewed": lambda: rng.exponential(size=count) - 1,
        "hits": lambda: rng.integers(0, 2, count) - rng.integers(0, 2, count),
    }[kind]()
    control = np.zeros(count)
    found = compare(gaps + shift, control, lower_is_better=False, confidence=0.95, seed=0)
    return found.verdict in (BETTER, WORSE)


if __name__ == "__main__":
    main(run)
