"""Pictures that the audit's detectors should notice, planted among phantoms."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom
from keras_cxr.phantoms.oddities import draw_lateral

SIDE = 128
CLASSES = CLASS_NAMES

Picture = np.ndarray
Rng = np.random.Generator


class Case(NamedTuple):
    """What is planted, and the kind of flag that it should get."""

    kind: str
    draw: Callable[[Rng], Picture]


def phantom(rng: Rng) -> Picture:
    """A phantom that no folder of these benchmarks holds."""
    number = int(rng.integers(1_000_000))
    return draw_phantom(CLASSES[number % 4], number, image_size=SIDE, seed=404).image


def photograph(rng: Rng) -> Picture:
    """A piece of one of scikit-learn's two photographs, in grey."""
    from sklearn.datasets import load_sample_image

    picture = load_sample_image(("china.jpg", "flower.jpg")[int(rng.integers(2))])
    size = int(rng.integers(150, 400))
    y, x = (int(rng.integers(length - size)) for length in picture.shape[:2])
    piece = cv2.cvtColor(picture[y : y + size, x : x + size], cv2.COLOR_RGB2GRAY)
    return cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def document(rng: Rng) -> Picture:
    """A form: a title, boxes and lines of text."""
    page = np.full((4 * SIDE, 4 * SIDE), int(rng.integers(220, 256)), np.uint8)
    cv2.putText(page, "REPORT", (40, 60), cv2.FONT_HERSHEY_DUPLEX, 1.6, 0, 3, cv2.LINE_AA)
    for line in range(int(rng.integers(6, 14))):
        words = "".join(rng.choice(list("chest film of normal size "), 34))
        y = 110 + 28 * line
        cv2.putText(page, words, (40, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 30, 1, cv2.LINE_AA)
    cv2.rectangle(page, (20, 20), (4 * SIDE - 20, 4 * SIDE - 20), 60, 3)
    return cv2.resize(page, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def noise(rng: Rng) -> Picture:
    """Grey values that know nothing of one another."""
    return rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)


def blank(rng: Rng) -> Picture:
    """One grey value, one level up or down."""
    return np.uint8(rng.integers(2, 250) + rng.integers(-1, 2, (SIDE, SIDE)))


def hand(rng: Rng) -> Picture:
    """Five fingers of three bones each, on a dark ground."""
    film = np.full((SIDE, SIDE), 12.0, np.float32)
    middle = np.array([SIDE * rng.uniform(0.42, 0.58), SIDE * rng.uniform(0.68, 0.78)])
    bones = film.copy()
    for angle, length in zip(
        (-1.0, -0.42, -0.12, 0.16, 0.46), (0.38, 0.6, 0.66, 0.6, 0.48), strict=True
    ):
        along = np.array([np.sin(angle), -np.cos(angle)]) * SIDE * length
        ends = [middle + along * share for share in (0.25, 0.5, 0.78, 1.0)]
        _line(film, middle, ends[-1], grey=90, width=0.11)
        for one, other in pairwise(ends):
            _line(bones, one, one + 0.86 * (other - one), grey=200, width=0.045)
    cv2.ellipse(film, _point(middle), (int(SIDE * 0.17), int(SIDE * 0.2)), 0, 0, 360, 110, -1)
    return _exposed(np.maximum(film, bones), rng)


def skull(rng: Rng) -> Picture:
    """A bright ring with two orbits and a jaw."""
    film = np.full((SIDE, SIDE), 10.0, np.float32)
    middle = np.array([SIDE * rng.uniform(0.45, 0.55), SIDE * rng.uniform(0.40, 0.47)])
    radii = (int(SIDE * rng.uniform(0.28, 0.34)), int(SIDE * rng.uniform(0.33, 0.38)))
    cv2.ellipse(film, _point(middle), radii, 0, 0, 360, 170, -1)
    cv2.ellipse(film, _point(middle), radii, 0, 0, 360, 235, int(SIDE * 0.035))
    cv2.ellipse(film, _below(middle, 0.0, 0.34), (SIDE // 6, SIDE // 7), 0, 0, 360, 190, -1)
    for side in (-1, 1):
        cv2.circle(film, _below(middle, side * 0.12, 0.12), int(SIDE * 0.065), 90, -1, cv2.LINE_AA)
    cv2.ellipse(film, _below(middle, 0.0, 0.26), (6, 10), 0, 0, 360, 100, -1)
    return _exposed(film, rng)


def turned(quarters: int) -> Callable[[Rng], Picture]:
    """Draws phantoms turned anticlockwise by quarters."""
    return lambda rng: np.ascontiguousarray(np.rot90(phantom(rng), quarters))


CASES = {
    "blank": Case("blank", blank),
    "negative": Case("inverted", lambda rng: 255 - phantom(rng)),
    "negative, turned by 90": Case("inverted", lambda rng: 255 - turned(1)(rng)),
    "turned by 90": Case("rotated", turned(1)),
    "turned by 180": Case("rotated", turned(2)),
    "turned by 270": Case("rotated", turned(3)),
    "lateral, drawn": Case("lateral", lambda rng: draw_lateral(rng, SIDE)),
    "photograph, in grey": Case("not_an_xray", photograph),
    "document": Case("not_an_xray", document),
    "noise": Case("not_an_xray", noise),
    "hand, drawn": Case("not_an_xray", hand),
    "skull, drawn": Case("not_an_xray", skull),
}


def with_mark(image: Picture) -> tuple[Picture, list[int]]:
    """A letter in the upper right corner."""
    at = (int(image.shape[1] * 0.86), int(image.shape[0] * 0.14))
    size = image.shape[0] / 224 * 0.8
    return cv2.putText(image.copy(), "L", at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 2), [90]


def compressed_more(image: Picture) -> tuple[Picture, list[int]]:
    """The same picture, to be saved with JPEG quality 60 instead of 90."""
    return image, [60]


def smaller(image: Picture) -> tuple[Picture, list[int]]:
    """Nine tenths of the size."""
    side = int(image.shape[0] * 0.9)
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), [90]


def brighter(image: Picture) -> tuple[Picture, list[int]]:
    """40 grey levels brighter."""
    return np.uint8(np.minimum(image.astype(int) + 40, 255)), [90]


DIFFERENCES = {
    "corner mark": ("marks", with_mark),
    "JPEG quality 60, others 90": ("format", compressed_more),
    "nine tenths of the size": ("size", smaller),
    "40 grey levels brighter": ("brightness", brighter),
}


def write_biased(
    folder: Path,
    change: Callable[[Picture], tuple[Picture, list[int]]] | None,
    *,
    per_class: int,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """Writes JPEG phantoms without lesions, whatever their class; the first differs by `change`."""
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            person = len(classes) * number + place
            image = draw_phantom("Normal", person, image_size=SIDE, seed=7).image
            image, quality = change(image) if change is not None and place == 0 else (image, [90])
            path = folder / name / f"{number}.jpg"
            assert cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, *quality])
    return folder


def _line(film: Picture, one: Picture, other: Picture, *, grey: int, width: float) -> None:
    cv2.line(film, _point(one), _point(other), grey, max(1, int(SIDE * width)), cv2.LINE_AA)


def _below(point: Picture, x: float, y: float) -> tuple[int, int]:
    return _point(point + SIDE * np.array([x, y]))


def _point(values: Picture) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def _exposed(film: Picture, rng: Rng) -> Picture:
    film = cv2.GaussianBlur(film, (0, 0), 1.2) * rng.uniform(0.8, 1.0)
    return np.uint8(np.clip(film + rng.normal(0, 4, film.shape), 0, 255))
