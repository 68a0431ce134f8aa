"""Takes images and labels that lie in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.ranges import check_range
from keras_cxr._support.resampling import fit
from keras_cxr.data.catalog import Catalog, Entry
from keras_cxr.data.finding.spellings import spelling_notes
from keras_cxr.data.labels import check_class_names, class_indices
from keras_cxr.errors import DataError


def from_arrays(
    data: tuple[Any, ...], image_size: tuple[int, int], class_names: Sequence[str] | None
) -> tuple[Catalog, NDArray[Any]]:
    """Return a catalog of "array[0]", "array[1]", ... and the images as the store keeps them.

    Args:
        data: the images, (n, h, w), (n, h, w, 1) or (n, h, w, 3), uint8 or float in [0, 255],
            and the labels as `class_indices` reads them: (n,) or (n, 1) class indices,
            (n, k) one-hot rows, or names where `class_names` are given.
        image_size: (height, width) to fit the images to.
        class_names: the classes' names by index; "0", "1", ... otherwise.

    Returns:
        The catalog, and (n, height, width) uint8 or float32 images.

    Raises:
        DataError: Shapes, types or values are not those above.
        InvalidArgumentError: `class_names` holds a name twice.
    """
    if len(data) != 2:
        raise DataError(f"A tuple must be (images, labels), received {len(data)} items")
    images, labels = data
    given = None if class_names is None else check_class_names(class_names)
    pixels, indices = np.asarray(images), class_indices(labels, class_names=given)
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[3] not in (1, 3)):
        raise DataError(
            f"images must be (n, h, w) or (n, h, w, 1 or 3), received shape {pixels.shape}"
        )
    if len(pixels) != len(indices):
        raise DataError(f"There are {len(pixels):,} images but {len(indices):,} labels")
    if len(pixels) == 0 or min(pixels.shape) < 1:
        raise DataError(f"There are no images: shape {pixels.shape}")
    if pixels.dtype != np.uint8:
        if not np.issubdtype(pixels.dtype, np.floating):
            raise DataError(
                f"images must be uint8 or float in [0, 255], received {pixels.dtype}. Scale them "
                "to that range and convert them."
            )
        if not (np.isfinite(pixels).all() and pixels.min() >= 0.0 and pixels.max() <= 255.0):
            raise DataError(
                f"images must lie in [0, 255], received values from {pixels.min()} to "
                f"{pixels.max()}. Scale them to that range."
            )
        check_range(pixels, DataError)
    if given is None and indices.min() == 1:
        raise DataError(f"labels count from 1 to {indices.max()}, indices from 0. Pass labels - 1.")
    if given is None and indices.max() >= len(indices):
        raise DataError(
            f"labels reach {indices.max():,}, but {len(indices):,} images cannot show that many "
            "classes. Number the classes 0, 1, 2, ..."
        )
    names = given or tuple(map(str, range(int(indices.max()) + 1)))
    entries = tuple(Entry(f"array[{number}]", names[index]) for number, index in enumerate(indices))
    notes = spelling_notes(names)
    catalog = Catalog(Path(), "arrays in memory", "", entries, notes=notes, names=names)
    return catalog, _grey(pixels, image_size)


def _grey(pixels: NDArray[Any], image_size: tuple[int, int]) -> NDArray[Any]:
    dtype = np.uint8 if pixels.dtype == np.uint8 else np.float32
    if pixels.ndim == 4 and pixels.shape[3] == 3:
        grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        pixels = np.rint(grey) if dtype == np.uint8 else grey
    elif pixels.ndim == 4:
        pixels = pixels[..., 0]
    pixels = pixels.astype(dtype, copy=False)
    if pixels.shape[1:3] == image_size:
        return pixels
    return np.stack([fit(np.ascontiguousarray(image), image_size) for image in pixels])
