"""A trained model, the names of its classes and how its images were read."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.file_names import (
    BEST_MODEL_FILE,
    LAST_MODEL_FILE,
    RUN_RECORD_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.processes import check_not_forked
from keras_cxr._support.ranges import check_range_for
from keras_cxr._support.text.prediction_tables import probability_columns
from keras_cxr._support.threads import in_threads
from keras_cxr.data.catalog import near_name
from keras_cxr.data.files.images import read_image
from keras_cxr.data.files.intensity import is_narrow
from keras_cxr.data.labels import check_class_names
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.inference.recorded import recorded_run
from keras_cxr.keras_graph.heads import outputs_probabilities
from keras_cxr.keras_graph.interface import (
    as_probabilities,
    check_reads_images,
    num_outputs,
    predict_probabilities,
)
from keras_cxr.models.files import read_model

if TYPE_CHECKING:
    from keras_cxr.evaluation.ood import OutOfDistribution

MODEL_FILES = (LAST_MODEL_FILE, BEST_MODEL_FILE)
BATCH_SIZE = 32

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model that answers with class names for image files.

    Attributes:
        model: from `(batch, height, width, channels)` float32 in [0, 255] to
            `(batch, classes)`.
        class_names: in the order of the model's outputs.
        data_options: how `make_datasets` read the images it was trained on (`image_size`,
            `color_mode`, `intensity`, `region`, `seed`, …); empty where no run is on record.
        unusual: tells pictures that are not like those the model was trained on; `None` where
            no `unusual.npz` of these weights lies beside the model.
        notes: what is worth knowing, such as why there is no `unusual`.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    data_options: dict[str, Any]
    unusual: "OutOfDistribution | None" = None
    notes: tuple[str, ...] = ()

    @property
    def color_mode(self) -> str:
        """How images are read: "rgb" for an input of three channels, else "grayscale"."""
        return "rgb" if self.model.input_shape[-1] == 3 else "grayscale"

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` of the images: the model's, or its run's where the model takes any."""
        height, width = self.model.input_shape[1:3]
        if height and width:
            return height, width
        known = self.data_options["image_size"]
        return height or known[0], width or known[1]

    @property
    def intensity(self) -> str:
        """How files become grey: as those that the model was trained on, else "stored"."""
        return str(self.data_options.get("intensity", "stored"))

    def read(self, path: str | os.PathLike[str]) -> NDArray[np.float32]:
        """One file as the model takes it: `(height, width, channels)` float32 in [0, 255].

        Raises:
            NotFoundError: there is no such file.
            DataError: it is damaged or no image.
        """
        image = read_image(path, self.image_size, self.color_mode, intensity=self.intensity)
        return image.astype(np.float32)

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Class probabilities `(batch, classes)` of images `(batch, height, width, channels)`."""
        check_range_for(self.model, images, InvalidArgumentError)
        return predict_probabilities(self.model, images)

    def predict_files(self, paths: Iterable[Path]) -> tuple[pd.DataFrame, dict[Path, str]]:
        """Return a row per readable file (`file`, `predicted`, probabilities), and the rest.

        The probabilities' columns are named as the classes, or `probability of NAME` for a class
        that is called like another column. With `unusual` there are two columns more:
        `unusual_score` (higher is more unusual) and `unusual` (bool: above the score that 95 % of
        the validation images stay below). Where any film uses little of its range, `narrow` (bool)
        tells which: the model sees them black or flat. The second value names each file that could
        not be read, with the reason.
        """
        rows: list[list[Any]] = []
        scores: list[float] = []
        narrow: list[bool] = []
        failed: dict[Path, str] = {}
        for chunk in self.read_ahead(list(paths)):
            failed |= {path: found for path, found in chunk if isinstance(found, str)}
            good = [(path, found) for path, found in chunk if not isinstance(found, str)]
            if good:
                probabilities, distances = self._answers(np.stack([image for _, image in good]))
                for (path, image), row, score in zip(good, probabilities, distances, strict=True):
                    if np.isfinite(row).all():
                        narrow.append(is_narrow(image[..., 0].astype(np.uint8)))
                        rows.append([str(path), self.class_names[row.argmax()], *row])
                        scores.append(score)
                    else:
                        failed[path] = f"{path}: the model computes NaN for it."
        classes = probability_columns(self.class_names)
        table = pd.DataFrame(rows, columns=["file", "predicted", *classes])
        if self.unusual is not None:
            table["unusual_score"] = np.array(scores, np.float64)
            table["unusual"] = table["unusual_score"] > self.unusual.threshold
        if any(narrow):
            table["narrow"] = narrow
        return table, failed

    def _answers(
        self, images: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities, NaN where the model computes it, and how unusual each image is."""
        if self.unusual is not None:
            return self.unusual.predict(images)
        check_not_forked()
        logits = not outputs_probabilities(self.model)
        outputs = self.model.predict_on_batch(images)
        return as_probabilities(outputs, logits=logits), np.zeros(len(images))

    def read_ahead(self, paths: list[Path]) -> Iterator[list[tuple[Path, Image | str]]]:
        """Up to 32 files at a time with their images, read while earlier ones are worked on.

        In place of the image of a file that cannot be read stands the reason.
        """
        found = in_threads(self._read_or_reason, paths, chunk=BATCH_SIZE // 4)
        while batch := list(islice(found, BATCH_SIZE)):
            yield batch

    def _read_or_reason(self, path: Path) -> tuple[Path, Image | str]:
        try:
            return path, self.read(path)
        except (DataError, NotFoundError) as error:
            return path, str(error)


def load_classifier(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
) -> Classifier:
    """Return the classifier that a training run left, or any `.keras` file.

    Args:
        path: a run's folder (its last weights are taken) or a `.keras` file.
        class_names: in the order of the outputs; read from `run.json` beside the model where
            there is one, else "0", "1", ….
        custom_objects: layers and functions of your own in the model, by name, as
            `keras.saving.load_model` takes them.

    Raises:
        NotFoundError: there is no such file, or no model in the folder; near names are given.
        DataError: (a ValueError) the file is no Keras model, holds NaN among its weights, or
            needs `custom_objects`; or the run's record is damaged.
        InvalidArgumentError: (a ValueError) the model does not tell classes of single images
            apart, or as many names as outputs are needed.
    """
    file = find_model_file(Path(path))
    model = read_model(file, custom_objects=custom_objects)
    try:
        check_reads_images(model)
        count = num_outputs(model)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{file} cannot answer for image files: {error}") from error
    record = recorded_run(file.parent)
    data = record["settings"]["data"] if record else {}
    if None in model.input_shape[1:3] and "image_size" not in data:
        raise InvalidArgumentError(
            f"{file} cannot answer for image files: the model takes images of any size, and no "
            f"{RUN_RECORD_FILE} beside it says which it was trained with. Put it into a model with "
            "keras.Input((height, width, channels)) of that size."
        )
    recorded = data.get("class_names") or [str(index) for index in range(count)]
    try:
        names = check_class_names(recorded if class_names is None else class_names)
    except InvalidArgumentError as error:
        if class_names is None:
            raise DataError(f"{RUN_RECORD_FILE} beside {file} is damaged: {error}") from error
        raise
    if len(names) != count and class_names is None:
        raise DataError(
            f"{file} has {count} outputs, but {RUN_RECORD_FILE} beside it names {len(names)} "
            "classes: they are of different runs. Train again, or delete the record."
        )
    if len(names) != count:
        raise InvalidArgumentError(
            f"{file} has {count} outputs, but {len(names)} class names were given."
        )
    unusual, note = _find_unusual(file.parent / UNUSUAL_FILE, model)
    notes = [note] if note else []
    region = data.get("region", "full")
    if region != "full":
        notes.insert(
            0,
            f"The model was trained on the region {region!r} of its images, but files are read "
            "whole, since they have no lung masks here: its answers are not those it was tested "
            "on. `keras-cxr evaluate` uses the masks of a data set.",
        )
    return Classifier(model, names, data, unusual, tuple(notes))


def _find_unusual(path: Path, model: keras.Model) -> "tuple[OutOfDistribution | None, str]":
    """Return the detector beside a model, or None and why there is none."""
    if not path.is_file():
        return None, (
            f"Whether pictures are like those the model was trained on is not told: no {path.name} "
            "lies beside it. `keras-cxr train` writes one, OutOfDistribution.fit too."
        )
    from keras_cxr.evaluation.ood import OutOfDistribution  # with its room, only where needed

    try:
        return OutOfDistribution.load(path, model), ""
    except (DataError, InvalidArgumentError) as error:
        return None, f"Whether pictures are unusual is not told: {error}"


def find_model_file(path: Path) -> Path:
    """Return the `.keras` file that a path means: itself, or the last weights of a run's folder.

    Raises:
        NotFoundError: there is no such file, or no model in the folder; near names are given.
    """
    if path.is_file():
        return path
    for folder in (path, path / "run"):
        for name in MODEL_FILES:
            if (folder / name).is_file():
                return folder / name
    if path.is_dir():
        raise NotFoundError(
            f"The folder {path} holds neither {' nor '.join(MODEL_FILES)}: it is no finished run."
        )
    raise NotFoundError(f"There is no model {path}{near_name(path)}")
