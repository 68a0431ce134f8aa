"""The lesions of the phantoms: what each class adds to the attenuation, and where."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.phantom_anatomy import WALL_X, WALL_Y
from keras_cxr.data.phantom_canvas import Floats, Frame, Points, Rng, ribbon, step

Lesion = tuple[Floats, NDArray[np.bool_]]


def _normal(frame: Frame, lung: Floats, rng: Rng) -> Lesion:
    return np.zeros(frame.size, np.float32), np.zeros(frame.size, np.bool_)


def _finish(frame: Frame, field: Floats, lung: Floats) -> Lesion:
    """Keep a lesion inside the lungs; its mask is where it adds a third of its height."""
    inside = field * lung
    return inside.astype(np.float32), inside > 0.33 * max(float(inside.max()), 0.06)


def _blob(
    frame: Frame, rng: Rng, centre: Points, radius: float, *, softness: float, raggedness: float
) -> Floats:
    """Draw a lump with a ragged edge: about 1 inside, 0 outside."""
    distance = frame.ellipse(
        centre, (radius * rng.uniform(1.0, 1.3), radius * rng.uniform(0.8, 1.0)), rng.uniform(0, 3)
    )
    return step((distance + raggedness * frame.cloud(rng, 14) - 1) / softness)


def _consolidation(frame: Frame, lung: Floats, rng: Rng) -> Lesion:
    side = -1 if rng.random() < 0.5 else 1
    centre = (side * rng.uniform(0.36, 0.58), rng.uniform(-0.42, 0.30))
    field = _blob(frame, rng, [*centre], rng.uniform(0.16, 0.22), softness=0.16, raggedness=0.2)
    texture = 1 + 0.08 * frame.cloud(rng, 30)
    return _finish(frame, field * texture * rng.uniform(0.45, 0.62), lung)


def _ground_glass(frame: Frame, lung: Floats, rng: Rng) -> Lesion:
    field = np.zeros(frame.size, np.float32)
    for side in (-1, 1):
        for low in np.linspace(-0.05, 0.42, rng.integers(2, 4)):
            y = low + rng.uniform(-0.06, 0.06)
            x = side * (float(np.interp(y, WALL_Y, WALL_X)) - rng.uniform(0.08, 0.20))
            patch = _blob(
                frame, rng, [x, y], rng.uniform(0.12, 0.17), softness=0.22, raggedness=0.14
            )
            field = np.maximum(field, patch * rng.uniform(0.30, 0.42))
    return _finish(frame, field * (1 + 0.10 * frame.cloud(rng, 40)), lung)


def _interstitial(frame: Frame, lung: Floats, rng: Rng) -> Lesion:
    streaks, nodules, t = [], [], np.linspace(0, 1, 6)
    for side in (-1, 1):
        for _ in range(rng.integers(20, 28)):
            angle, near, reach = (
                rng.uniform(-1.3, 1.3),
                rng.uniform(0.03, 0.12),
                rng.uniform(0.14, 0.34),
            )
            along = (near + reach * t)[:, None] * (side * np.cos(angle), np.sin(angle))
            bend = rng.uniform(-0.03, 0.03) * np.sin(np.pi * t)
            line = along + (side * 0.18, 0.0) + bend[:, None] * (-np.sin(angle), np.cos(angle))
            streaks.append(ribbon(line, rng.uniform(0.012, 0.020)))
        for _ in range(rng.integers(10, 15)):
            angle, reach, radius = (
                rng.uniform(-1.3, 1.3),
                rng.uniform(0.1, 0.44),
                rng.uniform(0.014, 0.026),
            )
            turn = np.linspace(0, 2 * np.pi, 12)
            centre = (side * (0.18 + reach * np.cos(angle)), reach * np.sin(angle))
            nodules.append(centre + radius * np.stack([np.cos(turn), np.sin(turn)], 1))
    field = frame.blur(np.maximum(0.8 * frame.fill(*streaks), frame.fill(*nodules)), 0.008)
    lesion, _ = _finish(frame, field * rng.uniform(0.38, 0.50), lung)
    region = frame.blur((field > 0.3).astype(np.float32), 0.02) > 0.35  # streaks and between
    return lesion, region


LESIONS: dict[str, Callable[[Frame, Floats, Rng], Lesion]] = {
    "COVID": _ground_glass,
    "Lung_Opacity": _consolidation,
    "Normal": _normal,
    "Viral Pneumonia": _interstitial,
}
