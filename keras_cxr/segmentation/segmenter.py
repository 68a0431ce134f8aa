"""Lungs on chest films that nobody has drawn: `segment_lungs` and `LungSegmenter`."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr._support.processes import check_not_forked
from keras_cxr._support.ranges import check_range
from keras_cxr._support.resampling import fit
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.segmentation.evidence import INSIDE, Evidence, keep_two_parts, weigh
from keras_cxr.segmentation.unet import build_lung_unet

BATCH_SIZE = 32

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of a batch of pictures, as far as any can be found; made by `LungSegmenter.find`.

    Attributes:
        probabilities: `(batch, height, width)` float32 in [0, 1], how probable it is that a
            pixel is lung, 0 in all but the two largest parts. Where nothing was found they are
            what the network computed, not lungs.
        found: `(batch,)` bool, whether these can be lungs.
        reasons: for each picture why they cannot, "" where they can.
        area_shares: `(batch,)` float64, the share of pixels with a probability above 1/2.
        confidences: `(batch,)` float64 in [0, 1], 1 where every pixel is decided.
    """

    probabilities: Probabilities
    found: NDArray[np.bool_]
    reasons: tuple[str, ...]
    area_shares: NDArray[np.float64]
    confidences: NDArray[np.float64]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """`(batch, height, width)` bool: lung or not, nowhere true where none were found."""
        return (self.probabilities > INSIDE) & self.found[:, np.newaxis, np.newaxis]


def _own_weights() -> keras.Model:
    return build_lung_unet(weights="human_masks")


@dataclass(frozen=True, eq=False)
class LungSegmenter:
    """A network that finds lungs, and says where it finds none.

    Attributes:
        model: from `(batch, height, width, 1)` float32 in [0, 255] to `(batch, height, width, 1)`
            probabilities, of one size; by default `build_lung_unet(weights="human_masks")`.

    Raises:
        InvalidArgumentError: (a ValueError) the model takes or returns something else.

    Examples:
        >>> from keras_cxr.segmentation import LungSegmenter
        >>> lungs = LungSegmenter().find(films)  # doctest: +SKIP
        >>> films[~lungs.found]  # doctest: +SKIP
    """

    model: keras.Model = field(default_factory=_own_weights)

    def __post_init__(self) -> None:
        if not isinstance(self.model, keras.Model):
            raise InvalidArgumentError(
                f"model must be a Keras model, received {type(self.model).__name__}: leave it out "
                "for the weights that come with keras-cxr."
            )
        shapes = [getattr(self.model, name, None) for name in ("input_shape", "output_shape")]
        sizes = tuple(shapes[0] or ())[1:]
        if shapes[0] != shapes[1] or len(sizes) != 3 or not all(sizes) or sizes[2] != 1:
            raise InvalidArgumentError(
                f"model {self.model.name!r} goes from {shapes[0]} to {shapes[1]}; a segmenter goes "
                "from (batch, height, width, 1) to the same, with a fixed height and width."
            )

    @classmethod
    def from_preset(cls, source: str | os.PathLike[str]) -> "LungSegmenter":
        """Return the segmenter with the weights of a preset.

        Args:
            source: "human_masks", which `LungSegmenter()` takes too, or the path of an `.npz` file
                that `save_weights` wrote of a network of the default size

        Raises:
            InvalidArgumentError: (a ValueError) it is neither.
            NotFoundError: the file does not exist.
            WeightsUnavailableError: (an OSError) the file is damaged or of another network.

        Examples:
            >>> LungSegmenter.from_preset("human_masks").image_size
            (224, 224)
        """
        return cls(build_lung_unet(weights=source))

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` that the model looks at; pictures of other sizes are stretched."""
        height, width = self.model.input_shape[1:3]
        return height, width

    def predict(self, images: Any, *, batch_size: int = BATCH_SIZE) -> Probabilities:
        """Return the probability that each pixel is lung, at the pictures' own size.

        There are two lungs: what lies above 1/2 outside the two largest parts is set to 0.

        Args:
            images: `(batch, height, width)`, `(batch, height, width, 1)` or with 3 equal
                channels; uint8 or float in [0, 255]
            batch_size: how many pictures the model takes at once

        Returns:
            `(batch, height, width)` float32 in [0, 1].

        Raises:
            InvalidArgumentError: (a ValueError) shape, type or range are not those above.
        """
        return self._segment(images, batch_size, lambda _: None)

    def find(self, images: Any, *, batch_size: int = BATCH_SIZE) -> Lungs:
        """Return the lungs of each picture, and whether they can be lungs at all.

        What was found must cover a plausible share of the picture, in two parts that are nearly
        convex, and the model must be sure. The limits were chosen on films and on pictures that
        are none: see the page Segmentation.

        What this does not show: whether a mask is right. A film of which a lung is white, or on
        which an arm was taken for one, passes if the shapes do.

        Args:
            images: as `predict` takes them
            batch_size: how many pictures the model takes at once

        Raises:
            InvalidArgumentError: (a ValueError) shape, type or range are not those above.
        """
        evidence: list[Evidence] = []
        probabilities = self._segment(
            images, batch_size, lambda maps: evidence.extend(map(weigh, maps))
        )
        reasons = tuple(one.reason for one in evidence)
        return Lungs(
            probabilities,
            np.array([not reason for reason in reasons], bool),
            reasons,
            np.array([one.area_share for one in evidence], np.float64),
            np.array([one.confidence for one in evidence], np.float64),
        )

    def _segment(
        self, images: Any, batch_size: int, look: Callable[[Probabilities], None]
    ) -> Probabilities:
        """Return maps at the images' own size; `look` is shown each batch at the model's size."""
        grey = _grey(images)
        step = check_integer("batch_size", batch_size, least=1)
        check_not_forked()
        found = np.empty(grey.shape, np.float32)
        for start in range(0, len(grey), step):
            batch = np.stack([fit(image, self.image_size) for image in grey[start : start + step]])
            outputs = self.model.predict_on_batch(batch[..., np.newaxis].astype(np.float32))
            maps = np.asarray(outputs, np.float32)[..., 0]
            look(maps)
            for place, one in enumerate(maps, start):
                found[place] = fit(keep_two_parts(one), grey.shape[1:])
        return found


def segment_lungs(images: Any, *, batch_size: int = BATCH_SIZE) -> Probabilities:
    """Return the probability that each pixel of chest films is lung, with the package's weights.

    The lung behind the heart counts, as in the masks that the network was trained on. Pictures
    are stretched to 224 x 224 as training stretches them (averaged along a side that shrinks,
    bilinear along one that grows), and the maps back. There are two lungs: what lies above 1/2
    outside the two largest parts is set to 0.

    What this does not show: whether there are lungs at all. Every picture gets a map;
    `LungSegmenter().find` says which of them can be lungs.

    Args:
        images: `(batch, height, width)`, `(batch, height, width, 1)` or with 3 equal channels;
            uint8 or float in [0, 255]
        batch_size: how many pictures the network takes at once

    Returns:
        `(batch, height, width)` float32 in [0, 1], at the pictures' own size.

    Raises:
        InvalidArgumentError: (a ValueError) shape, type or range are not those above.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr.segmentation import segment_lungs
        >>> segment_lungs(np.zeros((2, 100, 80), np.uint8)).shape
        (2, 100, 80)
    """
    return _segmenter().predict(images, batch_size=batch_size)


@functools.cache
def _segmenter() -> LungSegmenter:
    return LungSegmenter()


def _grey(images: Any) -> NDArray[Any]:
    """Return `(batch, height, width)` uint8 or float32, shown to lie in [0, 255]."""
    pixels = np.asarray(images)
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[3] not in (1, 3)):
        raise InvalidArgumentError(
            "images must be (batch, height, width), or with 1 or 3 channels behind, received "
            f"shape {pixels.shape}: a single picture is passed as picture[np.newaxis]."
        )
    if min(pixels.shape[1:3]) < 1:
        raise InvalidArgumentError(f"images have no pixels: shape {pixels.shape}.")
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise InvalidArgumentError(
            f"images must be uint8 or float in [0, 255], received {pixels.dtype}: scale them to "
            "that range and convert them."
        )
    if pixels.ndim == 4:
        if (pixels[..., 1:] != pixels[..., :1]).any():
            raise InvalidArgumentError(
                "images have 3 channels that differ, and films have no colours: pass them grey, "
                "for example images @ [0.299, 0.587, 0.114]."
            )
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8 or not pixels.size:
        return pixels
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 255):
        raise InvalidArgumentError(
            f"images must lie in [0, 255], received values from {pixels.min()} to {pixels.max()}: "
            "scale them to that range."
        )
    check_range(pixels, InvalidArgumentError)
    return pixels.astype(np.float32, copy=False)
