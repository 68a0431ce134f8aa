"""Saved models, read so that a file of unknown origin neither runs code nor fills the memory."""

import os
from pathlib import Path
from typing import Any

import keras

from keras_cxr._archives import ArchiveError, check_model_archive
from keras_cxr.errors import DataError, NotFoundError

_SHOWN = 200  # characters: Keras repeats whole configurations in its messages


def read_model(
    path: str | os.PathLike[str], *, custom_objects: dict[str, Any] | None = None
) -> keras.Model:
    """Return the uncompiled model in a `.keras` file.

    The archive is looked at before Keras unpacks it, and Keras' safe mode stays on: no code that
    stands in the file is run.

    Args:
        path: the file.
        custom_objects: as `keras.saving.load_model` takes them.

    Raises:
        NotFoundError: there is no such file.
        DataError: (a ValueError) it is damaged or no model.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"There is no model {file}.")
    try:
        if file.suffix == ".keras":  # Keras reads no other suffix as an archive
            check_model_archive(file)
        model = keras.saving.load_model(file, custom_objects=custom_objects, compile=False)
    except ArchiveError as error:
        raise DataError(f"{file} cannot be read as a Keras model: {error}.") from error
    except Exception as error:  # a damaged configuration may raise nearly anything
        text = " ".join(str(error).split()) or type(error).__name__
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise DataError(f"{file} cannot be read as a Keras model: {text}") from error
    if not isinstance(model, keras.Model):
        raise DataError(f"{file} holds a {type(model).__name__}, not a Keras model.")
    return model
