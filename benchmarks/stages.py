"""Where the time of a training step and of a Grad-CAM goes: each stage added to the one before."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from benchmarks.common import (
    Measure,
    Options,
    Report,
    alternate,
    main,
    phantom_folder,
    private_cache,
)
from benchmarks.training import bare_step
from keras_cxr import GradCAM, build, build_lmap3, make_datasets, train
from keras_cxr.explain.engine.maps import normalize, upsample, weighted_map
from keras_cxr.explain.engine.run import Engine
from keras_cxr.keras_graph.layers import resolve_site
from keras_cxr.training.precision import Policies, choose_precision


def run(options: Options) -> Report:
    """Split a step of LMAP3 and AlexNet, and a batch of LMAP3's Grad-CAM, into stages."""
    report = Report("stages", "Milliseconds per batch of 32, stage by stage")
    count, side = options.size(1600, 32), options.side
    folder = phantom_folder(options, count)
    for name in ("lmap3",) if options.smoke else ("lmap3", "alexnet"):
        with ExitStack() as stack:
            cache = stack.enter_context(private_cache())
            datasets = make_datasets(
                folder, image_size=(side, side), split=(1, 0, 0), cache_dir=cache
            )
            precision = choose_precision("auto")[0]
            bare = stack.enter_context(bare_step(name, precision, count, side))
            fed = stack.enter_context(_fed_step(name, precision, datasets))
            found = alternate(
                {
                    "the data alone": lambda data=datasets: _drain(data.train) / len(data.train),
                    "the step on one batch": lambda bare=bare: 32 / bare(),
                    "the step on the data": fed,
                    "all of train": lambda name=name, data=datasets: _train(name, data),
                },
                rounds=options.size(5, 1),
            )
        for stage, seconds in found.items():
            report.add(f"{name} in {precision}: {stage}", [1000 * s for s in seconds], "ms")
    for stage, seconds in _gradcam_stages(options).items():
        report.add(f"Grad-CAM of LMAP3: {stage}", [1000 * s for s in seconds], "ms")
    return report


def _drain(dataset: Any) -> float:
    started = time.perf_counter()
    for batch in dataset:
        del batch
    return time.perf_counter() - started


def _train(name: str, datasets: Any) -> float:
    keras.utils.set_random_seed(0)
    found = train(build(name, input_shape=datasets.input_shape), datasets, epochs=2, verbose=0)
    return found.seconds_per_epoch[-1] / len(datasets.train)


@contextmanager
def _fed_step(name: str, precision: str, datasets: Any) -> Iterator[Measure]:
    """The compiled step on real batches, without callbacks, class weights and Keras' loop."""
    model = build(name, input_shape=datasets.input_shape)
    with Policies(model, precision).training():
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        model.make_train_function()
        model.train_function(iter(datasets.train))

        def measure() -> float:
            batches = iter(datasets.train)
            started = time.perf_counter()
            for _ in range(len(datasets.train)):
                logs = model.train_function(batches)
            float(logs["loss"])
            return (time.perf_counter() - started) / len(datasets.train)

        yield measure


def _gradcam_stages(options: Options) -> dict[str, list[float]]:
    side = options.side
    model = build_lmap3((side, side, 1))
    images = np.random.default_rng(0).uniform(0, 255, (32, side, side, 1)).astype(np.float32)
    explain = GradCAM(model)
    gradients = Engine(model, resolve_site(model, None), output=0).gradients
    chosen = np.zeros(32, np.int32)
    result = gradients(images, chosen)

    def timed(work: Callable[[], Any]) -> Measure:
        def measure() -> float:
            started = time.perf_counter()
            for _ in range(options.size(5, 1)):
                work()
            return (time.perf_counter() - started) / options.size(5, 1)

        return measure

    raw = weighted_map(result.activations, result.gradients)
    return alternate(
        {
            "the forward pass alone (predict_on_batch)": timed(
                lambda: model.predict_on_batch(images)
            ),
            "forward pass and gradients": timed(lambda: gradients(images, chosen)),
            "pooled weights and sum": timed(
                lambda: weighted_map(result.activations, result.gradients)
            ),
            "upsampling and normalization": timed(
                lambda: normalize(upsample(np.maximum(raw, 0), (side, side)))
            ),
            "all of GradCAM": timed(lambda: explain(images, 0)),
        },
        rounds=options.size(7, 1),
    )


if __name__ == "__main__":
    main(run)
