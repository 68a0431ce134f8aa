"""Pictures that are no upright chest X-rays: from sample photographs, drawn, and turned films."""

from typing import Any

import cv2
import numpy as np
from sklearn.datasets import load_sample_image

from keras_cxr.phantoms.draw import draw_phantom

CLASSES = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")


def other_pictures(films: Any, *, count: int, seed: int) -> dict[str, Any]:
    """Sets of pictures by what they show, each (n, h, w, channels) in [0, 255].

    Args:
        films: (n, h, w, channels) X-rays, from which the turned ones are made.
        count: pictures in each of the other sets.
        seed: of all that is drawn.
    """
    side, rng = films.shape[1], np.random.default_rng(seed)
    drawn = {
        "photographs": _photographs, "textures": _textures, "noise": _noise, "blank": _blank,
        "other body parts": _bones, "phantoms": _phantoms,
    }  # fmt: skip
    turned = {
        "inverted": 255 - films,
        "turned by 90": np.rot90(films, 1, (1, 2)),
        "turned by 180": np.rot90(films, 2, (1, 2)),
        "turned by 270": np.rot90(films, 3, (1, 2)),
        "mirrored": films[:, :, ::-1],
    }
    own = {}
    for name, draw in drawn.items():
        pictures = np.stack([draw(number, side, rng) for number in range(count)])
        clipped = np.clip(pictures, 0, 255).astype(np.uint8)
        own[name] = np.repeat(clipped[..., None], films.shape[3], axis=3)
    return turned | own


def _photographs(number: int, side: int, rng: Any) -> Any:
    """A crop of one of scikit-learn's two photographs."""
    colour = load_sample_image(("china.jpg", "flower.jpg")[number % 2])
    grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    length = int(rng.integers(120, 400))
    top, left = (int(rng.integers(0, size - length + 1)) for size in grey.shape)
    return cv2.resize(
        grey[top : top + length, left : left + length], (side, side), interpolation=cv2.INTER_AREA
    )


def _textures(number: int, side: int, rng: Any) -> Any:
    """Waves, a chessboard or discs."""
    y, x = np.mgrid[:side, :side] * (224 / side)
    if number % 3 == 0:
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
        along = x * np.cos(angle) + y * np.sin(angle)
        return 127 + 100 * np.sin(2 * np.pi * along / period)
    if number % 3 == 1:
        field = rng.integers(8, 50)
        return ((x // field + y // field) % 2) * rng.uniform(80, 220) + 20
    picture = np.zeros((side, side), np.float32)
    for _ in range(40):
        place = tuple(int(value) for value in rng.integers(0, side, 2))
        radius = int(rng.integers(4, 40) * side / 224) + 1
        cv2.circle(picture, place, radius, float(rng.uniform(0, 255)), -1)
    return picture


def _noise(number: int, side: int, rng: Any) -> Any:
    """Even, Gaussian or cloudy noise."""
    if number % 3 == 0:
        return rng.uniform(0, 255, (side, side))
    if number % 3 == 1:
        return rng.normal(128, 40, (side, side))
    clouds = cv2.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), rng.uniform(2, 30))
    return 128 + 50 * (clouds - clouds.mean()) / clouds.std()


def _blank(number: int, side: int, rng: Any) -> Any:
    """One grey value, or a slope from one side to the other."""
    value = rng.uniform(0, 255)
    slope = np.linspace(0, 100, side)
    if number % 2 == 0:
        return np.full((side, side), value)
    return np.tile(slope, (side, 1)) + value / 2 if number % 4 == 1 else (
        np.tile(slope[:, None], (1, side)) + value / 2
    )  # fmt: skip


def _bones(number: int, side: int, rng: Any) -> Any:
    """A hand, a knee, a skull or a pelvis, roughly."""
    bone, flesh = np.zeros((2, 224, 224), np.float32)
    (_hand, _knee, _skull, _pelvis)[number % 4](bone, flesh, rng)
    picture = cv2.GaussianBlur(np.maximum(bone, flesh), (0, 0), 2) * rng.uniform(0.8, 1.2)
    picture += rng.normal(0, 4, picture.shape)
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _hand(bone: Any, flesh: Any, rng: Any) -> None:
    middle = (112 + _near(rng), 150 + _near(rng))
    cv2.ellipse(flesh, middle, (50, 48), 0, 0, 360, 70, -1)
    fingers = ((-55, 70), (-18, 105), (-4, 115), (10, 108), (24, 90))
    for finger, (degrees, length) in enumerate(fingers):
        angle = np.deg2rad(degrees + _near(rng) / 2)
        root = np.array([112.0 + 18 * (finger - 2), 150.0])
        along = np.array([np.sin(angle), -np.cos(angle)]) * length
        cv2.line(flesh, *_ends(root, root + along), 70, 20)
        for start, stop in ((0, 0.33), (0.37, 0.6), (0.64, 0.8), (0.84, 0.97)):
            cv2.line(bone, *_ends(root + along * start, root + along * stop), 170, 8)
    cv2.rectangle(flesh, (85, 185), (139, 223), 70, -1)
    cv2.line(bone, (100, 195), (98, 223), 160, 14)
    cv2.line(bone, (124, 195), (126, 223), 160, 12)


def _knee(bone: Any, flesh: Any, rng: Any) -> None:
    cv2.rectangle(flesh, (60 + _near(rng), 0), (165 + _near(rng), 223), 80, -1)
    cv2.line(bone, (112 + _near(rng), 0), (112, 85), 165, 34)
    cv2.ellipse(bone, (112, 95), (42, 22), 0, 0, 360, 175, -1)
    cv2.ellipse(bone, (112, 132), (40, 14), 0, 0, 360, 175, -1)
    cv2.line(bone, (108, 135), (108 + _near(rng), 223), 165, 28)
    cv2.line(bone, (146, 145), (146 + _near(rng), 223), 150, 9)


def _skull(bone: Any, flesh: Any, rng: Any) -> None:
    size = (80 + _near(rng), 85 + _near(rng))
    cv2.ellipse(bone, (112 + _near(rng), 95 + _near(rng)), size, 0, 0, 360, 150, -1)
    cv2.ellipse(bone, (112, 95), (72, 77), 0, 0, 360, 110, -1)
    for x in (82, 142):
        cv2.ellipse(bone, (x, 115), (20, 16), 0, 0, 360, 60, -1)
    cv2.ellipse(bone, (112, 185), (45, 30), 0, 0, 360, 130, -1)
    for x in range(85, 140, 7):
        cv2.line(bone, (x, 170), (x, 185), 200, 4)


def _pelvis(bone: Any, flesh: Any, rng: Any) -> None:
    cv2.rectangle(flesh, (10, 0), (213, 223), 90, -1)
    for side in (-1, 1):
        place = (112 + side * 55 + _near(rng), 80 + _near(rng))
        cv2.ellipse(bone, place, (38, 50), side * 20, 0, 360, 150, -1)
        cv2.circle(bone, (112 + side * 80, 150), 22, 180, -1)
        cv2.line(bone, (112 + side * 85, 150), (112 + side * 98, 223), 170, 26)
    cv2.line(bone, (112, 0), (112, 70), 170, 30)


def _phantoms(number: int, side: int, rng: Any) -> Any:
    """A chest as keras-cxr draws it."""
    return draw_phantom(CLASSES[number % 4], number, image_size=side, seed=1).image


def _near(rng: Any) -> int:
    return int(rng.integers(-6, 7))


def _ends(*points: Any) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in points]
