"""Training with augmentation: images per second."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from benchmarks.plain_keras import plain_dataset
from keras_cxr import build, make_datasets, train
from keras_cxr.training.precision import Policies, choose_precision

GOALS = {
    "lmap3": ("at least 2.5", "at least 0.95"),
    "alexnet": ("reported", "at least 0.95"),
    "vgg19": ("at least 4 with AMX", "reported"),
}


def run(options: Options) -> Report:
    """Train with augmentation: keras-cxr, plain Keras, and the bare step on one batch."""
    report = Report("training", "Training with augmentation, 224 x 224")
    precision = choose_precision("auto")[0]
    for name, (plain_goal, bare_goal) in GOALS.items():
        if options.smoke and name != "lmap3":
            continue  # four models of each take minutes to build and compile
        # a step of VGG19 takes seconds on a CPU
        count = 64 if name == "vgg19" else options.size(1600, 32)
        rounds = options.size(3 if name == "vgg19" else 5, 1)
        folder = phantom_folder(options, count)
        with private_cache() as cache, bare_step(name, "float32", count, options.side) as slow:
            contestants = {
                "keras-cxr": ours(name, folder, cache, options.side),
                "plain Keras, float32": plain(name, folder, count, options.side),
                "bare step, float32": slow,
            }
            with bare_step(name, precision, count, options.side) as fast:
                if precision != "float32":
                    contestants[f"bare step, {precision}"] = fast
                found = alternate(contestants, rounds=rounds)
        for contestant, values in found.items():
            report.add(f"{name}: {contestant}", values, "images/s")
        mine = found["keras-cxr"]
        report.compare(f"{name}: plain Keras", mine, found["plain Keras, float32"], plain_goal)
        faster = [max(pair) for pair in zip(*list(found.values())[2:], strict=True)]
        report.compare(f"{name}: faster bare step", mine, faster, bare_goal)
        if precision != "float32":
            report.compare(
                f"{name}: bare step, automatic precision / float32",
                found[f"bare step, {precision}"], found["bare step, float32"], "at least 1",
            )  # fmt: skip
    return report


def ours(name: str, folder: Path, cache: Path, side: int) -> Measure:
    """The second epoch of `train`, which has nothing to compile."""
    rgb = {"color_mode": "rgb"} if name == "vgg19" else {}
    datasets = make_datasets(
        folder, image_size=(side, side), split=(1, 0, 0), cache_dir=cache, **rgb
    )
    model = _build(name, side)

    def measure() -> float:
        found = train(model, datasets, epochs=2, verbose=0)
        return len(datasets.files("train")) / found.seconds_per_epoch[-1]

    return measure


def plain(name: str, folder: Path, count: int, side: int) -> Measure:
    """An epoch of `fit` in float32 on a directory loader with three augmentation layers."""
    dataset = plain_dataset(folder, size=side, augment=True)
    if name == "vgg19":
        dataset = dataset.map(lambda images, labels: (keras.ops.repeat(images, 3, -1), labels))
    model = _build(name, side)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(dataset.take(1), verbose=0)

    def measure() -> float:
        started = time.perf_counter()
        model.fit(dataset, verbose=0)
        return count / (time.perf_counter() - started)

    return measure


@contextmanager
def bare_step(name: str, precision: str, count: int, side: int) -> Iterator[Measure]:
    """The compiled train step on one repeated batch: no data to prepare, no callbacks."""
    import tensorflow as tf

    model = _build(name, side)
    images = tf.random.uniform((32, *model.input_shape[1:]), maxval=255)
    labels = tf.one_hot(tf.range(32) % 4, 4)
    batches = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())
    policies = Policies(model, precision)
    with policies.training():
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        model.make_train_function()
        step: Callable[[Any], Any] = model.train_function
        step(batches)

        def measure() -> float:
            steps = -(-count // 32)
            started = time.perf_counter()
            for _ in range(steps):
                logs = step(batches)
            float(logs["loss"])
            return steps * 32 / (time.perf_counter() - started)

        yield measure


def _build(name: str, side: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    if name == "vgg19":
        return build(name, input_shape=(side, side, 3), weights=None)
    return build(name, input_shape=(side, side, 1))


if __name__ == "__main__":
    main(run)
