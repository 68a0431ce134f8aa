"""How much a map changes when the image hardly does."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.engine.maps import Floats

Doubles = NDArray[np.float64]


def max_sensitivity(
    maps: dict[str, Floats],
    explainers: dict[str, Callable[[Floats], Floats]],
    images: Floats,
    *,
    noise: float,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, Doubles]:
    """Return the largest relative change of each map under small noise, by explainer.

    max over d of ||M(x + d) - M(x)|| / ||M(x)||, with M the map, x the image, ||.|| the root of
    the sum of squares and d uniform noise of at most `noise` grey values at each pixel, cut off at
    0 and 255 (Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", without the
    division, which lets maps of different sizes be compared). The largest of a few draws lies
    below the largest that noise of this size can do.

    Args:
        maps: by explainer, M(x): (batch, height, width) float32.
        explainers: by name, M: images (batch, height, width, channels) to maps.
        images: x, float32 in [0, 255].
        noise: grey values.
        draws: how many noisy copies of each image.
        rng: where the noise comes from.

    Returns:
        By explainer (batch,) float64 from 0; NaN where M(x) is zero everywhere.
    """
    largest = {name: np.zeros(len(images)) for name in explainers}
    for _ in range(draws):
        noisy = images + rng.uniform(-noise, noise, images.shape).astype(np.float32)
        noisy = np.clip(noisy, 0, 255)
        for name, explain in explainers.items():
            change = _length(explain(noisy) - maps[name])
            largest[name] = np.maximum(largest[name], change)
    lengths = {name: _length(maps[name]) for name in explainers}
    return {
        name: np.divide(
            change, lengths[name], out=np.full(len(images), np.nan), where=lengths[name] > 0
        )
        for name, change in largest.items()
    }


def _length(maps: Floats) -> Doubles:
    return np.sqrt(np.square(maps, dtype=np.float64).sum(axis=(1, 2)))
