"""Saved models, read so that a file of unknown origin neither runs code nor fills the memory."""

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cxr._support.disk.archives import ArchiveError, check_model_archive
from keras_cxr._support.processes import check_not_forked
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError

_SHOWN = 200  # characters: Keras repeats whole configurations in its messages
_NOT_LOCATED = re.compile(r"Could not locate (?:class|function) '([^']+)'")


def read_model(
    path: str | os.PathLike[str], *, custom_objects: dict[str, Any] | None = None
) -> keras.Model:
    """Return the uncompiled model in a `.keras` file.

    The archive is looked at before Keras unpacks it, and Keras' safe mode stays on: no code that
    stands in the file is run.

    Args:
        path: the file.
        custom_objects: as `keras.saving.load_model` takes them: classes and functions of your
            own by name.

    Raises:
        NotFoundError: there is no such file.
        DataError: (a ValueError) it is damaged or no model, needs `custom_objects`, or holds NaN
            among the weights.
        InvalidArgumentError: (a ValueError) `custom_objects` is no such dictionary.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"There is no model {file}.")
    if not isinstance(custom_objects, dict | None):
        raise InvalidArgumentError(
            "custom_objects must be a dictionary from names to classes or functions, such as "
            f'{{"MyLayer": MyLayer}}, not {custom_objects!r}.'
        )
    check_not_forked()
    try:
        if file.suffix == ".keras":  # Keras reads no other suffix as an archive
            check_model_archive(file)
        model = keras.saving.load_model(file, custom_objects=custom_objects, compile=False)
    except ArchiveError as error:
        raise DataError(f"{file} cannot be read as a Keras model: {error}.") from error
    except Exception as error:  # a damaged configuration may raise nearly anything
        raise DataError(f"{file} cannot be read as a Keras model: {_reason(error)}") from error
    if not isinstance(model, keras.Model):
        raise DataError(f"{file} holds a {type(model).__name__}, not a Keras model.")
    _check_weights(model, file)
    return model


def why_unreadable(model: keras.Model) -> str | None:
    """Return why a file of this model could not be read back; None where it can.

    A new model is made from the configuration that the file would hold, as reading does. Python's
    random state, from which new layers draw their seeds, stays as it was.

    Raises:
        InvalidArgumentError: as `configuration_of`.
    """
    config = configuration_of(model)
    config.pop("compile_config", None)  # files are written uncompiled
    state = random.getstate()
    try:
        again = keras.saving.deserialize_keras_object(config)
    except Exception as error:  # as in reading
        return _reason(error)
    finally:
        random.setstate(state)
    if [v.shape for v in again.variables] != [v.shape for v in model.variables]:
        return "a model made from its configuration has other weights"
    return None


def configuration_of(model: keras.Model) -> dict[str, Any]:
    """Return the JSON document that a file of this model holds beside its weights.

    Raises:
        InvalidArgumentError: (a ValueError) a layer does not say how it was made, so that no file
            can be written.
    """
    try:
        document = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    except Exception as error:  # what an author's get_config raises, or returns
        raise InvalidArgumentError(
            f"the model {model.name!r} cannot be written to a file: {_shortened(error)} Give the "
            "layer a get_config() of plain values from which it can be made again."
        ) from error
    return dict(document)


def _reason(error: BaseException) -> str:
    """Return what keeps Keras from making the model, and the way out."""
    text = str(error).rpartition("Exception encountered: ")[2]
    missing = _NOT_LOCATED.search(text)
    if missing:
        name = missing[1].rpartition(">")[2]
        return (
            f"it holds {name!r}, which is not Keras' own. Pass custom_objects="
            f'{{"{name}": {name}}}, or decorate it with '
            "@keras.saving.register_keras_serializable() and import it before."
        )
    if "Lambda" in text and "arbitrary code" in text:
        return (
            "it holds a Lambda layer, and Python code in a file is never run. Build the model "
            "again and call its load_weights with the file, or use a layer class of your own."
        )
    return _shortened(text or type(error).__name__)


def _shortened(error: BaseException | str) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _check_weights(model: keras.Model, file: Path) -> None:
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            values = np.asarray(keras.ops.convert_to_numpy(weight))
            if np.isnan(values.astype(np.float32, copy=False)).any():
                raise DataError(
                    f"{file} holds NaN in the weights {weight.path!r}, so that every answer would "
                    "be NaN: take a file from before its training failed, or train anew with a "
                    "lower learning rate."
                )
