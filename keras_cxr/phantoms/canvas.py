"""The canvas on which phantoms are drawn: a patient's pose, shapes, clouds and blurs.

Lengths are in a frame in which the chest spans about -1 to 1, x to the right and y down.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Rng = np.random.Generator
Points = ArrayLike


class Frame:
    """Pixel canvas of one patient's pose: position, size and slight rotation."""

    def __init__(self, image_size: tuple[int, int], rng: Rng) -> None:
        self.size = image_size
        angle = np.deg2rad(rng.uniform(-5, 5))
        self.scale = min(image_size) / 2 * rng.uniform(1.02, 1.22)
        cos, sin = np.cos(angle) * self.scale, np.sin(angle) * self.scale
        self.matrix = np.array([[cos, -sin], [sin, cos]])
        height, width = image_size
        offset = rng.uniform(-0.1, 0.1, 2) + np.array([0.0, 0.08])
        self.shift = np.array([width - 1, height - 1]) / 2 + offset * self.scale
        pixels = np.mgrid[:height, :width].reshape(2, -1)[::-1] - self.shift[:, None]
        x, y = np.linalg.inv(self.matrix) @ pixels
        self.x = x.reshape(image_size).astype(np.float32)
        self.y = y.reshape(image_size).astype(np.float32)

    def fill(self, *outlines: Points) -> Floats:
        """Fill polygons with 1, their edges smoothed: (height, width) in [0, 1]."""
        canvas = np.zeros(self.size, np.uint8)
        for outline in outlines:
            cv2.fillPoly(canvas, [self._pixels(outline)], 255, cv2.LINE_AA, 4)
        return canvas.astype(np.float32) / 255

    def outline(self, *outlines: Points) -> Floats:
        """Draw polygons as closed lines one pixel wide: (height, width) in [0, 1]."""
        canvas = np.zeros(self.size, np.uint8)
        pixels = [self._pixels(outline) for outline in outlines]
        cv2.polylines(canvas, pixels, True, 255, 1, cv2.LINE_AA, 4)
        return canvas.astype(np.float32) / 255

    def blur(self, picture: Floats, length: float) -> Floats:
        """Blur with a Gaussian whose standard deviation is `length` of the frame."""
        return cv2.GaussianBlur(picture, (0, 0), max(length * self.scale, 0.3))

    def cloud(self, rng: Rng, cells: int) -> Floats:
        """Draw smooth noise with about `cells` bumps a side: mean 0, deviation about 1."""
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        return cv2.resize(coarse, self.size[::-1], interpolation=cv2.INTER_CUBIC)

    def ellipse(self, centre: Points, radii: tuple[float, float], angle: float = 0.0) -> Floats:
        """Return the distance from a centre in radii: 1 on the ellipse's edge."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        middle = np.asarray(centre, np.float32)
        x, y = self.x - middle[0], self.y - middle[1]
        along, across = (x * cos + y * sin) / radii[0], (y * cos - x * sin) / radii[1]
        return np.sqrt(along * along + across * across)

    def _pixels(self, outline: Points) -> NDArray[np.int32]:
        pixels = np.asarray(outline) @ self.matrix.T + self.shift
        return np.round(pixels * 16).astype(np.int32)  # four fractional bits for OpenCV


def smooth(points: Points, steps: int = 8) -> NDArray[np.float64]:
    """Run a closed Catmull-Rom curve through the points."""
    p1 = np.asarray(points, float)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None] for p in (p0, p1, p2, p3))
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
    return (0.5 * (curve + (3 * p1 - p0 - 3 * p2 + p3) * t**3)).reshape(-1, 2)


def step(distance: Floats) -> Floats:
    """Fall smoothly from 1 (far below 0) to 0 (far above)."""
    return 0.5 - 0.5 * np.tanh(0.5 * distance)


def ribbon(line: NDArray[np.float64], widths: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Widen a line to a polygon; a width may be given for every point."""
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    half = normal * (np.broadcast_to(widths, len(line))[:, None] / 2)
    return np.concatenate([line + half, (line - half)[::-1]])
