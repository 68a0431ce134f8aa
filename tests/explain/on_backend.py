"""Explain the zoo's models on the backend of this process: `python -m tests.explain.on_backend`.

The first argument is a folder. The process that finds no weights there writes its own; the others
load them, so that all explain the same models. Each writes NAME.BACKEND.npz.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_cxr.explain import METHODS, GradCAM
from tests.explain.zoo import OUTPUTS, ZOO

# few enough steps for tests
SETTINGS = {
    "smoothgrad": {"num_samples": 2},
    "integrated-gradients": {"num_steps": 4},
    "occlusion": {"window": 32, "stride": 32},
}
ALL_METHODS = ("sequential", "subclassed", "channels first")


def pictures(shape, count=3):
    """Smooth pictures in [0, 255], the same in every process."""
    first = shape[0] == 1  # grey images with the channels in front
    height, width, channels = (*shape[1:], 1) if first else shape
    coarse = np.random.default_rng(0).uniform(0, 255, (count, 8, 8, channels))
    fine = np.kron(coarse, np.ones((1, -(-height // 8), -(-width // 8), 1)))[:, :height, :width]
    return np.moveaxis(fine, -1, 1) if first else fine


def same_weights(model, file):
    if file.exists():
        with np.load(file) as stored:
            model.set_weights([stored[f"arr_{i}"] for i in range(len(stored.files))])
        return
    # freshly initialised batch normalizations do nothing and hide mistakes
    generator = np.random.default_rng(1)
    weights = [
        w * generator.uniform(0.8, 1.25, w.shape).astype(w.dtype) for w in model.get_weights()
    ]
    model.set_weights(weights)
    np.savez(file, *weights)


def other_methods(model, images):
    return {
        f"method {name}": method(model, **SETTINGS.get(name, {})).explain(images, 1).raw_map
        for name, method in METHODS.items()
    }


def explain_all(folder, names):
    backend = keras.config.backend()
    for name in names:
        keras.utils.set_random_seed(0)
        model, layer = ZOO[name]()
        same_weights(model, folder / f"{name}.npz")
        before = model.get_weights()
        shape = model.input_shape[1:] if hasattr(model, "input_shape") else (64, 64, 1)
        images = pictures(shape)
        settings = {"output": OUTPUTS.get(name)}
        explainer = GradCAM(model, layer, **settings)
        started = time.perf_counter()
        found = explainer.explain(images, class_index=[0, 1, 2])
        seconds = time.perf_counter() - started
        one = explainer(images[1:2], class_index=1)
        unchanged = all(map(np.array_equal, before, model.get_weights()))
        model.set_weights([weight * np.float32(0.9) for weight in before])
        again = explainer.explain(images, class_index=[0, 1, 2])
        fresh = GradCAM(model, layer, **settings).explain(images, class_index=[0, 1, 2])
        np.savez(
            folder / f"{name}.{backend}.npz",
            heatmap=found.heatmap,
            raw_map=found.raw_map,
            scores=found.scores,
            one=one,
            unchanged=unchanged,
            again=again.raw_map,
            fresh=fresh.raw_map,
            layer=found.layer,
            seconds=seconds,
            images=images,
            **(other_methods(model, images) if name in ALL_METHODS else {}),
        )
        print(f"{backend}: {name}, {found.layer}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    explain_all(Path(sys.argv[1]), sys.argv[2:] or list(ZOO))
