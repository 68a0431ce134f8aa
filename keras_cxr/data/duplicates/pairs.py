"""Two pictures held against each other, pixel by pixel: copies of one film, or two films?

Chests of one pose look alike, and two films of one patient nearly coincide. What gives them
away is that no single stretch lays one upon the other: between two films ribs, heart and
diaphragm move each in its own way. So the pictures are aligned, and then asked place by place
how far their fine structure still is apart.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from keras_cxr.data.duplicates.windows import SIDE, Framing

FINE_SIDE = 224
MAX_DISPLACEMENT = 0.5
"""In 1/224 of the picture. In 12,462 real films, copies reach 0.31; the nearest films of one
patient that were looked at begin at 0.54."""
MIN_SIMILARITY = 0.8
"""Different chests hardly reach it; strong JPEG compression or noise leave 0.9."""
_MIN_COARSE = 0.85  # at 64 x 64; planted copies keep 0.91, of all candidates 1 in 200 does
_NEARLY_COARSE = 0.7  # 1 candidate in 12 ends between; copies did, none that ended lower
_MIN_PLACES = 12  # with fewer, an affine map would explain anything
_PATCH, _STEP = 48, 22
_FLAT = 0.5  # of the strength that structure is scaled to
_AGREED = 70  # percentile: letters and arrows on a third of the picture do not decide
_GREY = 32.0  # steps of grey for one unit of detail


class Agreement(NamedTuple):
    """How well two aligned pictures agree.

    Attributes:
        similarity: median correlation of fine structure over places, in [-1, 1].
        displacement: what 70 % of the places stay below, of the distance in 1/224 of the
            picture that is left between the two after one affine map for all.
    """

    similarity: float
    displacement: float

    @property
    def confirmed(self) -> bool:
        """Return whether the two are copies of one photograph."""
        return self.similarity >= MIN_SIMILARITY and self.displacement <= MAX_DISPLACEMENT


def coarse_detail(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (64, 64) uint8 structure of a (64, 64) uint8 picture; 128 is none."""
    scaled = _detail(small, 0.7, 2.0, 4.0) * _GREY + 128.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def align(
    query: NDArray[np.uint8], target: NDArray[np.uint8], framing: Framing
) -> NDArray[np.float64] | None:
    """Return the affine map between two pictures that agree at 64 x 64, else None.

    Enhanced correlation maximisation (Evangelidis and Psarakis 2008) from where the framing puts
    them.

    Args:
        query: `coarse_detail` of the one, as `turned` shows it.
        target: `coarse_detail` of the other.
        framing: which windows of them agree.

    Returns:
        (2, 3) float64 that takes places of the target to places of the query, both in [0, 1].
    """
    scale = framing.query.size / framing.target.size
    start = np.array(
        [
            [scale, 0.0, framing.query.x - framing.target.x * scale],
            [0.0, scale, framing.query.y - framing.target.y * scale],
        ]
    )
    found, agreed = _follow(query, target, start)
    if _NEARLY_COARSE <= agreed < _MIN_COARSE:  # the way back may get further
        found, agreed = _follow(target, query, _inverse(start))
        found = _inverse(found)
    middle = found[:, :2] @ (0.5, 0.5) + found[:, 2] - 0.5
    if np.abs(found[:, :2] - np.eye(2)).max() > 0.25 or np.abs(middle).max() > 0.2:
        return None
    return found if agreed >= _MIN_COARSE else None


def _follow(
    query: NDArray[np.uint8], target: NDArray[np.uint8], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the map that correlation leads to from another, and how well it makes them agree."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 1e-3)
    begin = _to_pixels(start, SIDE).astype(np.float32)
    try:
        _, pixels = cv2.findTransformECC(target, query, begin, cv2.MOTION_AFFINE, criteria, None, 3)
    except cv2.error:  # the two have nothing in common to follow
        return start, 0.0
    return _from_pixels(pixels.astype(np.float64), SIDE), _coarse_agreement(query, target, pixels)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.inv(np.vstack([matrix, (0.0, 0.0, 1.0)]))[:2]


def agreement(
    query: NDArray[Any], target: NDArray[Any], matrix: NDArray[np.float64]
) -> Agreement | None:
    """Return how well two pictures agree place by place; None where too little can be seen.

    In patches of 48 x 48 of 224 x 224 pixels, phase correlation (Kuglin and Hines 1975)
    measures how far the pictures are apart. One affine map is fitted to the nearest 70 % of
    these distances and applied, twice; what it leaves over is the displacement.

    Args:
        query: (height, width) uint8 of any size, as `turned` shows it.
        target: the other picture.
        matrix: the map between them from `align`.
    """
    one_detail, other_detail = (_detail(_fine(image), 1.5, 5.0, 8.0) for image in (query, target))
    window = cv2.createHanningWindow((_PATCH, _PATCH), cv2.CV_32F)
    left = np.zeros(0)
    for _ in range(2):
        places = _places(one_detail, other_detail, matrix)
        if len(places) < _MIN_PLACES:
            return None
        # copies: OpenCV multiplies the window into its arguments
        moved = np.array(
            [cv2.phaseCorrelate(two.copy(), one.copy(), window)[0] for _, one, two in places]
        )
        matrix, left = _correct(matrix, np.array([place for place, _, _ in places]), moved)
    similarity = np.median([_correlation(one * window, two * window) for _, one, two in places])
    return Agreement(float(similarity), float(np.percentile(left, _AGREED)))


def _coarse_agreement(
    query: NDArray[np.uint8], target: NDArray[np.uint8], pixels: NDArray[np.float32]
) -> float:
    """Return the median correlation over a 4 x 4 grid of patches; 0 where little can be seen."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(query, pixels, (SIDE, SIDE), flags=flags, borderValue=128)
    part = SIDE // 4
    cut = np.stack([warped, target]).astype(np.float32).reshape(2, 4, part, 4, part)
    one, other = cut.transpose(0, 1, 3, 2, 4).reshape(2, 16, part * part)
    one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    powers = np.stack([np.einsum("ij,ij->i", level, level) for level in (one, other)])
    seen = powers.min(0) > (0.4 * _GREY * part) ** 2
    if seen.sum() < 4:
        return 0.0
    agreed = np.einsum("ij,ij->i", one, other)[seen] / np.sqrt(powers.prod(0)[seen])
    return float(np.median(agreed))


def _correct(
    matrix: NDArray[np.float64], places: NDArray[np.float64], moved: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the map with an affine fit of the distances put in, and (n,) what is left."""
    centre = (FINE_SIDE - 1) / 2
    known = np.column_stack([places - centre, np.ones(len(places))])
    used = np.hypot(*moved.T) <= np.percentile(np.hypot(*moved.T), _AGREED)
    fitted, left = np.zeros((3, 2)), np.zeros(len(places))
    for _ in range(4):
        fitted = np.linalg.lstsq(known[used], moved[used], rcond=None)[0]
        left = np.hypot(*(moved - known @ fitted).T)
        used = left <= np.percentile(left, _AGREED)
    step = np.eye(3)
    step[:2, :2] += fitted[:2].T
    step[:2, 2] = fitted[2] - fitted[:2].sum(0) * centre
    pixels = np.vstack([_to_pixels(matrix, FINE_SIDE), (0.0, 0.0, 1.0)])
    return _from_pixels((pixels @ step)[:2], FINE_SIDE), left


def _places(
    query: NDArray[np.float32],
    target: NDArray[np.float32],
    matrix: NDArray[np.float64],
) -> list[tuple[tuple[float, float], NDArray[np.float32], NDArray[np.float32]]]:
    """Return centre (x, y), patch of the query and of the target wherever both show something."""
    nothing = 1e6
    warped = cv2.warpAffine(
        query,
        _to_pixels(matrix, FINE_SIDE),
        (FINE_SIDE, FINE_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=nothing,
    )
    ones, others = _patches(warped), _patches(target)
    seen = ones.max((2, 3)) < nothing / 1e3
    seen &= np.minimum(ones.std((2, 3)), others.std((2, 3))) >= _FLAT
    middle = (_PATCH - 1) / 2
    return [
        ((column * _STEP + middle, row * _STEP + middle), ones[row, column], others[row, column])
        for row, column in np.argwhere(seen)
    ]


def _patches(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows, columns, 48, 48) cutouts of a picture, 22 pixels apart."""
    return sliding_window_view(image, (_PATCH, _PATCH))[::_STEP, ::_STEP]


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum()))


def _detail(image: NDArray[Any], fine: float, coarse: float, around: float) -> NDArray[np.float32]:
    """Return structure between two scales, in units of its own strength around each pixel."""
    grey = image.astype(np.float32)
    band = cv2.GaussianBlur(grey, (0, 0), fine) - cv2.GaussianBlur(grey, (0, 0), coarse)
    strength = cv2.GaussianBlur(band * band, (0, 0), around)
    return np.asarray(band / np.sqrt(strength + 1.0), np.float32)


def _fine(image: NDArray[Any]) -> NDArray[Any]:
    if image.shape == (FINE_SIDE, FINE_SIDE):
        return image
    return np.asarray(cv2.resize(image, (FINE_SIDE, FINE_SIDE), interpolation=cv2.INTER_AREA))


def _to_pixels(matrix: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return a map of places in [0, 1] as a map of pixels, whose centres are integers."""
    pixels = matrix.copy()
    pixels[:, 2] = side * matrix[:, 2] + 0.5 * matrix[:, :2].sum(1) - 0.5
    return pixels


def _from_pixels(pixels: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    matrix = pixels.copy()
    matrix[:, 2] = (pixels[:, 2] + 0.5 - 0.5 * pixels[:, :2].sum(1)) / side
    return matrix
