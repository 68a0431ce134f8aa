"""How long a user waits before anything happens."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import Measure, Options, Report, alternate, main

PROGRAM = Path(sys.executable).with_name("keras-cxr")


def run(options: Options) -> Report:
    """Start Python, Keras, keras-cxr and its commands in new processes."""
    report = Report("startup", "Start-up, each in a new process")
    contestants = {
        "python -c pass": process(sys.executable, "-c", "pass"),
        "import keras_cxr": process(sys.executable, "-c", "import keras_cxr"),
        "import keras": process(sys.executable, "-c", "import keras"),
        "keras-cxr --help": process(str(PROGRAM), "--help"),
        "keras-cxr models": process(str(PROGRAM), "models"),
    }
    for measure in () if options.smoke else contestants.values():
        measure()  # files come from the disk once
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
