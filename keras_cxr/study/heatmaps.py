"""Grad-CAM overlays of image files: what `keras-cxr explain` does."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from keras_cxr._files import output_folder, write_whole
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.explain import GradCAM, overlay
from keras_cxr.inference import Classifier


def write_heatmaps(
    classifier: Classifier,
    files: Iterable[Path],
    out: str | os.PathLike[str],
    *,
    layer: str | None = None,
    class_name: str | None = None,
    placement: str = "receptive_field",
) -> tuple[pd.DataFrame, dict[Path, str]]:
    """Write one PNG per image: the X-ray on the left, with its heat map on the right.

    Args:
        classifier: a trained model with its class names.
        files: image files.
        out: folder for the PNG files, named as the images.
        layer: layer to look into; the default of `GradCAM` otherwise.
        class_name: class to explain; the predicted one otherwise.
        placement: where the cells of a map are drawn, as `GradCAM` takes it.

    Returns:
        A row per written file (`file`, `heatmap`, `predicted`, `explained`, `probability`), and
        the files that could not be read with the reasons.

    Raises:
        InvalidArgumentError: (a ValueError) an unknown layer, class or placement.
        OutputError: (an OSError) the folder cannot be written.
    """
    names = classifier.class_names
    if class_name is not None and class_name not in names:
        raise InvalidArgumentError(
            f"The model has no class {class_name!r}; its classes are {', '.join(names)}."
        )
    gradcam = GradCAM(classifier.model, layer, placement=placement)
    folder = output_folder(out)
    rows: list[dict[str, Any]] = []
    failed: dict[Path, str] = {}
    for path in files:
        try:
            image = classifier.read(path)
        except (DataError, NotFoundError) as error:
            failed[path] = str(error)
            continue
        batch = image[np.newaxis]
        probabilities = classifier.predict(batch)[0]
        predicted = int(probabilities.argmax())
        index = predicted if class_name is None else names.index(class_name)
        heated = overlay(batch, gradcam(batch, index))[0]
        plain = np.repeat(image[..., :1], 3, axis=-1).astype(np.uint8)
        picture = np.concatenate([plain, heated], axis=1)
        target = _free_name(folder, path, taken={row["heatmap"] for row in rows})
        write_whole(target, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        rows.append(
            {
                "file": str(path),
                "heatmap": str(target),
                "predicted": names[predicted],
                "explained": names[index],
                "probability": float(probabilities[index]),
            }
        )
    columns = ["file", "heatmap", "predicted", "explained", "probability"]
    return pd.DataFrame(rows, columns=columns), failed


def _free_name(folder: Path, image: Path, *, taken: set[str]) -> Path:
    """`NAME.png` in the folder; with the image's own folder in front where that is taken."""
    target, parents = folder / f"{image.stem}.png", list(image.absolute().parts[:-1])
    while str(target) in taken and parents:
        target = target.with_name(f"{parents.pop()}-{target.name}")
    return target
