"""How time per image and memory grow with the number of images."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Options, Report, main, phantom_folder, private_cache

COUNTS = (1_000, 4_000, 16_000, 64_000)
STAGES = ("finding", "splitting", "checking and caching", "opening again", "shuffling an epoch")


def run(options: Options) -> Report:
    """Measure each stage from a thousand images to sixty-four thousand."""
    report = Report("growth", "Microseconds per image, by number of images")
    counts = (40,) if options.smoke else COUNTS
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    for number in range(options.size(3, 1)):
        for count in counts if number % 2 == 0 else reversed(counts):
            folder = phantom_folder(options, count)
            with private_cache() as cache:
                found[count].append(_process(folder, cache))
    for stage in STAGES:
        per_image = {
            count: [one[stage] / count * 1e6 for one in rounds] for count, rounds in found.items()
        }
        for count, values in per_image.items():
            report.add(f"{stage}, {count:,}", values, "µs/image")
        report.compare(
            f"{stage}, {counts[-1]:,} / {counts[0]:,}",
            per_image[counts[-1]], per_image[counts[0]], "at most 1.3",
        )  # fmt: skip
    for count, rounds in found.items():
        report.add(
            f"most anonymous memory, {count:,}",
            [one["bytes"] / 2**20 for one in rounds],
            "MiB above the imported libraries",
        )
    return report


def _process(folder: Path, cache: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.growth", "--in-process", folder, cache]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def in_process(folder: Path, cache: Path) -> dict[str, float]:
    """Seconds of each stage and the most memory."""
    import keras  # noqa: F401 - the libraries are not measured

    from benchmarks.watching import PeakMemory
    from keras_cxr.data import find_images, make_datasets
    from keras_cxr.data.draws import shuffled
    from keras_cxr.data.splitting.parts import with_parts

    # many of the images are links to one file: looking for copies would be measured, not reading
    options: dict[str, Any] = {
        "cache_dir": cache,
        "format": "keras",
        "verbose": False,
        "group_duplicates": False,
    }
    seconds = {}
    with PeakMemory() as memory:
        started = time.perf_counter()

        def lap(stage: str) -> None:
            nonlocal started
            seconds[stage] = time.perf_counter() - started
            started = time.perf_counter()

        catalog = find_images(folder)
        lap("finding")
        with_parts(catalog, (0.8, 0.1, 0.1), 0)
        lap("splitting")
        make_datasets(folder, **options)
        lap("checking and caching")
        make_datasets(folder, **options)
        lap("opening again")
        shuffled(np.arange(len(catalog.entries), dtype=np.uint64), seed=0, epoch=1)
        lap("shuffling an epoch")
    return {**seconds, "bytes": memory.above}


if __name__ == "__main__":
    if "--in-process" in sys.argv:
        print(json.dumps(in_process(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main(run)
