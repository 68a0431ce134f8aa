"""Epochs of the study's size on a GPU, with JAX or torch and without TensorFlow.

`KERAS_BACKEND=jax python -m benchmarks.gpu`; with `--smoke` a few images on any machine.
"""

import subprocess
import sys

import keras
import numpy as np

from benchmarks.common import Options, Report, main
from benchmarks.watching import Watch
from keras_cxr import build, make_datasets, train
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

# what the study printed, on 80 % of its 21,165 images
STUDY_IMAGES = 16_932
STUDY_SECONDS = {"lmap3": 34.4, "alexnet": 24.2}


def run(options: Options) -> Report:
    """Train LMAP3 and AlexNet with augmentation for some epochs, and watch the GPU."""
    if not (options.smoke or keras.distribution.list_devices("gpu")):
        sys.exit(f"{keras.backend.backend()} finds no GPU here; --smoke runs on a CPU.")
    report = Report("gpu", f"An epoch of {STUDY_IMAGES:,} images with augmentation, on a GPU")
    count, drawn = options.size(STUDY_IMAGES, 32), options.size(400, 16)
    size = (options.side, options.side)
    pictures = [draw_phantom(CLASS_NAMES[i % 4], i, image_size=size).image for i in range(drawn)]
    images = np.stack(pictures)[np.arange(count) % drawn]
    datasets = make_datasets(
        (images, np.arange(count) % 4),
        image_size=size,
        split=(1, 0, 0),
        format="keras",
        verbose=False,
    )
    for name, study in STUDY_SECONDS.items():
        keras.utils.set_random_seed(0)
        with GPUBusy() as busy:
            found = train(
                build(name, input_shape=datasets.input_shape),
                datasets,
                epochs=options.size(5, 2),
                verbose=0,
            )
        seconds = found.seconds_per_epoch[1:]  # the first one compiles
        report.add(f"{name}, {found.precision}", seconds, "s/epoch")
        report.compare(
            f"{name}: the study's seconds / ours", [study] * len(seconds), seconds, "at least 10"
        )
        if busy.percent:
            report.add(f"{name}: GPU busy", [float(np.median(busy.percent))], "% (goal: 80)")
    assert options.smoke or "tensorflow" not in sys.modules
    return report


class GPUBusy(Watch):
    """What nvidia-smi says of the first GPU, twice a second, within a `with` block.

    Attributes:
        percent: of the time in which some kernel ran; empty without nvidia-smi.
    """

    def __init__(self) -> None:
        super().__init__(self._ask, every=0.5)
        self.percent: list[float] = []

    def __enter__(self) -> "GPUBusy":
        super().__enter__()
        return self

    def _ask(self) -> bool:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        try:
            told = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        except (FileNotFoundError, subprocess.CalledProcessError):
            return False
        self.percent.append(float(told.splitlines()[0]))
        return True


if __name__ == "__main__":
    main(run)
