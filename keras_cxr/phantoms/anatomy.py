"""The healthy chest of a phantom: body, lungs, heart, bones, vessels, and the film.

A picture is a sum of attenuations (soft tissue, minus the air of the lungs, plus bones and
vessels) seen through a film curve: value = 1 - exp(-1.35 * attenuation).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.phantoms.canvas import Floats, Frame, Rng, ribbon, smooth, step

# Half of each outline, x measured from the midline; the mirror image is the other half.
_BODY_HALF = [
    (0.19, -1.6), (0.20, -0.98), (0.28, -0.88), (0.62, -0.78), (0.95, -0.66), (1.12, -0.45),
    (1.14, -0.10), (0.98, 0.02), (0.90, 0.20), (0.89, 0.60), (0.92, 1.6),
]  # fmt: skip
_LUNG_WALL = [
    (0.20, -0.69), (0.30, -0.75), (0.45, -0.67), (0.58, -0.46), (0.66, -0.20), (0.72, 0.10),
    (0.75, 0.40), (0.75, 0.57),
]  # fmt: skip
_RIGHT_INNER = [
    (0.62, 0.44), (0.42, 0.36), (0.25, 0.40), (0.17, 0.46), (0.16, 0.25), (0.17, 0.02),
    (0.12, -0.22), (0.12, -0.48),
]  # fmt: skip
_LEFT_INNER = [
    (0.64, 0.50), (0.52, 0.44), (0.44, 0.43), (0.42, 0.27), (0.31, 0.08), (0.19, -0.06),
    (0.15, -0.20), (0.17, -0.36), (0.12, -0.48),
]  # fmt: skip
_HEART = [
    (-0.12, -0.75), (0.12, -0.75), (0.13, -0.48), (0.18, -0.38), (0.16, -0.20), (0.20, -0.06),
    (0.32, 0.08), (0.43, 0.27), (0.45, 0.46), (0.20, 0.56), (-0.16, 0.52), (-0.18, 0.25),
    (-0.18, 0.05), (-0.13, -0.20), (-0.13, -0.48),
]  # fmt: skip
WALL_Y, WALL_X = (-0.85, -0.66, -0.46, -0.2, 0.1, 0.4, 0.9), (0.3, 0.5, 0.63, 0.7, 0.76, 0.8, 0.8)


def lung_outline(side: int, width: float, rng: Rng) -> NDArray[np.float64]:
    """Outline one lung without the part behind the heart; side -1 is left in the picture."""
    points = np.array(_LUNG_WALL + (_RIGHT_INNER if side < 0 else _LEFT_INNER))
    depth = rng.uniform(-0.06, 0.05)  # how deeply the patient has breathed in
    points[6:-5, 1] += depth
    points += rng.uniform(-0.012, 0.012, points.shape)
    return points * (side * width, 1.0)


def draw_anatomy(frame: Frame, lung: Floats, width: float, rng: Rng) -> Floats:
    """Add up the attenuation of everything that is not a lesion."""
    half = np.array(_BODY_HALF) * (width * rng.uniform(0.97, 1.08), 1.0)
    body = frame.fill(smooth(np.concatenate([half, half[::-1] * (-1, 1)])))
    depth = cv2.distanceTransform((body > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / frame.scale
    total = (0.25 + 0.75 * (1 - np.exp(-depth / 0.10))) * body
    heart = frame.fill(smooth(np.array(_HEART) * (rng.uniform(0.9, 1.1), 1.0)))
    belly = step((0.50 - frame.y) / 0.06)
    total += 0.34 * frame.blur(heart, 0.025) + 0.30 * belly * body
    total -= rng.uniform(0.66, 0.76) * frame.blur(lung, 0.012) * np.minimum(1, total)
    total += 0.13 * frame.blur(frame.fill(*_vessels(rng)), 0.006) * (0.15 + lung)
    total += _bones(frame, rng, width) * body
    for _ in range(3):  # soft shadows of skin, muscle and clothes: brightness alone tells nothing
        centre, radius = rng.uniform((-0.7, -0.6), (0.7, 0.5)), rng.uniform(0.22, 0.45)
        shadow = np.exp(-(frame.ellipse(centre, (radius, radius)) ** 2))
        total += rng.uniform(-0.06, 0.30) * shadow * body
    windpipe = np.exp(-((frame.x / 0.055) ** 2)) * step((frame.y + 0.30) / 0.05)
    total -= 0.22 * windpipe
    if rng.random() < 0.5:  # air in the stomach
        bubble = (rng.uniform(0.35, 0.5), rng.uniform(0.62, 0.72))
        total -= 0.22 * np.exp(-(frame.ellipse(bubble, (0.14, 0.08)) ** 4))
    if rng.random() < 0.5:  # breast shadows
        for side in (-1, 1):
            breast = (side * rng.uniform(0.42, 0.5), rng.uniform(0.22, 0.34))
            edge = frame.ellipse(breast, (0.34, 0.30))
            total += 0.09 * step((edge - 1) / 0.05)
    return total.astype(np.float32)


def _bones(frame: Frame, rng: Rng, width: float) -> Floats:
    """Draw ribs, collar bones and spine: their attenuation."""
    back, front, collar = [], [], []
    gap, first, t = rng.uniform(0.145, 0.165), rng.uniform(-0.92, -0.86), np.linspace(0, 1, 16)
    for side in (-1, 1):
        for number in range(10):
            y = first + gap * number
            wall = float(np.interp(y + 0.12, WALL_Y, WALL_X)) * width
            x = 0.06 + (wall - 0.06) * np.sin(t * np.pi / 2)
            line = np.stack([side * x, y - 0.05 * np.sin(np.pi * t) + 0.24 * t**2], 1)
            back.append(ribbon(line, 0.062))
            if 1 <= number <= 6:
                x = wall - (wall - 0.30) * np.sin(t * np.pi / 2)
                line = np.stack([side * x, y + 0.24 + 0.30 * t**1.3], 1)
                front.append(ribbon(line, 0.066 + 0.015 * t))
        tilt, lift = rng.uniform(0.04, 0.16), rng.uniform(-0.62, -0.54)
        line = np.stack(
            [side * (0.07 + 0.66 * t), lift - tilt * t + 0.04 * np.sin(2 * np.pi * t)], 1
        )
        collar.append(ribbon(line, 0.075 - 0.03 * np.sin(np.pi * t)))
    bones = 0.13 * frame.fill(*back) + 0.07 * frame.outline(*back) + 0.07 * frame.fill(*front)
    bones += 0.16 * frame.fill(*collar) + 0.08 * frame.outline(*collar)
    column = step((np.abs(frame.x) - 0.085) / 0.012)
    discs = 0.75 + 0.25 * np.cos((frame.y - first) * (2 * np.pi / gap))
    return frame.blur(bones.astype(np.float32), 0.007) + (0.13 * column * discs).astype(np.float32)


def _vessels(rng: Rng) -> list[NDArray[np.float64]]:
    """Draw the vessels that fan out from both hila, thinner towards the wall."""
    ribbons, t = [], np.linspace(0, 1, 8)
    for side in (-1, 1):
        for angle in rng.uniform(-1.35, 1.25, 22):
            reach, start = (
                rng.uniform(0.20, 0.52),
                np.array([side * 0.17, rng.uniform(-0.12, 0.10)]),
            )
            turn = angle + rng.uniform(-0.5, 0.5) * t
            path = np.stack([side * np.cos(turn), np.sin(turn)], 1) * (t * reach)[:, None]
            ribbons.append(ribbon(start + path, rng.uniform(0.025, 0.05) * (1.05 - t)))
    return ribbons


def expose(frame: Frame, attenuation: Floats, rng: Rng) -> NDArray[np.uint8]:
    """Turn attenuation into grey values: film curve, uneven exposure, blur, noise, marker."""
    uneven = rng.uniform(-0.06, 0.06) * frame.x + rng.uniform(-0.06, 0.06) * frame.y
    value = 1 - np.exp(-1.35 * np.maximum(attenuation + uneven, 0))
    value = frame.blur(value.astype(np.float32), rng.uniform(0.004, 0.008))
    value = np.clip(value, 0, 1) ** rng.uniform(0.85, 1.25)
    value = rng.uniform(0.0, 0.06) + rng.uniform(0.82, 1.0) * value
    grain = rng.standard_normal(frame.size, np.float32) * np.float32(rng.uniform(0.008, 0.022))
    value = value + grain + 0.006 * frame.cloud(rng, 30)
    if rng.random() < 0.6:  # the side marker of the film
        height, width = frame.size
        at = (int(rng.uniform(0.04, 0.12) * width), int(rng.uniform(0.08, 0.16) * height))
        text, size = np.zeros(frame.size, np.uint8), min(frame.size) / 224 * rng.uniform(0.4, 0.7)
        cv2.putText(text, "R", at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
        value = np.maximum(value, text.astype(np.float32) / 255 * 0.95)
    return np.round(np.clip(value, 0, 1) * 255).astype(np.uint8)
