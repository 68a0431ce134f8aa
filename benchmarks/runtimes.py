"""What an export costs in each runtime: start, images a second and memory, beside Keras."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Options, Report, main
from keras_cxr import build_lenet5, export
from keras_cxr.phantoms.fitted import draw_pictures
from keras_cxr.runtimes.formats import FORMATS

SCRIPT = Path(__file__).with_name("one_runtime.py")
BATCH = 32


def run(options: Options) -> Report:
    """Export one network to each format; each runtime then answers in a process of its own."""
    what = "LeNet-5 at 32 x 32" if options.smoke else "lmap3_phantom (LMAP3 at 224 x 224)"
    report = Report("runtimes", f"Runtimes beside Keras, {what}, each in new processes")
    model: Any = build_lenet5((32, 32, 1), 4) if options.smoke else "lmap3_phantom"
    names = ("keras", "onnx") if options.smoke else tuple(FORMATS)
    made = {name: export(model, options.work / name, format=name) for name in names}
    pixels = options.work / "pixels.npy"
    np.save(pixels, draw_pictures(made["keras"].image_size, 1, count=BATCH))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(options.size(5, 1)):
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(ask(name, made[name].path, pixels, options.size(20, 1)))
    for key, unit, better in (
        ("start", "s from the start of the process to its first answer", "under 1"),
        ("1", "images/s at batch 1", "over 1"),
        ("32", "images/s at batch 32", "over 1"),
        ("peak", "MB at most", "under 1"),
    ):
        values = {name: [one[key] for one in rounds] for name, rounds in found.items()}
        for name in names:
            report.add(name, values[name], unit)
        for name in names[1:]:
            report.compare(
                f"{name} / keras, {unit}", values[name], values["keras"], f"reported; {better}"
            )
    report.tables.append(_parity(made))
    return report


def ask(name: str, path: Path, pixels: Path, calls: int) -> dict[str, float]:
    """What a new process that knows this runtime alone finds."""
    command = [sys.executable, "-I", str(SCRIPT), name, str(path), str(pixels), str(calls)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.time()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "start": found["first"] - started,
        "1": found["1"],
        "32": found["32"],
        "peak": found["peak"] / 1e6,
    }


def _parity(made: dict[str, Any]) -> str:
    lines = ["| Format | Size | Largest difference | Equal answers |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one.num_bytes / 1e6:.2f} MB | {one.parity.largest_difference:.1e} | "
        f"{one.parity.equal_answers:.1%} of {one.parity.num_images} |"
        for name, one in made.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main(run)
