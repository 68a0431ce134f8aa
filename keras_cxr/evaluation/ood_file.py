"""The file of a detector of unusual pictures: written whole, looked at before it is believed."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.archives import ArchiveError, read_npz
from keras_cxr._support.disk.documents import COUNT, Document, FormError, Range, Text
from keras_cxr._support.disk.files import arrays_digest, write_whole
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr.errors import DataError, NotFoundError
from keras_cxr.evaluation.vectors import THUMBNAIL_SIDE
from keras_cxr.runtimes.compiled import CompiledModel

if TYPE_CHECKING:
    import keras

SCHEMA_VERSION = 1
NUMBERS = ("threshold", "neighbor", "num_validation", "held_out")
_HEAD = Document(
    what="a detector of unusual pictures",
    form={
        "threshold": Range(0),
        "neighbor": Range(1, 2**31, whole=True),
        "num_validation": COUNT,
        "held_out": bool,
        "weights": Text("[0-9a-f]{64}", "a SHA-256 in hexadecimal"),
    },
    remedy="Fit it anew with OutOfDistribution.fit.",
    version=SCHEMA_VERSION,
)


def write_detector(
    path: Path, model: "keras.Model", references: NDArray[np.float16], numbers: dict[str, Any]
) -> Path:
    """Write all of a detector but its model to an .npz file, whole or not at all; return its path.

    Args:
        path: of the file.
        model: the classifier, of which a hash of the weights is kept.
        references: (n, features + 256) float16 vectors of training images.
        numbers: the detector's `NUMBERS`, by name.

    Raises:
        OutputError: (an OSError) it cannot be written.
    """
    head = {"schema_version": SCHEMA_VERSION, **numbers, "weights": weights_digest(model)}
    held = io.BytesIO()
    np.savez(held, head=np.array(to_json(head)), references=references)
    write_whole(path, held.getvalue())
    return path


def read_detector(
    path: Path, model: "keras.Model | CompiledModel"
) -> tuple[NDArray[np.float16], dict[str, Any]]:
    """Return the references and `NUMBERS` that `write_detector` wrote for this model.

    Raises:
        NotFoundError: there is no such file.
        DataError: (a ValueError) it is damaged, of another version, or was fitted to other
            weights than the model's.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}")
    try:
        held = read_npz(path, {"head": "U", "references": "f"})
        head = _HEAD.parse(str(held["head"]))
    except ArchiveError as error:
        raise _HEAD.damaged(path, f"is damaged ({error})") from error
    except FormError as error:
        raise _HEAD.damaged(path, error) from error
    references = held["references"]
    if head["weights"] != weights_digest(model):
        raise DataError(
            f"{path} was fitted to other weights than those of {model.name!r}: its scores "
            "would mean nothing. Fit the detector anew with OutOfDistribution.fit."
        )
    width = _num_features(model) + THUMBNAIL_SIDE**2
    shape, rows = references.shape, len(references) if references.ndim else 0
    if shape != (rows, width) or head["neighbor"] > rows or not np.isfinite(references).all():
        raise _HEAD.damaged(
            path,
            f"has references of shape {shape}, not finite numbers of shape (rows, {width}) "
            f"with at least {head['neighbor']} rows",
        )
    return references.astype(np.float16), {name: head[name] for name in NUMBERS}


def _num_features(model: "keras.Model | CompiledModel") -> int:
    if isinstance(model, CompiledModel):
        return model.num_features
    from keras_cxr.keras_graph.features import feature_model

    return int(feature_model(model).output_shape[-1])


def weights_digest(model: "keras.Model | CompiledModel") -> str:
    """Return a hash of a model's weights, in hexadecimal."""
    if isinstance(model, CompiledModel):
        return model.weights
    return arrays_digest(model.get_weights())
