"""What a classifier says of one batch of pictures, whichever runtime computes it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.processes import check_not_forked
from keras_cxr.data.files.intensity import is_narrow
from keras_cxr.inference.pictures import Picture, PictureReader
from keras_cxr.inference.places import Saved
from keras_cxr.inference.predictions import Predictions
from keras_cxr.runtimes.compiled import CompiledModel
from keras_cxr.statistics.conformal import ConformalSets

if TYPE_CHECKING:  # another runtime answers without Keras
    import keras

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

_NO_SETS = (
    "There are no prediction sets: none were fitted to this model's probabilities. "
    "`keras-cxr audit FOLDER --model RUN` fits them for calibrated.keras."
)


def answer_batch(
    batch: Sequence[tuple[Picture, Pixels | str]],
    known: Saved,
    *,
    reader: PictureReader,
    notes: Sequence[str],
    lock: AbstractContextManager[Any],
) -> Predictions:
    """Return the answers for pictures that were read.

    Args:
        batch: each picture with its pixels, or why there are none; it may be empty.
        known: the classifier's parts.
        reader: reads the pictures again for heat maps.
        notes: what was said while the pictures were listed.
        lock: held while the model computes, one thread at a time.
    """
    failed = {picture.name: found for picture, found in batch if isinstance(found, str)}
    good = [(picture, found) for picture, found in batch if not isinstance(found, str)]
    images = [found for _, found in good]
    probabilities, scores = _computed(images, known, lock)
    finite = np.asarray(np.isfinite(probabilities).all(axis=1))
    for row in np.flatnonzero(~finite):
        name = good[row][0].name
        failed[name] = f"{name}: the model computes NaN for it."
    kept = [one for one, is_finite in zip(good, finite, strict=True) if is_finite]
    probabilities, scores = probabilities[finite], scores[finite]
    sets, detector = known.prediction_sets, known.unusual
    return Predictions(
        tuple(picture.name for picture, _ in kept),
        known.class_names,
        probabilities,
        unusual_score=None if detector is None else scores,
        unusual=None if detector is None else scores > detector.threshold,
        narrow=np.array([is_narrow(image[..., 0]) for _, image in kept], bool),
        in_set=None if sets is None else _in_sets(sets, probabilities),
        failed=failed,
        notes=(*known.notes, *([] if sets is not None else [_NO_SETS]), *notes),
        _answered_by=known.model,
        _reader=reader,
        _contents=tuple(
            picture.content if isinstance(picture.content, Path) else image
            for picture, image in kept
        ),
    )


def probabilities_of(model: "keras.Model | CompiledModel", images: NDArray[np.float32]) -> Floats:
    """Return class probabilities `(batch, classes)` of images in [0, 255].

    Raises:
        InvalidArgumentError: (a ValueError) the model computes NaN for an image, or returns neither
            probabilities nor logits.
    """
    if isinstance(model, CompiledModel):
        return model.predict_on_batch(images).astype(np.float64)
    from keras_cxr.keras_graph.interface import predict_probabilities

    return predict_probabilities(model, images)


def _computed(
    images: Sequence[Pixels], known: Saved, lock: AbstractContextManager[Any]
) -> tuple[Floats, Floats]:
    """Return probabilities, NaN where the model computes it, and how unusual each image is."""
    if not images:
        return np.zeros((0, len(known.class_names))), np.zeros(0)
    pixels = np.stack(images).astype(np.float32)
    check_not_forked()  # before the lock, which a forked child may have inherited taken
    with lock:  # Keras traces a model's functions when they are first called
        if known.unusual is not None:
            return known.unusual.predict(pixels)
        if isinstance(known.model, CompiledModel):
            return known.model.predict_on_batch(pixels).astype(np.float64), np.zeros(len(pixels))
        from keras_cxr.keras_graph.heads import outputs_probabilities
        from keras_cxr.keras_graph.interface import as_probabilities

        logits = not outputs_probabilities(known.model)
        outputs = known.model.predict_on_batch(pixels)
    return as_probabilities(outputs, logits=logits), np.zeros(len(pixels))


def _in_sets(sets: ConformalSets, probabilities: Floats) -> NDArray[np.bool_]:
    return sets.sets(probabilities) if len(probabilities) else np.zeros(probabilities.shape, bool)
