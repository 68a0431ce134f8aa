"""Random rotation, zoom and flip of training images, in one resampling.

Every draw is a hash of (seed, epoch, image): no generator is carried along, so that the order
of the workers, the number of the batch and a resumed run change nothing.

Flipping chest films is anatomically wrong (it puts the heart on the right); it is on by
default because the study did so.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr.data.draws import draw
from keras_cxr.errors import InvalidArgumentError

FILL_MODES = {
    "constant": cv2.BORDER_CONSTANT,
    "mirror": cv2.BORDER_REFLECT_101,
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
_ROTATION, _ZOOM, _FLIP = range(3)  # streams of draws; see `draws`


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far training images are moved; the study's values are the defaults.

    Attributes:
        rotation: largest angle in degrees, to either side.
        zoom: largest change of scale as a fraction; height and width change together.
        horizontal_flip: whether every second image on average is mirrored left to right.
        fill_mode: what lies outside the image: "reflect" (dcba|abcd|dcba), "mirror"
            (dcb|abcd|cba), "nearest", "wrap" or "constant" (0).
    """

    rotation: float = 18.0
    zoom: float = 0.05
    horizontal_flip: bool = True
    fill_mode: str = "reflect"

    def __post_init__(self) -> None:
        if not 0.0 <= self.rotation <= 180.0:
            raise InvalidArgumentError(
                f"rotation must be an angle from 0 to 180 degrees, received {self.rotation}"
            )
        if not 0.0 <= self.zoom < 1.0:
            raise InvalidArgumentError(
                f"zoom must be a fraction from 0 to below 1, received {self.zoom}"
            )
        check_choice("fill_mode", self.fill_mode, FILL_MODES, shown=str)

    @property
    def is_identity(self) -> bool:
        """Whether no image is ever changed."""
        return self.rotation == 0.0 and self.zoom == 0.0 and not self.horizontal_flip

    def matrices(
        self, keys: NDArray[np.uint64], image_size: tuple[int, int], *, seed: int, epoch: int
    ) -> NDArray[np.float64]:
        """Return for each image the map from output pixels back to input pixels.

        With c the image's centre, s the scale, t the angle and F the mirror (or identity):
        input = c + R(t) F (output - c) / s. Coordinates are (x, y) at pixel centres.

        Args:
            keys: (n,) uint64, one per image (see `image_keys`).
            image_size: (height, width).
            seed: the data set's seed.
            epoch: the epoch, from 0.

        Returns:
            (n, 2, 3) float64 affine matrices for `warp`.
        """
        angle = np.deg2rad((2.0 * draw(keys, seed, epoch, _ROTATION) - 1.0) * self.rotation)
        scale = 1.0 + (2.0 * draw(keys, seed, epoch, _ZOOM) - 1.0) * self.zoom
        flipped = self.horizontal_flip & (draw(keys, seed, epoch, _FLIP) < 0.5)
        cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
        mirror = np.where(flipped, -1.0, 1.0)
        linear = np.stack(
            [np.stack([cos * mirror, -sin], -1), np.stack([sin * mirror, cos], -1)], 1
        )
        center = np.array([(image_size[1] - 1) / 2.0, (image_size[0] - 1) / 2.0])
        shift = center - linear @ center
        return np.concatenate([linear, shift[..., np.newaxis]], axis=2)


def warp(image: NDArray[Any], matrix: NDArray[np.float64], *, fill_mode: str) -> NDArray[Any]:
    """Return a (height, width) uint8 or float32 image moved by one affine map, bilinearly."""
    return np.asarray(
        cv2.warpAffine(
            image,
            matrix,
            (image.shape[1], image.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=FILL_MODES[fill_mode],
        )
    )
