"""Drawn pictures that are not frontal chest films: laterals, and what is no X-ray at all.

`find_flags` learns from them what else there may be in a folder. They are drawings: what is
recognised among them says little about real ones (docs/detectors.md).
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.phantoms.canvas import Floats, Frame, Rng, ribbon, smooth

SIDE = 64

# A chest from its side, looking left: x forwards is negative. The mirror image looks right.
_TRUNK = [
    (-0.10, -1.6), (-0.16, -0.86), (-0.42, -0.66), (-0.60, -0.30), (-0.66, 0.10), (-0.60, 0.50),
    (-0.58, 1.6), (0.62, 1.6), (0.66, 0.50), (0.74, 0.05), (0.68, -0.40), (0.44, -0.74),
    (0.24, -0.88), (0.22, -1.6),
]  # fmt: skip
_LUNGS = [
    (0.02, -0.70), (-0.22, -0.58), (-0.42, -0.28), (-0.50, 0.06), (-0.46, 0.30), (-0.20, 0.26),
    (0.08, 0.34), (0.30, 0.56), (0.50, 0.70), (0.56, 0.30), (0.58, -0.10), (0.48, -0.45),
    (0.24, -0.70),
]  # fmt: skip
_HEART = [
    (-0.14, -0.16), (-0.34, 0.00), (-0.46, 0.24), (-0.30, 0.44), (0.02, 0.44), (0.16, 0.24),
    (0.12, 0.00),
]  # fmt: skip


def draw_lateral(rng: Rng, side: int = SIDE) -> NDArray[np.uint8]:
    """Draws a chest film from the side: one dark field, spine behind it, heart before it.

    Args:
        rng: decides everything else, such as the side that the patient looks to.
        side: pixels a side.

    Returns:
        (side, side) uint8.
    """
    frame = Frame((side, side), rng)
    ahead = rng.choice((-1.0, 1.0))
    turn = np.array([-ahead * rng.uniform(0.85, 1.2), 1.0])

    def shape(points: object, jitter: float) -> NDArray[np.float64]:
        moved = np.asarray(points, float) + rng.uniform(-jitter, jitter, (1, 2))
        return smooth(moved * -turn * (1.0, -1.0))

    body = frame.fill(shape(_TRUNK, 0.02))
    depth = cv2.distanceTransform((body > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / frame.scale
    total = (0.3 + 0.8 * (1 - np.exp(-depth / 0.15))) * body
    total -= rng.uniform(0.45, 0.7) * frame.blur(frame.fill(shape(_LUNGS, 0.04)), 0.03) * body
    total += rng.uniform(0.25, 0.45) * frame.blur(frame.fill(shape(_HEART, 0.05)), 0.04)
    spine = np.array([(0.30, -0.9), (0.46, -0.5), (0.54, -0.1), (0.50, 0.3), (0.40, 0.8)])
    spine_turned = spine * -turn * (1.0, -1.0)
    total += rng.uniform(0.1, 0.3) * frame.blur(frame.fill(ribbon(spine_turned, 0.17)), 0.03)
    for number in range(7):  # ribs run backwards and up
        y, t = -0.55 + 0.15 * number, np.linspace(0, 1, 8)
        rib = np.stack([-0.5 + 1.05 * t, y + 0.22 - 0.30 * t + 0.08 * np.sin(3 * t)], 1)
        total += 0.07 * frame.blur(frame.fill(ribbon(rib * -turn * (1.0, -1.0), 0.05)), 0.01)
    if rng.random() < 0.7:  # raised arms
        arm = np.array([(0.1, -0.75), (-0.3, -1.0), (-0.8, -1.3)]) * -turn * (1.0, -1.0)
        total += 0.35 * frame.blur(frame.fill(ribbon(arm, 0.35)), 0.03)
    return _film(frame, total, rng)


def draw_other(rng: Rng, side: int = SIDE) -> NDArray[np.uint8]:
    """Draws a picture that is no chest film: noise, clouds, leaves, a page of text, or a limb.

    Args:
        rng: decides everything.
        side: pixels a side.

    Returns:
        (side, side) uint8.
    """
    kinds: tuple[Callable[[Rng, int], Floats], ...] = (_noise, _clouds, _leaves, _text, _limb)
    picture = kinds[int(rng.integers(len(kinds)))](rng, side)
    picture = (picture - picture.min()) / max(float(np.ptp(picture)), 1e-6)
    low, high = rng.uniform(0, 0.3), rng.uniform(0.6, 1.0)
    return np.rint(255 * (low + (high - low) * picture)).astype(np.uint8)


def _film(frame: Frame, total: Floats, rng: Rng) -> NDArray[np.uint8]:
    """Return attenuation as grey values, by the film curve of the phantoms."""
    value = (1 - np.exp(-1.35 * np.maximum(total, 0))) ** rng.uniform(0.8, 1.3)
    value = value + 0.012 * rng.standard_normal(frame.size)
    return np.rint(255 * np.clip(value, 0, 1)).astype(np.uint8)


def _noise(rng: Rng, side: int) -> Floats:
    return rng.standard_normal((side, side))


def _clouds(rng: Rng, side: int) -> Floats:
    """Noise whose strength falls with frequency f as 1 / f^a, as in landscapes (a about 1)."""
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    fall = (frequencies + 1 / side) ** rng.uniform(0.5, 2.5)
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal((side, side))) / fall).real


def _leaves(rng: Rng, side: int) -> Floats:
    """Discs and boxes that hide one another: edges like those of things in photographs."""
    picture = np.full((side, side), rng.uniform(0, 255), np.float32)
    for _ in range(int(rng.integers(3, 80))):
        x, y = (int(value) for value in rng.integers(0, side, 2))
        size, grey = int(side * rng.uniform(0.03, 0.35)), float(rng.uniform(0, 255))
        if rng.random() < 0.5:
            cv2.circle(picture, (x, y), size, grey, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(
                picture, (x, y), (x + size, y + int(size * rng.uniform(0.3, 3))), grey, -1
            )
    return picture


def _text(rng: Rng, side: int) -> Floats:
    page, size = np.full((side * 4, side * 4), 255, np.uint8), rng.uniform(0.3, 0.9)
    for line in range(10, side * 4, int(18 * size) + 6):
        letters = "".join(rng.choice(list("abcdefghijklmn opqrstuvwxyz"), int(rng.integers(5, 60))))
        cv2.putText(page, letters, (8, line), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)
    small = cv2.resize(page, (side, side), interpolation=cv2.INTER_AREA)
    return small if rng.random() < 0.7 else 255.0 - small


def _limb(rng: Rng, side: int) -> Floats:
    """One or two long bones in soft tissue on a dark ground."""
    frame = Frame((side, side), rng)
    t = np.linspace(-1.6, 1.6, 9)
    line = np.stack([0.1 * np.sin(t + rng.uniform(0, 6)), t], 1)
    total = 0.5 * frame.blur(frame.fill(ribbon(line, rng.uniform(0.5, 0.9))), 0.03)
    for shift in (-0.12, 0.12) if rng.random() < 0.5 else (0.0,):
        bone = ribbon(line + np.array([shift, 0.0]), rng.uniform(0.12, 0.22))
        total += 0.7 * frame.blur(frame.fill(bone), 0.02)
    picture = _film(frame, total, rng).astype(np.float64)
    return np.rot90(picture) if rng.random() < 0.5 else picture
