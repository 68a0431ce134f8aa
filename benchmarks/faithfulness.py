"""What the maps of each method are worth where the truth is known: a lesion, a planted mark."""

import time
from typing import Any

import keras
import numpy as np

from benchmarks.common import Options, Report, main
from benchmarks.planted import Pictures, trained, with_lesions, with_marks
from keras_cxr.explain import METHODS
from keras_cxr.explain.faithfulness import Faithfulness, check_faithfulness
from keras_cxr.explain.faithfulness.controls import CONTROLS
from keras_cxr.explain.faithfulness.verdicts import AREA, beaten_everywhere

SMOKE_METHODS = ("gradcam", "occlusion")  # one that looks into a layer and one at pixels
CELL = 8  # pixels of a cell of the 12 x 12 maps, the tolerance of the pointing game


def run(options: Options) -> Report:
    """Train a model on lesions and one on a planted mark; check all methods on both."""
    report = Report("faithfulness", "Heat maps beside controls, phantoms with known truth")
    count, tested = options.size(800, 24), options.size(120, 12)
    for title, make, epochs, names in (
        ("a model of lesions", with_lesions, 12, ("lesions", "lungs")),
        ("a model of a planted mark", with_marks, 8, ("mark", "lesions")),
    ):
        pictures = make(count + tested, seed=0)
        model = trained(pictures.part(slice(count)), epochs=options.size(epochs, 1), seed=0)
        unseen = pictures.part(slice(count, None))
        accuracy = model.evaluate(unseen.images, unseen.labels, verbose=0)[1]
        report.add(f"{title}: accuracy on unseen phantoms", [accuracy], "share")
        sick = unseen.part(unseen.masks["lesions"].any(axis=(1, 2)))
        found = _check_all(options, report, model=model, pictures=sick, names=names, title=title)
        report.results[title] = {name: check.to_dict() for name, check in found.items()}
        report.tables.append(_table(title, found))
    report.notes.append(
        "Means over images; bold where a method beats every control by its paired 95 % interval. "
        "Less is better for deletion, average drop and sensitivity. The controls' rows are those "
        f"of Grad-CAM. Pointing game with a tolerance of {CELL} pixels, one cell of a map. "
        "Randomisation: rank correlation with the maps of the same network with random weights."
    )
    return report


def _check_all(
    options: Options,
    report: Report,
    *,
    model: keras.Model,
    pictures: Pictures,
    names: tuple[str, ...],
    title: str,
) -> dict[str, Faithfulness]:
    found = {}
    for name, method in METHODS.items():
        if options.smoke and name not in SMOKE_METHODS:
            continue
        started = time.perf_counter()
        found[name] = check_faithfulness(
            method(model),
            pictures.images,
            pictures.labels,
            masks={mask: pictures.masks[mask] for mask in names},
            steps=options.size(20, 2),
            tolerance=CELL,
            noise_draws=options.size(4, 1),
        )
        seconds = time.perf_counter() - started
        report.add(f"{title}: checking {found[name].title}", [seconds], "s")
    return found


def _table(title: str, found: dict[str, Faithfulness]) -> str:
    """Markdown: a row for each method, then the controls."""
    first = found["gradcam"]
    keys = [measure.key for measure in first.measures]
    heads = [key.replace("_", " ") for key in keys]
    count = len(first.class_index)
    lines = [
        f"### {title[0].upper()}{title[1:]}, {count} images",
        "",
        f"| Map | {' | '.join(heads)} | randomisation |",
        f"|---|{'---|' * (len(keys) + 1)}",
    ]
    for check in found.values():
        won = beaten_everywhere(check)
        cells = [_cell(check.estimate(key).value, bold=key in won) for key in keys]
        lines.append(f"| {check.title} | {' | '.join(cells)} | {_random_weights(check)} |")
    for name in (*CONTROLS, AREA):
        rows = [first.values[key] for key in keys]
        cells = [_cell(float(np.nanmean(row[name]))) if name in row else "" for row in rows]
        lines.append(f"| *{name}* | {' | '.join(cells)} | |")
    limits = [check.estimate(key) for check in found.values() for key in keys]
    widths = [(limit.high - limit.low) / 2 for limit in limits]
    middle, largest = np.nanmedian(widths), np.nanmax(widths)
    lines += ["", f"Half an interval: {middle:.2f} in the middle, {largest:.2f} at most."]
    return "\n".join(lines)


def _cell(value: float, *, bold: bool = False) -> str:
    return f"**{value:.2f}**" if bold else f"{value:.2f}"


def _random_weights(check: Faithfulness) -> str:
    test: Any = check.to_dict()["randomization"]
    last = None if test is None else test["stages"][-1]["mean"]
    return "none" if last is None else f"{last:.2f}"


if __name__ == "__main__":
    main(run)
