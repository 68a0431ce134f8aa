"""What training on lung masks does to films, and pictures without lungs.

A small network that has seen 2,000 films only knows their exposure, framing and letters. Here each
is turned, stretched, exposed anew, clouded, framed, written on; and some pictures hold no lungs at
all, so that the network learns to answer with nothing.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Random = np.random.Generator
PictureAndMask = tuple[Float, Float]

NO_FILM = 0.05
"""Share of drawn pictures without lungs; as many films again are inverted or cut into tiles."""


def augment(rng: Random, film: NDArray[np.uint8], mask: NDArray[np.uint8]) -> PictureAndMask:
    """Return a picture, float32 in [0, 255], and the mask of its lungs, float32 in [0, 1].

    Args:
        rng: decides everything
        film: (side, side) uint8
        mask: the same size, 0 or 255
    """
    if rng.random() < NO_FILM:
        picture = draw_no_film(rng, film.shape[0])
        return picture, np.zeros_like(picture)
    film, mask = _move(rng, film, mask)
    picture = _expose(rng, film.astype(np.float32) / 255)
    if rng.random() < 0.25:
        picture = _cloud(rng, picture)
    picture = np.clip(_blur_and_noise(rng, picture), 0, 1)
    if rng.random() < 0.25:
        picture, mask = _frame(rng, picture, mask)
    if rng.random() < 0.3:
        picture = _write_letters(rng, picture)
    if rng.random() < 0.2:
        picture = _lay_wires(rng, picture)
    lungs = mask.astype(np.float32) / 255
    chance = rng.random()
    if chance < NO_FILM / 2:
        return shuffle_tiles(rng, picture) * 255, np.zeros_like(lungs)
    if chance < NO_FILM * 1.5:
        return (1 - picture) * 255, np.zeros_like(lungs)
    return picture * 255, lungs


def _move(
    rng: Random, film: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Turn, scale, stretch, shear, mirror and shift both in one resampling."""
    side = film.shape[0]
    degrees = rng.normal(0, 10) if rng.random() < 0.9 else rng.uniform(-35, 35)
    scale, ratio = np.exp(rng.normal(0, [0.18, 0.08]))
    if rng.random() < 0.15:  # a chest that does not fill its picture
        scale *= rng.uniform(0.5, 1)
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[scale * ratio, rng.normal(0, 0.04)], [0, scale / ratio]])
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1, 1])
    center = np.full(2, side / 2)
    shift = center - matrix @ center + rng.normal(0, 0.07, 2) * side
    affine = np.column_stack([matrix, shift])
    borders = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT)
    border = borders[rng.choice(3, p=[0.6, 0.25, 0.15])]
    fill = float(rng.choice([0, rng.uniform(0, 60)]))
    # what a mirror at the border shows are lungs; what a smeared border shows are none
    mask_border = border if border == cv2.BORDER_REFLECT else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(film, affine, (side, side), borderMode=border, borderValue=fill)
    return moved, cv2.warpAffine(mask, affine, (side, side), borderMode=mask_border)


def _expose(rng: Random, picture: Float) -> Float:
    if rng.random() < 0.8:
        picture = picture ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.8:
        low, high = rng.uniform(-0.15, 0.25), rng.uniform(0.65, 1.2)
        if rng.random() < 0.5:  # a narrow window
            picture = np.clip((picture - low) / (high - low), 0, 1)
        else:  # a film that is grey all over
            picture = picture * (high - max(low, 0)) + max(low, 0)
    if rng.random() < 0.3:  # one side lighter than the other
        shading = rng.normal(0, 0.15, (3, 3)).astype(np.float32)
        picture = picture + cv2.resize(shading, picture.shape, interpolation=cv2.INTER_CUBIC)
    return picture.astype(np.float32)


def _cloud(rng: Random, picture: Float) -> Float:
    """Hide a part of the picture behind a white cloud, as pneumonia does; the mask stays."""
    side = picture.shape[0]
    x, y = rng.uniform(0.1, 0.9, 2) * side
    radius = rng.uniform(0.08, 0.3) * side
    height = radius * rng.uniform(0.6, 1.6)
    rows, columns = np.mgrid[:side, :side]
    cloud = np.exp(-(((columns - x) / radius) ** 2) - ((rows - y) / height) ** 2)
    share = (rng.uniform(0.2, 0.7) * cloud).astype(np.float32)
    return picture + share * (1 - picture)


def _blur_and_noise(rng: Random, picture: Float) -> Float:
    if rng.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(0.005, 0.05), picture.shape)
        picture = picture + noise.astype(np.float32)
    return picture


def _frame(rng: Random, picture: Float, mask: NDArray[np.uint8]) -> tuple[Float, NDArray[np.uint8]]:
    """Cut by a collimator or widen with bars: black, white or grey; no lungs there."""
    side = picture.shape[0]
    top, bottom, left, right = (rng.uniform(0, 0.12, 4) * side * (rng.random(4) < 0.5)).astype(int)
    inside = np.zeros_like(picture)
    inside[top : side - bottom, left : side - right] = 1
    shade = rng.choice([0, 0, 1]) if rng.random() < 0.8 else rng.random()
    framed = picture * inside + np.float32(shade) * (1 - inside)
    return framed, (mask * inside).astype(np.uint8)


def _write_letters(rng: Random, picture: Float) -> Float:
    side = picture.shape[0]
    text = str(rng.choice(list("LRPA"))) + str(rng.choice(["", "M", "IV", "12"]))
    place = (int(rng.uniform(0, 0.9) * side), int(rng.uniform(0.08, 0.95) * side))
    ink = np.zeros(picture.shape, np.uint8)
    _put_text(rng, ink, text, place, scale=rng.uniform(0.3, 1))
    return _blend(picture, ink, rng.uniform(0.7, 1))


def _lay_wires(rng: Random, picture: Float) -> Float:
    """Lay one to three bright curves over the picture: wires and tubes."""
    side = picture.shape[0]
    ink = np.zeros(picture.shape, np.uint8)
    for _ in range(rng.integers(1, 4)):
        start, one, other, end = rng.uniform(0, 1, (4, 2)) * side
        t = np.linspace(0, 1, 40)[:, None]
        curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * one
        curve = curve + 3 * (1 - t) * t**2 * other + t**3 * end
        width = int(rng.integers(1, 3))
        cv2.polylines(ink, [curve.astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return _blend(picture, ink, rng.uniform(0.6, 1))


def shuffle_tiles(rng: Random, picture: Float) -> Float:
    """Return the picture cut into 3 x 3 or 4 x 4 tiles in another order: textures, no chest."""
    count = int(rng.integers(3, 5))
    edge = picture.shape[0] // count
    tiles = [
        picture[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge]
        for row in range(count)
        for column in range(count)
    ]
    order = rng.permutation(len(tiles))
    rows = [[tiles[n] for n in order[row * count : (row + 1) * count]] for row in range(count)]
    return cv2.resize(np.block(rows), picture.shape[::-1])


def draw_no_film(rng: Random, side: int) -> Float:
    """Return a square picture without lungs, float32 in [0, 255].

    Blank, a texture of many scales, noise, a ramp or shapes and letters, with shapes over some.
    """
    kind = str(rng.choice(["blank", "texture", "noise", "ramp", "shapes"]))
    if kind == "texture":
        picture = _texture(rng, side)
    elif kind == "noise":
        picture = rng.random((side, side), np.float32)
    elif kind == "ramp":
        rows, columns = np.mgrid[:side, :side] / side
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.cos(angle) * columns + np.sin(angle) * rows
        picture = ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)
    else:
        picture = np.full((side, side), rng.random(), np.float32)
    if kind in ("blank", "shapes") or rng.random() < 0.5:
        for _ in range(rng.integers(0 if kind == "blank" else 1, 8)):
            picture = _draw_shape(rng, picture)
        if rng.random() < 0.5:
            picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 6)))
    return np.clip(picture, 0, 1) * np.float32(255)


def _texture(rng: Random, side: int) -> Float:
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    waves = rng.normal(size=(2, side, side))
    texture = np.fft.ifft2((waves[0] + 1j * waves[1]) * frequency ** -rng.uniform(0.5, 2)).real
    return ((texture - texture.mean()) / texture.std() * 0.2 + 0.5).astype(np.float32)


def _draw_shape(rng: Random, picture: Float) -> Float:
    side = picture.shape[0]
    place, other = ((int(x), int(y)) for x, y in rng.uniform(0, side, (2, 2)))
    ink = np.zeros(picture.shape, np.uint8)
    kind = str(rng.choice(["ellipse", "rectangle", "line", "letters"]))
    if kind == "ellipse":
        axes = (int(rng.uniform(4, side / 3)), int(rng.uniform(4, side / 3)))
        cv2.ellipse(ink, place, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    elif kind == "rectangle":
        cv2.rectangle(ink, place, other, 255, int(rng.choice([-1, 2, 5])))
    elif kind == "line":
        cv2.line(ink, place, other, 255, int(rng.integers(1, 9)))
    else:
        _put_text(rng, ink, "".join(rng.choice(list("ABCDEFGH 0123"), 6)), place, scale=1.2)
    return _blend(picture, ink, rng.random())


def _put_text(
    rng: Random, ink: NDArray[np.uint8], text: str, place: tuple[int, int], *, scale: float
) -> None:
    width = int(rng.integers(1, 4))
    cv2.putText(ink, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, width, cv2.LINE_AA)


def _blend(picture: Float, ink: NDArray[Any], shade: float) -> Float:
    share = ink.astype(np.float32) / 255
    return picture * (1 - share) + np.float32(shade) * share
