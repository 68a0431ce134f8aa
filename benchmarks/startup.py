"""How long a user waits before anything happens."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import Measure, Options, Report, alternate, main, phantom_folder

PROGRAM = Path(sys.executable).with_name("keras-cxr")
ANSWER = "keras-cxr predict FILM"


def run(options: Options) -> Report:
    """Start Python, Keras, keras-cxr and its commands in new processes."""
    report = Report("startup", "Start-up, each in a new process")
    film = str(next(phantom_folder(options, 4).rglob("*.png")))
    contestants = {
        "python -c pass": process(sys.executable, "-c", "pass"),
        "import keras_cxr": process(sys.executable, "-c", "import keras_cxr"),
        "import keras": process(sys.executable, "-c", "import keras"),
        "keras-cxr --help": process(str(PROGRAM), "--help"),
        "keras-cxr models": process(str(PROGRAM), "models"),
        ANSWER: process(str(PROGRAM), "predict", film),
        f"{ANSWER} --runtime onnx": process(str(PROGRAM), "predict", film, "--runtime", "onnx"),
    }
    for measure in () if options.smoke else contestants.values():
        measure()  # files come from the disk once, and the preset's ONNX form is made
    found = alternate(contestants, rounds=options.size(9, 1))
    for contestant, values in found.items():
        report.add(contestant, values, "s")
    bare, mine = found["python -c pass"], found["import keras_cxr"]
    added = [one - other for one, other in zip(mine, bare, strict=True)]
    report.add("import keras_cxr, above bare Python", added, "s (goal: at most 0.15)")
    report.compare(
        "import keras_cxr / import keras",
        found["import keras_cxr"],
        found["import keras"],
        "reported",
    )
    report.notes.append("Goal for keras-cxr --help: at most 0.5 s.")
    report.notes.append("Goals for predict: at most 5 s, and 2 s with ONNX Runtime.")
    quick, slow = found[f"{ANSWER} --runtime onnx"], found[ANSWER]
    report.compare("predict with ONNX Runtime / with Keras", quick, slow, "reported")
    return report


def process(*command: str) -> Measure:
    """Seconds from its start to its end."""

    def measure() -> float:
        started = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        return time.perf_counter() - started

    return measure


if __name__ == "__main__":
    main(run)
