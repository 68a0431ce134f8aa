"""What augmentation adds to an epoch."""

from pathlib import Path

import keras

from benchmarks.common import (
    Measure,
    Options,
    Report,
    alternate,
    main,
    phantom_folder,
    private_cache,
)
from keras_cxr import build_lmap3, make_datasets, train


def run(options: Options) -> Report:
    """Train LMAP3 for an epoch with augmentation and without."""
    report = Report("augmentation", "The same epoch of LMAP3 with and without augmentation")
    folder = phantom_folder(options, options.size(1600, 32))
    with private_cache() as cache:
        contestants = {
            "with augmentation": epoch(folder, cache, options.side, augment=True),
            "without": epoch(folder, cache, options.side, augment=False),
        }
        found = alternate(contestants, rounds=options.size(7, 1))
    for contestant, values in found.items():
        report.add(contestant, values, "s")
    report.compare("time with / without", *found.values(), "at most 1.05")
    report.notes.append("The study's epochs took 34.4 s with and 22.1 s without: 1.56 times.")
    return report


def epoch(folder: Path, cache: Path, side: int, *, augment: bool) -> Measure:
    """Seconds of the second epoch of `train`."""
    datasets = make_datasets(
        folder, image_size=(side, side), split=(1, 0, 0), cache_dir=cache, augment=augment
    )
    keras.utils.set_random_seed(0)
    model = build_lmap3(datasets.input_shape)
    return lambda: train(model, datasets, epochs=2, verbose=0).seconds_per_epoch[-1]


if __name__ == "__main__":
    main(run)
