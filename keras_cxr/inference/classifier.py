"""A trained model, the names of its classes and how its images were read."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.processes import check_not_forked
from keras_cxr._support.ranges import check_range_for
from keras_cxr.errors import InvalidArgumentError, NotFoundError
from keras_cxr.inference.answering import Pixels, answer_batch, probabilities_of
from keras_cxr.inference.compiled import check_runtime, read_compiled
from keras_cxr.inference.pictures import Picture, PictureReader, list_pictures
from keras_cxr.inference.places import Saved
from keras_cxr.inference.predictions import Predictions, joined
from keras_cxr.inference.preset.places import list_presets, locate_preset
from keras_cxr.runtimes.compiled import CompiledModel
from keras_cxr.statistics.conformal import ConformalSets

if TYPE_CHECKING:  # another runtime answers without Keras
    import keras

    from keras_cxr.evaluation.ood import OutOfDistribution

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model that answers with class names for X-rays, wherever these are.

    Call it with a path, a folder, the bytes of an image file, a file that is open for reading
    bytes, a PIL image, a pydicom data set, an array `(height, width)`, `(height, width, channels)`
    or a batch of them with values in [0, 255], or a list of any of these. A string is one path.
    Pictures of any size are stretched as in training, and pixels in memory are read as a file of
    the same pixels would be: colours become grey, a fourth channel is dropped, 16 bits are divided
    by 257, floats are rounded. Several threads may ask at once.

    Attributes:
        model: from `(batch, height, width, channels)` float32 in [0, 255] to
            `(batch, classes)`: a Keras model, or what another runtime reads of it.
        class_names: in the order of the model's outputs.
        data_options: how `make_datasets` read the images it was trained on (`image_size`,
            `color_mode`, `intensity`, `region`, `seed`, …); empty where no run is on record.
        unusual: tells pictures that are not like those the model was trained on; `None` where
            no `unusual.npz` of these weights lies beside the model.
        notes: what is worth knowing, such as why there is no `unusual`.
        prediction_sets: fitted to the model's probabilities; `None` where none were.

    Examples:
        >>> import numpy as np
        >>> classifier = Classifier.from_preset("lmap3_phantom")
        >>> classifier(np.full((300, 200), 128, np.uint8)).probabilities.shape
        (1, 4)
    """

    model: "keras.Model | CompiledModel"
    class_names: tuple[str, ...]
    data_options: dict[str, Any]
    unusual: "OutOfDistribution | None" = None
    notes: tuple[str, ...] = ()
    prediction_sets: ConformalSets | None = None
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    @classmethod
    def from_preset(
        cls,
        source: str | os.PathLike[str],
        *,
        runtime: str = "keras",
        precision: str = "float32",
    ) -> "Classifier":
        """Return the classifier of a preset.

        Nothing in a preset is run; its files are held against their SHA-256, and the model must
        answer for drawn films as it did when the preset was written.

        Args:
            source: one of `list_presets()`, a folder that `save_preset` wrote, or
                `hf://owner/name` of the Hugging Face hub, with `@revision` where it is not main.
            runtime: what answers, as `load` takes it.
            precision: of Keras' numbers, as `load` takes it.

        Raises:
            NotFoundError: there is no such preset.
            DataError: (a ValueError) it is damaged, of a later release, or answers differently.
            WeightsUnavailableError: (an OSError) the hub cannot be reached.

        Examples:
            >>> Classifier.from_preset("lmap3_phantom").image_size
            (224, 224)
        """
        if locate_preset(source) is None:
            raise NotFoundError(
                f"There is no preset {str(source)!r}. Known presets: {', '.join(list_presets())}."
            )
        return cls.load(source, runtime=runtime, precision=precision)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        class_names: Sequence[str] | None = None,
        custom_objects: dict[str, Any] | None = None,
        runtime: str = "keras",
        precision: str = "float32",
    ) -> "Classifier":
        """Return the classifier that a training run left, of a preset, or of any `.keras` file.

        Args:
            path: a run's folder (its last weights are taken), a `.keras` file, or a preset: its
                folder, its name where nothing of that path is there, or `hf://owner/name`.
            class_names: in the order of the outputs; read from `run.json` beside the model where
                there is one, else "0", "1", ….
            custom_objects: layers and functions of your own in the model, by name, as
                `keras.saving.load_model` takes them.
            runtime: what answers: "keras", or "onnx" and "litert", which answer within 1e-4 of it
                and need neither Keras nor TensorFlow once Keras has written their form of the
                model into the cache, where the next process finds it.
            precision: of Keras' numbers: "float32", "mixed_bfloat16" (where the hardware multiplies
                such numbers itself about twice as fast; probabilities of films moved by up to
                0.011), or "auto", as `train` takes it.

        Raises:
            NotFoundError: there is no such file, or no model in the folder; near names are given.
            DataError: (a ValueError) the file is no Keras model, holds NaN among its weights, or
                needs `custom_objects`; or the run's record is damaged.
            InvalidArgumentError: (a ValueError) the model does not tell classes of single images
                apart, or as many names as outputs are needed.
            MissingExtraError, BackendError: (an ImportError) the runtime is not installed, or the
                backend cannot write its form of the model.
            ExportError: (a RuntimeError) the model has no such form, or answers differently in it.
        """
        check_runtime(runtime, precision)
        options: Any = {"class_names": class_names, "custom_objects": custom_objects}
        if runtime != "keras":
            return cls(*read_compiled(path, runtime, **options))
        from keras_cxr.inference.loading import read_saved

        return cls(*read_saved(path, precision=precision, **options))

    def in_keras(self) -> "Classifier":
        """Return this classifier with its Keras model: for heat maps, and for training on."""
        if not isinstance(self.model, CompiledModel):
            return self
        model = self.model.load_keras()
        unusual = None if self.unusual is None else replace(self.unusual, model=model)
        return replace(self, model=model, unusual=unusual)

    def __call__(self, images: Any) -> Predictions:
        """Return the answers for one picture or several.

        Pictures that cannot be read end nothing: `failed` of the answers has them with the reason.

        Args:
            images: one of what the class takes, or a list of these.

        Raises:
            NotFoundError: a folder holds no image.
            DataError: (a ValueError) a folder cannot be listed.
            InvalidArgumentError: (a ValueError) something that is no picture, or an array that was
                scaled to [0, 1], reaches out of [0, 255] or holds NaN.
        """
        notes: list[str] = []
        pictures = list(list_pictures(images, notes))  # all are checked before the work begins
        return joined([self._answer([], notes), *self._answers(pictures, notes)])

    def stream(self, images: Any) -> Iterator[Predictions]:
        """Yield the answers for up to 32 pictures at a time, with bounded memory.

        Args:
            images: as for a call; any iterable too, which may be endless. It is read a few hundred
                pictures ahead.

        Raises:
            NotFoundError, DataError, InvalidArgumentError: as a call does, when it gets there.
        """
        notes: list[str] = []
        return self._answers(list_pictures(images, notes), notes)

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
        return self._reader.read(Path(path)).astype(np.float32)

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Class probabilities `(batch, classes)` of images `(batch, height, width, channels)`."""
        check_range_for(self.model, images, InvalidArgumentError)
        check_not_forked()
        with self._lock:
            return probabilities_of(self.model, images)

    def predict_files(self, paths: Iterable[Path]) -> tuple[pd.DataFrame, dict[Path, str]]:
        """Return `Predictions.table` of files, and the others: each with why it was not read."""
        pictures = (Picture(str(path), path) for path in paths)
        found = joined([self._answer([], []), *self._answers(pictures, [])])
        return found.table, {Path(name): reason for name, reason in found.failed.items()}

    def read_ahead(self, paths: Iterable[Path]) -> Iterator[list[tuple[Path, Image | str]]]:
        """Up to 32 files at a time with their images, read while earlier ones are worked on.

        In place of the image of a file that cannot be read stands the reason.
        """
        for batch in self._reader.read_ahead(Picture(str(path), path) for path in paths):
            yield [
                (picture.content, found if isinstance(found, str) else found.astype(np.float32))
                for picture, found in batch
            ]

    @property
    def _reader(self) -> PictureReader:
        return PictureReader(self.image_size, self.color_mode, self.intensity)

    def _answers(self, pictures: Iterable[Picture], notes: list[str]) -> Iterator[Predictions]:
        for batch in self._reader.read_ahead(pictures):
            yield self._answer(batch, notes)

    def _answer(
        self, batch: Sequence[tuple[Picture, Pixels | str]], notes: list[str]
    ) -> Predictions:
        known = Saved(
            self.model, self.class_names, self.data_options, self.unusual, self.notes,
            self.prediction_sets,
        )  # fmt: skip
        return answer_batch(batch, known, reader=self._reader, notes=notes, lock=self._lock)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock, which each process has for itself."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was kept, with a lock of its own."""
        vars(self).update(state, _lock=threading.Lock())


def load_classifier(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
) -> Classifier:
    """Return `Classifier.load` of the same arguments; it says what it takes and raises."""
    return Classifier.load(path, class_names=class_names, custom_objects=custom_objects)
