"""`OutOfDistribution`: how unlike its training images a picture is for a model."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr._support.processes import check_not_forked
from keras_cxr.data import Datasets
from keras_cxr.data.datasets import check_datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.ood_file import NUMBERS, read_detector, write_detector
from keras_cxr.evaluation.vectors import neighbor_distances, picture_vectors
from keras_cxr.runtimes.compiled import CompiledModel

if TYPE_CHECKING:  # the detector of a compiled model answers without Keras
    import keras

MAX_IMAGES = 2000  # keeps the file at 1.3 MB for LMAP3 and a score at 0.1 ms
NEIGHBOR = 20  # of 1, 5 and 20 the one whose features told blank and drawn pictures best
ACCEPTED = 0.95  # share of validation images that the threshold accepts
BATCH_SIZE = 64


@dataclass(frozen=True, eq=False, repr=False)
class OutOfDistribution:
    """Tells pictures that are unlike those a model was trained on; made by `fit` or `load`.

    The score of a picture is its distance to the k-th nearest of up to 2,000 training images
    (Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors"), in two
    unit vectors side by side: the model's values before its head, and a 16 x 16 thumbnail without
    its mean (see `features`). Models that are trained on upright X-rays only do not need to know
    what is up, and their features often do not tell; the thumbnail does.

    What it does not show: that an answer is right. An X-ray of another hospital, age or disease
    may be accepted and answered wrongly, and one of 20 X-rays of the training images' own kind is
    called unusual. Mirrored films and good drawings of a chest are mostly accepted.

    Attributes:
        model: the classifier; a `CompiledModel` where another runtime answers.
        references: (n, features + 256) float16 vectors of training images.
        threshold: 95 % of validation images score this or less.
        neighbor: k.
        num_validation: how many images the threshold was taken from.
        held_out: whether these were validation images; otherwise they are training images that
            were set aside, which the model knows, and more than 5 % of new ones may be unusual.
    """

    model: "keras.Model | CompiledModel"
    references: NDArray[np.float16]
    threshold: float
    neighbor: int
    num_validation: int
    held_out: bool

    @classmethod
    def fit(
        cls,
        model: "keras.Model",
        datasets: Datasets,
        *,
        max_images: int = MAX_IMAGES,
        accepted: float = ACCEPTED,
        seed: int = 0,
    ) -> "OutOfDistribution":
        """Return the detector of a trained model.

        Args:
            model: a trained Functional or Sequential classifier.
            datasets: what it was trained on; the threshold comes from the validation part, or,
                without one, from a fifth of the training images that are looked at.
            max_images: at most so many training and so many validation images, drawn evenly.
            accepted: share of validation images that shall pass, in (0, 1).
            seed: of the draw.

        Raises:
            InvalidArgumentError: (a ValueError) an argument cannot work, or the model is no graph
                or does not fit the images.

        Examples:
            >>> import numpy as np, keras_cxr
            >>> images = np.random.default_rng(0).integers(0, 256, (40, 32, 32), np.uint8)
            >>> data = keras_cxr.make_datasets(
            ...     (images, np.arange(40) % 2), image_size=(32, 32), group_duplicates=False
            ... )
            >>> model = keras_cxr.build_lenet5((32, 32, 1), 2)
            >>> detector = OutOfDistribution.fit(model, data)
            >>> detector.score(np.zeros((3, 32, 32, 1), np.float32)).shape
            (3,)
        """
        if not 0.0 < accepted < 1.0:
            raise InvalidArgumentError(f"accepted must lie between 0 and 1, received {accepted!r}")
        from keras_cxr.keras_graph.features import feature_model
        from keras_cxr.keras_graph.interface import check_model_fits

        max_images = check_integer("max_images", max_images, least=2)
        check_datasets(datasets, "OutOfDistribution.fit")
        check_model_fits(model, datasets.input_shape, datasets.num_classes)
        rng = np.random.default_rng(seed)
        network = feature_model(model)
        train = _vectors_of(network, datasets, "train", _drawn(datasets, "train", max_images, rng))
        held_out = datasets.val is not None
        if held_out:
            chosen = _drawn(datasets, "val", max_images, rng)
            held = _vectors_of(network, datasets, "val", chosen)
        else:
            order = rng.permutation(len(train))
            cut = max(1, len(train) // 5)
            train, held = train[order[cut:]], train[order[:cut]]
        neighbor = max(1, min(NEIGHBOR, len(train) // 10))
        references = train.astype(np.float16)
        distances = neighbor_distances(held, references, neighbor)
        threshold = float(np.quantile(distances, accepted, method="higher"))
        return cls(model, references, threshold, neighbor, len(held), held_out)

    def score(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return (n,) distances of at least 0; higher is more unusual.

        Args:
            images: (n, height, width, channels) in [0, 255], as the model takes them.
        """
        pictures = self._checked(images)
        chunks = range(0, len(pictures), BATCH_SIZE)
        if not len(chunks):
            return np.zeros(0)
        return np.concatenate(
            [
                self._scores(self._features(chunk), chunk)
                for chunk in (pictures[start : start + BATCH_SIZE] for start in chunks)
            ]
        )

    def predict(self, images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the model's answers and the scores, from one pass through its layers.

        Args:
            images: (n, height, width, channels) in [0, 255], one batch.

        Returns:
            (n, classes) probabilities and (n,) scores.

        Raises:
            InvalidArgumentError: (a ValueError) the images do not fit, or the model returns neither
                softmax probabilities nor logits.
        """
        check_not_forked()
        pictures = self._checked(images)
        if isinstance(self.model, CompiledModel):
            features, found = self.model.predict_both(pictures)
            return found.astype(np.float64), self._scores(features, pictures)
        from keras_cxr.keras_graph.heads import outputs_probabilities
        from keras_cxr.keras_graph.interface import as_probabilities

        logits = not outputs_probabilities(self.model)
        features, outputs = self._network_and_head.predict_on_batch(pictures)
        return as_probabilities(outputs, logits=logits), self._scores(features, pictures)

    def is_unusual(self, images: NDArray[Any]) -> NDArray[np.bool_]:
        """Return (n,) bool: whether each picture scores above the threshold."""
        return self.score(images) > self.threshold

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all but the model to an .npz file, whole or not at all; return its path.

        Raises:
            OutputError: (an OSError) it cannot be written.
        """
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return write_detector(Path(path), self.model, self.references, numbers)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], model: "keras.Model | CompiledModel"
    ) -> "OutOfDistribution":
        """Return the detector that `save` wrote, for the model it was fitted to.

        Raises:
            NotFoundError: there is no such file.
            DataError: (a ValueError) it is damaged, of another version, or was fitted to other
                weights than the model's.
        """
        references, numbers = read_detector(Path(path), model)
        return cls(model, references, **numbers)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the networks, which share the model's weights and are made when needed."""
        made = ("_network", "_network_and_head")
        return {name: value for name, value in vars(self).items() if name not in made}

    @cached_property
    def _network(self) -> "keras.Model":
        from keras_cxr.keras_graph.features import feature_model

        return feature_model(self.model)

    @cached_property
    def _network_and_head(self) -> "keras.Model":
        import keras

        model: Any = self.model
        return keras.Model(model.inputs, [*self._network.outputs, *model.outputs])

    def _checked(self, images: NDArray[Any]) -> NDArray[np.float32]:
        pictures = np.asarray(images, np.float32)
        if pictures.ndim != 4 or pictures.shape[1:] != self.model.input_shape[1:]:
            self._refuse(pictures)
        return pictures

    def _refuse(self, pictures: NDArray[np.float32]) -> None:
        """Raise where Keras cannot take pictures of this shape, either."""
        if isinstance(self.model, CompiledModel):
            raise InvalidArgumentError(
                f"the images have shape {pictures.shape}, the model {self.model.name!r} takes "
                f"(batch, {', '.join(map(str, self.model.input_shape[1:]))})."
            )
        from keras_cxr.keras_graph.interface import check_model_fits

        check_model_fits(self.model, pictures.shape[1:], self.model.output_shape[-1])

    def _features(self, pictures: NDArray[np.float32]) -> Any:
        if isinstance(self.model, CompiledModel):
            return self.model.predict_both(pictures)[0]
        return self._network.predict_on_batch(pictures)

    def _scores(self, features: Any, images: NDArray[np.float32]) -> NDArray[np.float64]:
        return neighbor_distances(picture_vectors(features, images), self.references, self.neighbor)

    def __repr__(self) -> str:
        return (
            f"OutOfDistribution({self.model.name!r}, threshold={self.threshold:.3f}, "
            f"references={len(self.references)})"
        )


def _drawn(
    datasets: Datasets, part: str, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    total = len(datasets.files(part))
    return np.sort(rng.permutation(total)[:count])


def _vectors_of(
    network: "keras.Model", datasets: Datasets, part: str, chosen: NDArray[np.int64]
) -> NDArray[np.float32]:
    starts = range(0, len(chosen), BATCH_SIZE)
    batches = (datasets.load(part, chosen[i : i + BATCH_SIZE])[0] for i in starts)
    return np.concatenate(
        [picture_vectors(network.predict_on_batch(batch), batch) for batch in batches]
    )
