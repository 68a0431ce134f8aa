"""What the model answers when the hot pixels are taken away, or nothing but them is left."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.maps import Floats
from keras_cxr.explain.methods.method import Method

Doubles = NDArray[np.float64]
# Standard deviation of the blur as a share of the shorter side: 28 pixels of 224. Petsiuk et al.
# take 5, which leaves a consolidation of a third of a lung in place.
BLUR_WIDTH = 1 / 8


@dataclass(frozen=True, eq=False)
class ClassProbability:
    """The model's probability of one class for each image, in batches.

    Attributes:
        method: whose model and output answer.
        class_index: (batch,) int32, fixed whatever the perturbed image is taken for.
        batch_size: images per forward pass.
    """

    method: Method
    class_index: NDArray[np.int32]
    batch_size: int

    def __call__(self, images: Floats) -> Doubles:
        """Return (batch,) float64 in [0, 1] for images (batch, height, width, channels)."""
        found = np.empty(len(images))
        for start in range(0, len(images), self.batch_size):
            stop = start + self.batch_size
            answers = self.method.predict(images[start:stop])
            classes = self.class_index[start:stop, np.newaxis]
            found[start:stop] = np.take_along_axis(answers, classes, axis=1)[:, 0]
        return found


def filled(images: Floats, fill: str | float) -> Floats:
    """Return what pixels are replaced by, (batch, height, width, channels) float32.

    "blur" is the image under a Gaussian of an eighth of its shorter side: the brightness stays,
    the pattern goes. A number is one grey value everywhere. Petsiuk et al. 2018 delete with a
    constant and insert on a blur. A constant cuts holes with sharp rims, as no X-ray has, so that
    the answer may fall because of the rims; and it favours maps of bright places where it is dark
    (and the reverse). Blur has neither, but leaves what is as large as a lung.

    Raises:
        InvalidArgumentError: Neither "blur" nor a number in [0, 255].
    """
    if fill == "blur":
        width = BLUR_WIDTH * min(images.shape[1:3])
        blurred = [cv2.GaussianBlur(image, (0, 0), width) for image in images]
        return np.stack(blurred).reshape(images.shape)
    is_number = isinstance(fill, (int, float, np.number)) and not isinstance(fill, bool)
    if not is_number or not 0 <= float(fill) <= 255:
        raise InvalidArgumentError(
            f'fill must be "blur" or one grey value in [0, 255]; received {fill!r}.'
        )
    return np.full_like(images, fill)


def curve(
    probability: ClassProbability,
    images: Floats,
    fills: Floats,
    *,
    ranks: NDArray[np.int32],
    counts: NDArray[np.intp],
    deletion: bool,
) -> Doubles:
    """Return the class's probability as ever more of the hottest pixels change.

    Deletion replaces the hottest pixels of the image by the fill, the hottest first; insertion
    puts them back into the fill (Petsiuk, Das and Saenko 2018, "RISE: Randomized Input Sampling
    for Explanation of Black-box Models").

    Args:
        probability: of the fixed class.
        images: (batch, height, width, channels) float32 in [0, 255].
        fills: what replaces them, of the same shape.
        ranks: `pixel_ranks` of the map.
        counts: how many pixels have changed at each point of the curve, ends left out.
        deletion: whether hot pixels are replaced or kept.

    Returns:
        (batch, points) float64 in [0, 1].
    """
    places = ranks.reshape(*images.shape[:3], 1)
    found = np.empty((len(images), len(counts)))
    for number, count in enumerate(counts):
        replaced = places < count if deletion else places >= count
        found[:, number] = probability(np.where(replaced, fills, images))
    return found


def area_under(curves: Doubles, fractions: Doubles) -> Doubles:
    """Return the area under each curve over the changed share of pixels, by trapezoids.

    Args:
        curves: (batch, points), ends included.
        fractions: (points,) in [0, 1].
    """
    return np.asarray(np.trapezoid(curves, fractions, axis=1))


def kept(images: Floats, fills: Floats, heatmaps: Floats) -> Floats:
    """Return the images as far as the map lets them through: heat x + (1 - heat) fill."""
    weights = heatmaps[..., np.newaxis]
    return np.asarray(weights * images + (1 - weights) * fills, np.float32)


def average_drop(before: Doubles, after: Doubles) -> Doubles:
    """Return the lost share of the probability, max(0, y - o) / y, for each image.

    y is the class's probability for the image, o that for the image seen through its map
    (Chattopadhyay et al. 2018, "Grad-CAM++: Improved Visual Explanations for Deep
    Convolutional Networks", where their product with the map, on
    black, stands for our blend with the fill).
    """
    lost = np.maximum(before - after, 0)
    return np.divide(lost, before, out=np.zeros_like(lost), where=before > 0)
