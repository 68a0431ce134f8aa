"""Which operations take the time of a training step and of a Grad-CAM: TensorFlow's profiler."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.common import Options, Report, main
from keras_cxr import GradCAM, build
from keras_cxr.training.precision import Policies, choose_precision

SHOWN = 6  # kinds of operation per table; the others are added up
OPERATION = re.compile(r"[^:]+:_?(?:MklNative|Mkl|Fused)*(\w+)")  # "conv_1/Relu:_MklNativeConv2D"


def run(options: Options) -> Report:
    """Profile training steps of LMAP3 and AlexNet, and LMAP3's Grad-CAM, by operation."""
    report = Report("operations", "Share of the operations' time, in percent")
    precision = choose_precision("auto")[0]
    shape = (options.side, options.side, 1)
    images = np.random.default_rng(0).uniform(0, 255, (32, *shape)).astype(np.float32)
    labels = np.eye(4, dtype=np.float32)[np.arange(32) % 4]
    for name in ("lmap3", "alexnet"):
        keras.utils.set_random_seed(0)
        model = build(name, input_shape=shape)
        with Policies(model, precision).training():
            model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
            _add(
                report,
                f"{name}, a step in {precision}",
                lambda model=model: model.train_on_batch(images, labels),
                options,
            )
    explain = GradCAM(build("lmap3", input_shape=shape))
    _add(report, "Grad-CAM of LMAP3, batch of 32", lambda: explain(images, 0), options)
    return report


def _add(report: Report, title: str, work: Callable[[], Any], options: Options) -> None:
    work()  # compiles
    rounds = [_profile(work, options.size(10, 2)) for _ in range(options.size(5, 1))]
    every = {kind for shares in rounds for kind in shares}
    ranked = sorted(every, key=lambda kind: -sum(shares[kind] for shares in rounds))
    for kind in ranked[:SHOWN]:
        report.add(f"{title}: {kind}", [shares[kind] for shares in rounds], "%")
    rest = [sum(shares[kind] for kind in ranked[SHOWN:]) for shares in rounds]
    report.add(f"{title}: the others", rest, "%")


def _profile(work: Callable[[], Any], times: int) -> Counter[str]:
    """Percent of the time inside operations that each kind of operation took."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(times):
                work()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = XSpace.FromString(file.read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                found = OPERATION.fullmatch(plane.event_metadata[event.metadata_id].name)
                if found and not found[1].endswith("PartitionedCall"):  # holds other operations
                    spent[found[1]] += event.duration_ps
    whole = sum(spent.values())
    return Counter({kind: 100 * part / whole for kind, part in spent.items()})


if __name__ == "__main__":
    main(run)
