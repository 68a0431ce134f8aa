"""`find_suspicious_labels`: images whose label contradicts a model that never saw them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.prediction_tables import probabilities_in, probability_columns
from keras_cxr.audit.findings import Finding
from keras_cxr.data import Datasets
from keras_cxr.data.folds import make_folds
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation import evaluate
from keras_cxr.training import train
from keras_cxr.training.progress import make_progress

SCHEMA_VERSION = 1
SHOWN = 10
"""Rows of the ranking that `str` shows; the table holds all."""

Builder = Callable[[tuple[int, int, int], int], keras.Model]


@dataclass(frozen=True, eq=False, repr=False)
class SuspiciousLabels:
    """Images ranked by how strongly held-out predictions deny their label; the most first.

    A high rank says that the model and the label disagree, no more: hard images, rare ones and
    those of another hospital stand high with right labels, and wrong labels that the model
    repeats (because a whole source bears them) stand low. Only a reader of the image can tell.

    Attributes:
        table: a row for each image: file, label, suggested (the likeliest class), confidence
            (the label's probability, the ranking's key), margin (that less the likeliest other
            class', in [-1, 1]), suspicious (bool: counted as wrong by confident learning) and the
            probability of each class in a column of its name.
        class_names: in the order of the probabilities.
        thresholds: (classes,) float64: mean probability of a class over images labelled with it;
            above it an image counts as confidently of that class. NaN for a class without images.
        confident_joint: (classes, classes) int64 counts of images that are confidently of a
            class, rows the given label, columns that class.
    """

    table: pd.DataFrame
    class_names: tuple[str, ...]
    thresholds: NDArray[np.float64]
    confident_joint: NDArray[np.int64]

    @property
    def num_suspicious(self) -> int:
        """How many images confident learning counts as wrongly labelled."""
        return int(self.table["suspicious"].sum())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One sentence: how many images, and what they are mostly labelled and answered."""
        count, total = self.num_suspicious, len(self.table)
        sentence = (
            f"A model that had not seen them denies the labels of {count:,} of {total:,} images "
            f"with confidence"
        )
        if count:
            marked = self.table[self.table["suspicious"]]
            pairs = Counter(zip(marked["label"], marked["suggested"], strict=True))
            (label, suggested), most = pairs.most_common(1)[0]
            sentence += f", most often {label} that it takes for {suggested} ({most:,})"
        sentence += "; which of them are wrong only a reader can tell."
        return (Finding("suspicious_labels", sentence, count / total),)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it, the ranking included, with a `schema_version`."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "class_names": list(self.class_names),
            "num_images": len(self.table),
            "num_suspicious": self.num_suspicious,
            "thresholds": self.thresholds,
            "confident_joint": self.confident_joint,
            "ranking": self.table.to_dict("records"),
        }
        return dict(as_json(document))

    def __str__(self) -> str:
        head = f"{self.num_suspicious:,} of {len(self.table):,} labels are suspicious"
        shown = self.table.head(SHOWN)[["file", "label", "suggested", "confidence", "margin"]]
        return f"{head}; the {len(shown)} most:\n" + shown.to_string(
            index=False, float_format="{:.3f}".format
        )

    def __repr__(self) -> str:
        return f"SuspiciousLabels(num_images={len(self.table)}, suspicious={self.num_suspicious})"


def find_suspicious_labels(
    datasets: Datasets,
    *,
    build: Builder,
    folds: int = 3,
    epochs: int = 5,
    precision: str = "auto",
    seed: int = 0,
    verbose: Any = "auto",
) -> SuspiciousLabels:
    """Return the images of all parts ranked by how strongly models that never saw them disagree.

    The images are divided into folds, patients and copies kept whole. For each fold the recipe
    of `train` makes a new model of the others, which predicts this one, so that every image has
    probabilities of a model that did not learn its label; `rank_labels` ranks them. That takes
    about `folds` - 1 times as long as `epochs` epochs on everything.

    Keras' global random seed is set before each model is built, so that its first weights repeat.

    Args:
        datasets: what `make_datasets` returned. With `group_duplicates` copies stay together;
            without, a copy in another fold teaches the model the label that it shall judge.
        build: makes a model from `(input_shape, num_classes)`, such as `build_lmap3`.
        folds: how many, at least 2. More leave more images to learn from and take longer.
        epochs: of each fold. A model that is trained until it knows its training images by heart
            doubts fewer labels, one that has learnt little doubts the hard ones.
        precision: as `train` takes it.
        seed: of the folds and the first weights.
        verbose: progress on standard error, as `train` takes it.

    Raises:
        InvalidArgumentError: an argument cannot work, or `build` returns no fitting model.
        DataError: a class has fewer images or groups than there are folds.

    Examples:
        >>> found = find_suspicious_labels(datasets, build=build_lmap3)  # doctest: +SKIP
        >>> found.table.head(20)  # doctest: +SKIP
    """
    steps, images = len(datasets.train), len(datasets.files("train"))
    progress = make_progress(
        verbose, epochs=epochs, steps=steps, images=images, batch_size=datasets.batch_size
    )
    predictions = []
    for number, fold in enumerate(make_folds(datasets, folds, seed=seed), start=1):
        progress.say(f"fold {number} of {folds}")
        keras.utils.set_random_seed(seed)
        model = build(fold.input_shape, fold.num_classes)
        train(model, fold, epochs=epochs, precision=precision, verbose=verbose)
        predictions.append(evaluate(model, fold).predictions)
    table = pd.concat(predictions).set_index("file").loc[datasets.table["file"]]
    names = datasets.class_names
    index_of = {name: index for index, name in enumerate(names)}
    return rank_labels(
        [index_of[name] for name in table["real"]],
        probabilities_in(table, names),
        files=list(table.index),
        class_names=names,
    )


def rank_labels(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    files: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
) -> SuspiciousLabels:
    """Return images ranked by how strongly a model's held-out probabilities deny their labels.

    The key is the label's own probability (cleanlab's "self confidence"; on real X-rays it found
    labels that radiologists contradict better than the margin to the likeliest other class, see
    docs/unusual.md). Which images are suspicious, and not only hard, follows confident learning
    (Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset
    labels"): with the threshold t_j, the mean probability p(j) over images labelled j, an image is
    confidently of the likeliest class j among those with p(j) >= t_j. It is suspicious where that
    is not its label, nor its label the likeliest class of all. Thresholds of their own make up
    for a model that is surer of some classes than of others.

    Args:
        labels: (n,) whole numbers in [0, classes).
        probabilities: (n, classes) float in [0, 1], of models that did not train on the image.
            Those of training images say little: a model knows their labels by heart.
        files: (n,) names of the images; "image 0", "image 1", ... otherwise.
        class_names: in the order of the probabilities; "0", "1", ... otherwise.

    Raises:
        InvalidArgumentError: shapes or values that cannot be what they should.

    Examples:
        >>> found = rank_labels([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
        >>> found.table["file"].tolist(), found.num_suspicious
        (['image 1', 'image 2', 'image 0'], 1)
    """
    given, scores = _checked(labels, probabilities)
    count, num_classes = scores.shape
    names = [str(index) for index in range(num_classes)] if class_names is None else class_names
    named = [f"image {index}" for index in range(count)] if files is None else files
    for argument, values, wanted in (
        ("class_names", names, num_classes), ("files", named, count),
    ):  # fmt: skip
        if len(values) != wanted:
            raise InvalidArgumentError(f"{argument} must have {wanted} names, not {len(values)}.")
    rows = np.arange(count)
    own = scores[rows, given]
    others = scores.copy()
    others[rows, given] = -1.0
    thresholds = np.array(
        [
            own[given == index].mean() if (given == index).any() else np.nan
            for index in range(num_classes)
        ]
    )
    # a hair's breadth for rounding: equal probabilities reach their own mean
    reached = np.where(scores >= thresholds - 1e-12, scores, -1.0)
    confident = np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), -1)
    joint = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(joint, (given[confident >= 0], confident[confident >= 0]), 1)
    table = pd.DataFrame(
        {
            "file": list(named),
            "label": [names[index] for index in given],
            "suggested": [names[index] for index in scores.argmax(axis=1)],
            "confidence": own,
            "margin": own - others.max(axis=1),
            "suspicious": (confident >= 0) & (confident != given) & (own < others.max(axis=1)),
            **dict(zip(probability_columns(names), scores.T, strict=True)),
        }
    )
    ranked = table.sort_values("confidence", kind="stable", ignore_index=True)
    return SuspiciousLabels(ranked, tuple(names), thresholds, joint)


def _checked(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    given, scores = np.asarray(labels), np.asarray(probabilities, np.float64)
    if scores.ndim != 2 or given.shape != scores.shape[:1] or scores.shape[1] < 2 or not len(given):
        raise InvalidArgumentError(
            "labels must be (images,) and probabilities (images, classes) for at least one image "
            f"and two classes, received shapes {given.shape} and {scores.shape}."
        )
    if not np.issubdtype(given.dtype, np.integer) or given.min() < 0:
        raise InvalidArgumentError(
            f"labels must be whole numbers from 0 to {scores.shape[1] - 1}, received "
            f"{given.dtype} from {given.min()}."
        )
    if given.max() >= scores.shape[1]:
        raise InvalidArgumentError(
            f"labels reach {given.max()}, but probabilities have {scores.shape[1]} classes."
        )
    if not np.isfinite(scores).all() or scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        raise InvalidArgumentError(
            "probabilities must lie in [0, 1]; logits need a softmax first. Received values from "
            f"{scores.min()} to {scores.max()}."
        )
    return given.astype(np.int64), scores
