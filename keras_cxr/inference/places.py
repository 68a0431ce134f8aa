"""Where the model lies that a person names: a run, a `.keras` file or a preset."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_cxr._support.disk.file_names import (
    BEST_MODEL_FILE,
    LAST_MODEL_FILE,
)
from keras_cxr.data.catalog import near_name
from keras_cxr.errors import NotFoundError
from keras_cxr.inference.preset.places import is_preset, list_presets
from keras_cxr.statistics.conformal import ConformalSets

if TYPE_CHECKING:  # whoever asks where a model lies need not load it
    import keras

    from keras_cxr.evaluation.ood import OutOfDistribution
    from keras_cxr.runtimes.compiled import CompiledModel

MODEL_FILES = (LAST_MODEL_FILE, BEST_MODEL_FILE)


class Saved(NamedTuple):
    """What was read; the fields are those of `Classifier`."""

    model: "keras.Model | CompiledModel"
    class_names: tuple[str, ...]
    data_options: dict[str, Any]
    unusual: "OutOfDistribution | None"
    notes: tuple[str, ...]
    prediction_sets: ConformalSets | None


def is_model(path: Path) -> bool:
    """Return whether a path is taken for a model: a preset, a `.keras` file or a run's folder."""
    if is_preset(path) or path.suffix.lower() == ".keras":
        return True
    return _model_in(path) is not None


def _model_in(path: Path) -> Path | None:
    """Return the last weights of a run's folder; None where there are none."""
    files = (folder / name for folder in (path, path / "run") for name in MODEL_FILES)
    return next((file for file in files if file.is_file()), None)


def find_model_file(path: Path) -> Path:
    """Return the `.keras` file that a path means: itself, or the last weights of a run's folder.

    Raises:
        NotFoundError: there is no such file, or no model in the folder; near names are given.
    """
    if path.is_file():
        return path
    if (found := _model_in(path)) is not None:
        return found
    if path.is_dir():
        raise NotFoundError(
            f"The folder {path} holds neither {' nor '.join(MODEL_FILES)}: it is no finished run."
        )
    presets = f" Presets: {', '.join(list_presets())}." if len(path.parts) == 1 else ""
    raise NotFoundError(f"There is no model {path}{near_name(path)}{presets}")
