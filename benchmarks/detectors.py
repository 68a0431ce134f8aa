"""What the audit's detectors find of what was planted among phantoms, and what they accuse."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import Options, Report, main
from benchmarks.detector_cases import CASES, CLASSES, DIFFERENCES, SIDE, write_biased
from keras_cxr.audit.of_data.attributes.read import read_attributes
from keras_cxr.audit.of_data.flags.find import Flag, find_flags
from keras_cxr.audit.of_data.shortcuts.measure import measure_shortcuts
from keras_cxr.audit.of_data.shortcuts.result import Shortcuts
from keras_cxr.data import find_images, read_image
from keras_cxr.phantoms.draw import draw_phantom
from keras_cxr.statistics.intervals.limits import wilson_limits


def run(options: Options) -> Report:
    """Recall and precision of flags, false alarms in a clean set, and which shortcut is named."""
    report = Report("detectors", "What the audit finds of what was planted, in percent")
    _flags(report, options)
    _shortcuts(report, options)
    return report


def _flags(report: Report, options: Options) -> None:
    num_clean, num_planted = options.size(300, 24), options.size(12, 2)
    clean = _clean(options.work / "flags-films", num_clean)
    lines = ["| Planted among phantoms | n | Flagged | As | Right kind | Other files flagged |"]
    lines.append("|---|---:|---:|---|---:|---:|")
    for name, (kind, draw) in CASES.items():
        folder = shutil.copytree(clean, options.work / f"flags-{len(lines)}")
        rng = np.random.Generator(np.random.PCG64(len(lines)))
        for number in range(num_planted):
            assert cv2.imwrite(str(folder / "Normal" / f"planted-{number}.png"), draw(rng))
        flags = find(folder)
        planted = [flag for flag in flags if "planted" in flag.file]
        right = sum(flag.kind == kind for flag in planted)
        others = len(flags) - len(planted)
        report.add(f"{name}: found", [100 * len(planted) / num_planted], "%")
        report.add(f"{name}: right kind", [100 * right / num_planted], "%")
        lines.append(
            f"| {name} | {num_planted} | {_percent(len(planted), num_planted)} | {kind} | "
            f"{_percent(right, num_planted)} | {others} of {num_clean} |"
        )
    num_alone = options.size(2000, 24)
    alarms = len(find(_clean(options.work / "flags-clean", num_alone, seed=9)))
    low, high = wilson_limits(np.array(alarms / num_alone), np.array(num_alone))
    report.add("false alarms in a clean set", [100 * alarms / num_alone], "%")
    lines.append(
        f"| nothing (a clean set) | 0 | | | | {alarms} of {num_alone} "
        f"[{100 * low:.2f}, {100 * high:.2f}] % |"
    )
    report.tables.append("\n".join(lines))


def _shortcuts(report: Report, options: Options) -> None:
    per_class = options.size(100, 12)
    lines = ["| One class of four differs by | Named | All attributes | That family alone |"]
    lines.append("|---|---|---|---|")
    differences = dict(list(DIFFERENCES.items())[: 1 if options.smoke else None])
    for name, (family, change) in {"nothing": ("", None), **differences}.items():
        folder = options.work / f"shortcuts-{len(lines)}"
        found = measure(write_biased(folder, change, per_class=per_class))
        rows = found.table.set_index("name")
        whole = _score(rows, "attributes")
        alone = _score(rows, family) if family else ""
        lines.append(f"| {name} | {found.carrier or 'none'} | {whole} | {alone} |")
        reached = 100 * float(rows.loc["attributes", "balanced_accuracy"])
        report.add(f"balanced accuracy of attributes: {name}", [reached], "%")
    report.tables.append("\n".join(lines))
    report.notes.append(
        f"Balanced accuracies with 95 % intervals; guessing reaches 0.25. {per_class} phantoms a "
        "class; a family is named only where its interval lies above guessing."
    )


def find(folder: Path) -> tuple[Flag, ...]:
    """The flags of a folder."""
    catalog = find_images(folder)
    paths = [catalog.path(entry.file) for entry in catalog.entries]
    attributes = read_attributes(catalog, verbose=False)
    return find_flags(attributes, lambda row: read_image(paths[row])[..., 0])


def measure(folder: Path) -> Shortcuts:
    """The shortcuts of a folder, from its files' attributes."""
    catalog = find_images(folder)
    labels = [entry.label for entry in catalog.entries]
    return measure_shortcuts(read_attributes(catalog, verbose=False), labels)


def _clean(folder: Path, count: int, seed: int = 3) -> Path:
    for number in range(count):
        name = CLASSES[number % 4]
        (folder / name).mkdir(parents=True, exist_ok=True)
        image = draw_phantom(name, number, image_size=SIDE, seed=seed).image
        assert cv2.imwrite(str(folder / name / f"{number}.png"), image)
    return folder


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def _score(rows, name: str) -> str:
    row = rows.loc[name]
    return (
        f"{row['balanced_accuracy']:.2f} [{row['balanced_accuracy_low']:.2f}, "
        f"{row['balanced_accuracy_high']:.2f}]"
    )


if __name__ == "__main__":
    main(run)
