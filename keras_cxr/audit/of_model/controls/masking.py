"""The pictures that controls see in place of whole X-rays: no lungs, lungs alone, borders."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

BORDER = 0.11  # of each side: outside the lung fields on most frontal films, letters lie there
THUMBNAIL = 24  # pixels a side: too coarse for any finding, fine enough for size and exposure

Transform = Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[Any]]


def _unmoved(transform: Transform) -> Transform:
    """Return a function under the name by which the fingerprints of finished controls know it."""
    vars(transform)["known_as"] = f"keras_cxr.audit.views.{transform.__name__}"
    return transform


@_unmoved
def border_only(image: NDArray[Any], mask: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the image with all but its outermost ring set to 0.

    The ring is 11 % of the height and of the width on each side, 39 % of the picture.

    Args:
        image: (h, w) uint8 or float32 in [0, 255].
        mask: (h, w) uint8, not used.
    """
    height, width = image.shape
    rows, columns = round(BORDER * height), round(BORDER * width)
    ring = image.copy()
    ring[rows : height - rows, columns : width - columns] = 0
    return ring


@_unmoved
def thumbnail(image: NDArray[Any], mask: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the image shrunk to 24 x 24 (means of areas) and enlarged again (bilinear).

    Args:
        image: (h, w) uint8 or float32 in [0, 255].
        mask: (h, w) uint8, not used.
    """
    height, width = image.shape
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


@_unmoved
def lung_shape(image: NDArray[Any], mask: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the lungs' outline alone: 128 inside the mask, 0 elsewhere.

    Args:
        image: (h, w) uint8 or float32 in [0, 255]; only its type is used.
        mask: (h, w) uint8, 255 in the lungs and 0 elsewhere.
    """
    return np.where(mask > 0, image.dtype.type(128), image.dtype.type(0))


@dataclass(frozen=True)
class Masking:
    """One way to show a data set's images.

    Attributes:
        key: for programs and folders; stable.
        title: for people.
        region: as `Datasets.altered` takes it; None leaves it as it is.
        transform: as `Datasets.altered` takes it.
        needs_masks: whether every image needs a lung mask for it.
    """

    key: str
    title: str
    region: str | None = None
    transform: Transform | None = None
    needs_masks: bool = False

    def of(self, datasets: "Datasets") -> "Datasets":
        """Return the same data sets shown so."""
        if self.region is None and self.transform is None:
            return datasets
        return datasets.altered(region=self.region, transform=self.transform)


WHOLE = Masking("full", "as the model is meant to see them")
OUTSIDE = Masking("outside", "lungs removed", region="outside", needs_masks=True)
LUNGS = Masking("lungs", "lungs only", region="lungs", needs_masks=True)
BORDER_ONLY = Masking("border", "border only", region="full", transform=border_only)
THUMBNAILS = Masking("thumbnail", f"{THUMBNAIL} x {THUMBNAIL} thumbnails", transform=thumbnail)
SHAPE = Masking("shape", "outline of the lungs only", "full", lung_shape, needs_masks=True)

# What a model is shown that was trained on whole images, on lungs, on everything but the lungs
_MASKINGS = {
    "full": (OUTSIDE, LUNGS, BORDER_ONLY, THUMBNAILS),
    "lungs": (OUTSIDE, BORDER_ONLY, THUMBNAILS, SHAPE),
    "outside": (LUNGS, BORDER_ONLY, THUMBNAILS),
}


def maskings_of(datasets: "Datasets") -> tuple[tuple[Masking, ...], tuple[str, ...]]:
    """Return the maskings that make sense for a data set, and notes on those left out.

    The first is always `WHOLE`. Those of lungs need a mask for every image.
    """
    chosen = _MASKINGS[datasets.region]
    lacking = int((datasets.table["mask"] == "").sum())
    if not lacking:
        return (WHOLE, *chosen), ()
    left_out = ", ".join(one.title for one in chosen if one.needs_masks)
    lack = "no image has a" if lacking == len(datasets.table) else f"{lacking:,} images have no"
    note = f"Not measured: {left_out}, since {lack} lung mask."
    return (WHOLE, *(one for one in chosen if not one.needs_masks)), (note,)
