"""How fast lungs are found, beside the network alone."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common import Measure, Options, Report, alternate, main
from keras_cxr.phantoms.draw import draw_phantom
from keras_cxr.segmentation import LungSegmenter


def run(options: Options) -> Report:
    """Find the lungs of films that lie in memory at 224 x 224."""
    count = options.size(512, 4)
    report = Report("segmentation", f"Lungs of {count} films of 224 x 224, batches of 32")
    segmenter = LungSegmenter()
    drawn = [draw_phantom("Normal", number).image for number in range(options.size(32, 2))]
    films = np.tile(np.stack(drawn), (count // len(drawn), 1, 1))
    pixels = films[..., np.newaxis].astype(np.float32)
    contestants = {
        "model.predict": films_a_second(
            count, lambda: segmenter.model.predict(pixels, batch_size=32, verbose=0)
        ),
        "segment_lungs": films_a_second(count, lambda: segmenter.predict(films)),
        "LungSegmenter.find": films_a_second(count, lambda: segmenter.find(films)),
    }
    for measure in contestants.values():
        measure()
    found = alternate(contestants, rounds=options.size(7, 1))
    for contestant, values in found.items():
        report.add(contestant, values, "films/s")
    bare, ours, _ = found.values()
    report.compare("segment_lungs / model.predict", ours, bare, "reported")
    report.notes.append("Goal for segment_lungs on two cores: 100 films/s.")
    return report


def films_a_second(count: int, find: Callable[[], Any]) -> Measure:
    """Films that are done in a second of one call."""

    def measure() -> float:
        started = time.perf_counter()
        find()
        return count / (time.perf_counter() - started)

    return measure


if __name__ == "__main__":
    main(run)
