"""The first run of `keras-cxr demo`: where its time goes."""

import os
import re
import subprocess
import sys
import time

from benchmarks.common import Options, Report, main

# what the demo says when a stage has ended or another begins
MARKS = (
    ("imports", r"Drawing \d+ phantoms"),
    ("drawing the phantoms, reading them, building the model", r"B: LMAP3"),
    ("compiling and the first epoch", r"epoch +1/"),
    ("the other epochs", r"epoch +(\d+)/\1 "),
    ("evaluation, plots, heat maps, report", r"Report: "),
)


def run(options: Options) -> Report:
    """Run the command in an empty folder and an empty cache."""
    report = Report("demo", "keras-cxr demo, cold, by stage")
    folder = options.work / "demo"
    command = [sys.executable, "-m", "keras_cxr", "demo", str(folder)]
    if options.smoke:  # the command has no way to draw fewer
        small = f"print(run_demo({str(folder)!r}, epochs=2, images_per_class=12, say=print))"
        command = [sys.executable, "-c", f"from keras_cxr.study.demo import run_demo; {small}"]
    started = lap = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={
            **os.environ, "KERAS_CXR_CACHE": str(options.work / "cache"), "PYTHONUNBUFFERED": "1"
        },
    )  # fmt: skip
    waiting = list(MARKS)
    with process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            now = time.perf_counter()
            while waiting and re.search(waiting[0][1], line):
                report.add(waiting.pop(0)[0], [now - lap], "s")
                lap = now
    if process.returncode or waiting:
        raise RuntimeError("the demo did not end as it should:\n" + "".join(lines))
    report.add("all", [time.perf_counter() - started], "s (goal: less than 180)")
    return report


if __name__ == "__main__":
    main(run)
