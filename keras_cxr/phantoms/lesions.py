"""The lesions of the phantoms: what each class adds to the attenuation, and where.

Each kind has a texture of its own (fluffy, net-like, streaky), since a network that may go by
brightness alone also learns from clean lungs, and its heat maps then show those. The textures
were chosen from seven drafts while looking at LMAP3's Grad-CAM maps: that these maps meet the
lesions is therefore a working example, not independent evidence for the method.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_cxr.phantoms.anatomy import WALL_X, WALL_Y
from keras_cxr.phantoms.canvas import Floats, Frame, Points, Rng, ribbon, step

Lesion = tuple[Floats, NDArray[np.bool_]]


# Each function returns what the lesions add, before the lungs cut it out, and where they are.


def _normal(frame: Frame, rng: Rng) -> Lesion:
    return np.zeros(frame.size, np.float32), np.zeros(frame.size, np.bool_)


def _blob(
    frame: Frame, rng: Rng, centre: Points, radius: float, *, softness: float, raggedness: float
) -> Floats:
    """Draw a lump with a ragged edge: about 1 inside, 0 outside."""
    distance = frame.ellipse(
        centre, (radius * rng.uniform(1.0, 1.3), radius * rng.uniform(0.8, 1.0)), rng.uniform(0, 3)
    )
    return step((distance + raggedness * frame.cloud(rng, 14) - 1) / softness)


def _consolidation(frame: Frame, rng: Rng) -> Lesion:
    field = np.zeros(frame.size, np.float32)
    for _ in range(rng.integers(1, 4)):
        side = -1 if rng.random() < 0.5 else 1
        centre = (side * rng.uniform(0.32, 0.50), rng.uniform(-0.40, 0.28))
        focus = _blob(
            frame, rng, [*centre], rng.uniform(0.18, 0.25), softness=0.14, raggedness=0.18
        )
        field = np.maximum(field, focus)
    fluff = step(-3 * frame.cloud(rng, 34))  # acini filled with fluid, between others with air
    return field * (0.45 + 0.7 * fluff) * rng.uniform(0.48, 0.64), field > 0.4


def _ground_glass(frame: Frame, rng: Rng) -> Lesion:
    field = np.zeros(frame.size, np.float32)
    for side in (-1, 1):
        for _ in range(rng.integers(1, 4)):
            y = rng.uniform(-0.25, 0.45)
            x = side * (float(np.interp(y, WALL_Y, WALL_X)) - rng.uniform(0.18, 0.34))
            patch = _blob(
                frame, rng, [x, y], rng.uniform(0.13, 0.18), softness=0.22, raggedness=0.14
            )
            field = np.maximum(field, patch * rng.uniform(0.30, 0.42))
    mesh = np.exp(-((frame.cloud(rng, 44) / 0.4) ** 2))  # thickened septa, "crazy paving"
    return field * (0.55 + 0.9 * mesh), field > 0.33 * field.max()


def _interstitial(frame: Frame, rng: Rng) -> Lesion:
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
        for _ in range(rng.integers(16, 24)):
            angle, reach, radius = (
                rng.uniform(-1.3, 1.3),
                rng.uniform(0.1, 0.44),
                rng.uniform(0.014, 0.026),
            )
            turn = np.linspace(0, 2 * np.pi, 12)
            centre = (side * (0.18 + reach * np.cos(angle)), reach * np.sin(angle))
            nodules.append(centre + radius * np.stack([np.cos(turn), np.sin(turn)], 1))
    field = frame.blur(np.maximum(0.65 * frame.fill(*streaks), frame.fill(*nodules)), 0.008)
    area = frame.blur((field > 0.3).astype(np.float32), 0.04) > 0.28  # streaks and between them
    return field * rng.uniform(0.44, 0.58), area


LESIONS: dict[str, Callable[[Frame, Rng], Lesion]] = {
    "COVID": _ground_glass,
    "Lung_Opacity": _consolidation,
    "Normal": _normal,
    "Viral Pneumonia": _interstitial,
}
