"""A backbone's features of the images of a data set: computed once, kept beside their cache."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import Range, Text
from keras_cxr._support.disk.files import arrays_digest, file_digest, whole_file, writing_to
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr._support.disk.memo import computed_once
from keras_cxr._support.progress import progress_bar
from keras_cxr.errors import TrainingError
from keras_cxr.training.settings import describe_model

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

SCHEMA_VERSION = 1
_METHOD = 1  # raised whenever the same pictures and weights would give other features
_FORM = {
    "file": Text(r"features-[0-9a-f]{16}\.f32", "a file of features"),
    "shape": [Range(1, 2**31, whole=True)],
    "sha256": Text("[0-9a-f]{64}", "a SHA-256 in hexadecimal"),
}
_TITLES = {"train": "Features, training part", "val": "Features, validation part"}


class FeatureBatches(keras.utils.PyDataset):
    """Features and one-hot labels in batches, read from a memory map; without threads.

    Args:
        values: (n, ...) float32 features.
        labels: (n,) int64 class indices.
        order: (n,) int64: the rows of both, in the order in which they are given.
        batch_size: images per batch; the last one holds what is left.
        num_classes: length of the one-hot labels.
    """

    def __init__(
        self,
        values: NDArray[np.float32],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        *,
        batch_size: int,
        num_classes: int,
    ) -> None:
        super().__init__()
        self._values, self._labels, self._order = values, labels, order
        self._batch_size, self._num_classes = batch_size, num_classes

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        start = index * self._batch_size
        rows = self._order[start : start + self._batch_size]
        one_hot = np.eye(self._num_classes, dtype=np.float32)[self._labels[rows]]
        return self._values[rows], one_hot


@dataclass(frozen=True, eq=False)
class FeatureSets:
    """What `Datasets` is to a whole model, to its head: features in the place of images.

    They are those of the images as they are, in the order in which training takes the images.

    Attributes:
        datasets: the images that they are the features of.
        values: (n, ...) float32 features for "train" and, where there are images, "val".
        seconds: in which they were computed; 0 where they were read.
    """

    datasets: "Datasets"
    values: dict[str, NDArray[np.float32]]
    seconds: float

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image's features."""
        return self.values["train"].shape[1:]

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return self.datasets.num_classes

    @property
    def train(self) -> FeatureBatches:
        """Batches of the training part, shuffled as the images are in this epoch."""
        return self._batches("train")

    @property
    def val(self) -> FeatureBatches | None:
        """Batches of the validation part; None if it is empty."""
        return self._batches("val") if "val" in self.values else None

    def at_epoch(self, epoch: int) -> "FeatureSets":
        """Return the same features in the order of an epoch."""
        return replace(self, datasets=self.datasets.at_epoch(epoch))

    def _batches(self, part: str) -> FeatureBatches:
        data = self.datasets
        index_of = {name: index for index, name in enumerate(data.class_names)}
        names = data.table["class"][data.table["part"] == part]
        return FeatureBatches(
            self.values[part],
            np.array([index_of[name] for name in names], np.int64),
            data.order(part),
            batch_size=data.batch_size,
            num_classes=data.num_classes,
        )


def compute_features(
    backbone: keras.Model,
    datasets: "Datasets",
    folder: Path,
    *,
    verbose: Any = False,
    check_interrupt: Callable[[], None] = lambda: None,
) -> FeatureSets:
    """Return the features of the training and validation parts, computed where they are not kept.

    They are told apart by the pictures, the backbone's layers and weights, and Keras' backend. A
    damaged file is made anew.

    Args:
        backbone: from images to features, as `split_classifier` returns it.
        datasets: the images; they are not augmented.
        folder: where the features are kept: the images' cache folder.
        verbose: True shows a bar on stderr, "auto" only in a terminal.
        check_interrupt: called before each batch; may raise.

    Raises:
        OutputError: the folder cannot be written.
        TrainingError: the backbone computes NaN or infinity.
    """
    described = [
        _METHOD,
        keras.backend.backend(),
        _without_trainable(describe_model(backbone)["config"]),
        arrays_digest(backbone.get_weights()),
    ]
    values, seconds = {}, 0.0
    for part in (part for part in ("train", "val") if getattr(datasets, part) is not None):

        def write(path: Path, part: str = part) -> tuple[int, ...]:
            return _write(path, backbone, datasets, part, verbose, check_interrupt)

        values[part], took = _computed_once([*described, datasets.identity(part)], folder, write)
        seconds += took
    return FeatureSets(datasets, values, seconds)


def _computed_once(
    depends_on: list[Any], folder: Path, write: Callable[[Path], tuple[int, ...]]
) -> tuple[NDArray[np.float32], float]:
    """Return features from a file in the folder, and the seconds it took to make it, if it did."""
    key = hashlib.sha256(to_json(depends_on, indent=None).encode()).hexdigest()
    path = folder / f"features-{key[:16]}.f32"
    started, seconds = time.perf_counter(), 0.0

    def compute() -> dict[str, Any]:
        nonlocal seconds
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            shape = write(temporary)
            digest = file_digest(temporary)
        seconds = time.perf_counter() - started
        return {"file": path.name, "shape": list(shape), "sha256": digest}

    known = computed_once(
        folder,
        "features",
        depends_on,
        compute=compute,
        form=_FORM,
        fits=lambda found: _is_whole(folder / found["file"], found),
        field="features",
        version=SCHEMA_VERSION,
    )
    shape = tuple(known["shape"])
    return np.memmap(folder / known["file"], np.float32, "r", shape=shape), seconds


def _write(
    path: Path,
    backbone: keras.Model,
    datasets: "Datasets",
    part: str,
    verbose: Any,
    check_interrupt: Callable[[], None],
) -> tuple[int, ...]:
    """Write a part's features one batch after the other and return their shape."""
    count, shape = len(datasets.files(part)), ()
    with path.open("wb") as file, progress_bar(count, _TITLES[part], verbose) as advance:
        for start in range(0, count, datasets.batch_size):
            check_interrupt()
            rows = np.arange(start, min(start + datasets.batch_size, count))
            found = backbone.predict_on_batch(datasets.load(part, rows)[0])
            features = np.asarray(found, np.float32)
            if not np.isfinite(features).all():
                raise TrainingError(
                    f"{backbone.name!r} computes NaN or infinity for images of the part {part}: "
                    "look for weights that are no numbers or too large."
                )
            file.write(np.ascontiguousarray(features).tobytes())
            advance(len(rows))
            shape = features.shape[1:]
    return count, *shape


def _without_trainable(config: Any) -> Any:
    """Return a model's configuration without what is frozen, which no feature depends on."""
    if isinstance(config, list):
        return [_without_trainable(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {key: _without_trainable(item) for key, item in config.items() if key != "trainable"}


def _is_whole(path: Path, known: dict[str, Any]) -> bool:
    size = 4 * int(np.prod(known["shape"], dtype=object))
    try:
        return path.stat().st_size == size and file_digest(path) == known["sha256"]
    except OSError:
        return False
