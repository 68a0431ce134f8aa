"""Changes of a picture that films of other machines show, each in three strengths with units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.threads import in_threads

Grey = NDArray[np.float32]
Change = Callable[[Grey, float, np.random.Generator], Grey]

_BASE_SIDE = 224  # strengths in pixels hold at the study's size and grow with the picture


@dataclass(frozen=True)
class Corruption:
    """One way to change a picture.

    Attributes:
        kind: its name.
        unit: what its strengths mean, with `{}` for the number.
        strengths: three numbers, weakest first; ours, chosen by eye on X-rays: the first is
            hardly seen, the last plain, and a reader still reads each of them.
        change: from `(height, width)` float32 in [0, 255], a strength and a generator to the
            same shape; values outside [0, 255] are cut off afterwards.
    """

    kind: str
    unit: str
    strengths: tuple[float, ...]
    change: Change

    def setting(self, strength: float) -> str:
        """Return a strength in words, such as "sigma 2 px"."""
        return self.unit.format(f"{strength:g}")

    def apply(self, image: NDArray[Any], strength: float, *, seed: int | Sequence[int]) -> Grey:
        """Return the changed picture, `(height, width, channels)` float32 in [0, 255]."""
        grey = np.ascontiguousarray(image[..., 0], np.float32)
        changed = self.change(grey, strength, np.random.default_rng(seed))
        changed = np.clip(changed, 0, 255).astype(np.float32)
        return np.repeat(changed[..., np.newaxis], image.shape[-1], axis=2)

    def apply_to_all(
        self, images: NDArray[Any], strength: float, *, seeds: Sequence[Sequence[int]]
    ) -> Grey:
        """Return the changed pictures, `(batch, height, width, channels)`, each with its seed."""
        pairs = zip(images, seeds, strict=True)
        return np.stack(
            [*in_threads(lambda pair: self.apply(pair[0], strength, seed=pair[1]), pairs)]
        )


def _brightness(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    return image + np.float32(strength)


def _contrast(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    middle = image.mean()
    return middle + (image - middle) * np.float32(strength)


def _blur(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    sigma = strength * min(image.shape) / _BASE_SIDE
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _noise(image: Grey, strength: float, rng: np.random.Generator) -> Grey:
    return image + np.float32(strength) * rng.standard_normal(image.shape, np.float32)


def _jpeg(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    pixels = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    _done, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(strength)])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32)


def _resolution(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    height, width = image.shape
    small = (max(1, round(width * strength)), max(1, round(height * strength)))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR))


def _rotation(image: Grey, strength: float, rng: np.random.Generator) -> Grey:
    height, width = image.shape
    side = 1.0 if rng.random() < 0.5 else -1.0
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), side * strength, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.float32)


def _cropping(image: Grey, strength: float, _: np.random.Generator) -> Grey:
    height, width = image.shape
    top, left = round(height * strength / 2), round(width * strength / 2)
    inside = image[top : height - top, left : width - left]
    return np.asarray(cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR))


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("darker", "{} grey values", (-15, -30, -60), _brightness),
    Corruption("brighter", "+{} grey values", (15, 30, 60), _brightness),
    Corruption("contrast", "x {}", (0.8, 0.6, 0.4), _contrast),
    Corruption("blur", "sigma {} px", (1, 2, 4), _blur),
    Corruption("noise", "sigma {} grey values", (5, 10, 20), _noise),
    Corruption("JPEG", "quality {}", (50, 20, 10), _jpeg),
    Corruption("resolution", "x {}", (0.5, 0.25, 0.125), _resolution),
    Corruption("rotation", "{} degrees", (5, 10, 20), _rotation),
    Corruption("cropping", "{} of each side", (0.1, 0.2, 0.3), _cropping),
)
"""What `measure_shift` does to images by default: nine changes in three strengths each."""
