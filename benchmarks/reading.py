"""Reading a folder of X-rays: the first time, and again."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Options, Report, alternate, main, phantom_folder, private_cache
from benchmarks.plain_keras import plain_dataset

STUDY_IMAGES = 21_165
# The other loaders look for no copies, and here many images are links to one file.
OPTIONS: dict[str, Any] = {"group_duplicates": False, "verbose": False}


def run(options: Options) -> Report:
    """Read every image once: keras-cxr with and without a cache to go by, Keras, PIL."""
    from keras_cxr import make_datasets

    report = Report("reading", "Reading 299-pixel PNG files at 224 x 224")
    folder = phantom_folder(options, options.size(4000, 40))
    found = alternate(
        {
            "keras-cxr, first run (writes the cache)": lambda: ours(folder),
            "image_dataset_from_directory": lambda: keras_loader(folder),
            "PIL loop": lambda: pil_loop(folder),
        },
        rounds=options.size(5, 1),
    )
    for contestant, values in found.items():
        report.add(contestant, values, "images/s")
    first = found["keras-cxr, first run (writes the cache)"]
    report.compare(
        "keras-cxr / image_dataset_from_directory",
        first, found["image_dataset_from_directory"], "at least 1.3",
    )  # fmt: skip
    report.compare("keras-cxr / PIL loop", first, found["PIL loop"], "reported")

    again = phantom_folder(options, options.size(10_000, 40))
    with private_cache() as cache:
        make_datasets(again, cache_dir=cache, **OPTIONS)
        seconds = [
            _process(again, cache, part="first_batch")["seconds"] for _ in range(options.size(5, 1))
        ]
        size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    count = options.size(10_000, 40)
    report.add(f"first batch of {count:,} cached images", seconds, "s (goal: at most 0.5)")
    report.add("cache on disk, per image", [size / count / 1024], "KiB")

    many = phantom_folder(options, options.size(STUDY_IMAGES // 4 * 4, 40))
    with private_cache() as cache:
        memory = _process(many, cache, part="everything")
    report.add(
        f"most anonymous memory, reading {memory['images']:,} images the first time",
        [memory["bytes"] / 2**20], "MiB above the imported libraries (goal: at most 512)",
    )  # fmt: skip
    return report


def ours(folder: Path) -> float:
    """Images per second from the call to the last batch, with no cache yet."""
    from keras_cxr import make_datasets

    with private_cache() as cache:
        started = time.perf_counter()
        datasets = make_datasets(folder, cache_dir=cache, augment=False, **OPTIONS)
        count = sum(
            len(images)
            for part in (datasets.train, datasets.val, datasets.test)
            if part is not None
            for images, _ in part
        )
        return count / (time.perf_counter() - started)


def keras_loader(folder: Path) -> float:
    """Images per second through Keras' directory loader."""
    started = time.perf_counter()
    count = sum(len(images) for images, _ in plain_dataset(folder))
    return count / (time.perf_counter() - started)


def pil_loop(folder: Path) -> float:
    """Images per second in a plain loop that keeps none of them."""
    from PIL import Image

    started = time.perf_counter()
    files = sorted(folder.rglob("*.png"))
    for file in files:
        with Image.open(file) as image:
            np.asarray(image.convert("L").resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    return len(files) / (time.perf_counter() - started)


def _process(folder: Path, cache: Path, *, part: str) -> dict[str, float]:
    """What `in_process` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reading", "--in-process", part, folder, cache]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def in_process(part: str, folder: Path, cache: Path) -> dict[str, float]:
    """Seconds from the call to the first batch, or the most memory while all is read."""
    import tensorflow as tf

    import keras_cxr.data
    from benchmarks.watching import PeakMemory

    tf.data.Dataset.range(1).get_single_element()  # TensorFlow has started
    started = time.perf_counter()
    with PeakMemory() as memory:
        datasets = keras_cxr.data.make_datasets(folder, cache_dir=cache, **OPTIONS)
        if part == "first_batch":
            next(iter(datasets.train))
        else:
            for images, _ in datasets.train:
                del images
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": memory.above, "images": len(datasets.table)}


if __name__ == "__main__":
    if "--in-process" in sys.argv:
        print(json.dumps(in_process(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
    else:
        main(run)
