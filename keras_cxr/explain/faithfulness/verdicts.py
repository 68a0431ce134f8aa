"""What the numbers of a `Faithfulness` say, in plain sentences."""

import numpy as np

from keras_cxr.explain.faithfulness.comparison import (
    BETTER,
    OPEN,
    TOO_FEW,
    WORSE,
    ControlComparison,
)
from keras_cxr.explain.faithfulness.controls import CONTROLS
from keras_cxr.explain.faithfulness.measures import AREA, METHOD, SENSITIVITY
from keras_cxr.explain.faithfulness.report import Faithfulness
from keras_cxr.statistics.intervals.means import mean_of_few

NAMES = {**CONTROLS, AREA: "the area's share of the picture"}
_WORDS = {
    BETTER: "better than",
    WORSE: "worse than",
    OPEN: "not told apart from",
    TOO_FEW: "on too few images (six at least) to be compared with",
}


def write_sentences(found: Faithfulness) -> tuple[str, ...]:
    """Return one sentence or two for each question, what it does not show included."""
    sentences = [_conclusion(found), _no_map(found), _fill(found)]
    for measure in found.measures:
        own = found.estimate(measure.key)
        known = int(np.isfinite(found.values[measure.key][METHOD]).sum())
        if known == 0:
            sentences.append(f"{measure.title}: no image has both heat and such an area.")
            continue
        text = f"{measure.title}: {found.title} {own.text(2)}"
        left_out = len(found.class_index) - known
        text += f", {left_out} images left out" if left_out else ""
        if measure is SENSITIVITY:
            others = {name: found.estimate(measure.key, name).text(2) for name in CONTROLS}
            text += f"; {', '.join(f'{NAMES[name]} {one}' for name, one in others.items())}"
        else:
            text += f"; {_groups(found.comparisons[measure.key])}"
        sentences.append(f"{text}. {measure.not_shown}")
    sentences.append(_randomization(found))
    return tuple(sentence for sentence in sentences if sentence)


def beaten_everywhere(found: Faithfulness) -> list[str]:
    """Keys of the measures on which the method is better than every control."""
    return [
        key
        for key, row in found.comparisons.items()
        if all(comparison.verdict == BETTER for comparison in row.values())
    ]


def _conclusion(found: Faithfulness) -> str:
    keys = beaten_everywhere(found)
    won = [key.replace("_", " ") for key in keys]
    lost = [key.replace("_", " ") for key in found.comparisons if key not in keys]
    if not won:
        return f"{found.title} beats every control on no measure."
    text = f"{found.title} beats every control on {_listed(won)}"
    return f"{text}; not on {_listed(lost)}." if lost else f"{text}."


def _no_map(found: Faithfulness) -> str:
    count = int(found.no_map.sum())
    if count == 0:
        return ""
    return (
        f"{count} of {len(found.no_map)} maps are zero everywhere: nothing spoke for the class. "
        "They count as the random map for deletion and insertion, and are left out of pointing, "
        "energy and sensitivity."
    )


def _fill(found: Faithfulness) -> str:
    whole, filled = found.probability, found.fill_probability
    keeping = int((filled > whole / 2).sum())
    text = (
        f"Whole, the images have a mean probability of {whole.mean():.2f} for their class; "
        f"with all pixels replaced, {filled.mean():.2f}"
    )
    if keeping:
        text += (
            f"; {keeping} of {len(whole)} images keep more than half of it: there deletion and "
            "insertion say little"
        )
    return f"{text}."


def _groups(row: dict[str, ControlComparison]) -> str:
    parts = []
    for verdict, words in _WORDS.items():
        names = [
            f"{NAMES[name]} ({comparison})"
            for name, comparison in row.items()
            if comparison.verdict == verdict
        ]
        if names:
            parts.append(f"{words} {_listed(names)}")
    return "; ".join(parts)


def _randomization(found: Faithfulness) -> str:
    test = found.randomization
    if test is None:
        return f"Randomisation: {found.randomization_problem}"
    draws = len(test.similarity)
    mean, lowest, highest = test.spread(-1)
    if np.isnan(mean):
        return (
            "Randomisation: with random weights every map is constant, which correlates with "
            "nothing; whether the maps depend on the weights stays open."
        )
    chance = mean_of_few(
        test.chance, confidence=found.settings["confidence"], seed=found.settings["seed"]
    )
    if lowest > max(chance.value, chance.high):
        says = "more than chance each time: part of each map is made by image and layers alone"
    else:
        says = "no more than chance: the maps depend on what the model has learnt"
    text = (
        f"Randomisation: with all weights drawn anew {draws} times the maps correlate {mean:.2f} "
        f"with the model's ({lowest:.2f} to {highest:.2f}; by chance {chance.text(2)}; maps that "
        f"ignore the model 1.00), {says}"
    )
    constant, pairs = int(test.num_constant[-1]), test.similarity[:, -1].size
    if constant:
        text += f"; {constant} of {pairs} pairs left out, one map being constant"
    return f"{text}. It does not show that the maps are right."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
