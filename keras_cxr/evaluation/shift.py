"""`measure_shift`: what a model loses when its pictures look a little different."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.progress import progress_bar
from keras_cxr.data import Datasets
from keras_cxr.data.datasets import check_datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.corruptions import CORRUPTIONS, Corruption
from keras_cxr.keras_graph.interface import check_model_fits, predict_probabilities
from keras_cxr.statistics.comparison import compare_models

SCHEMA_VERSION = 1
MAX_IMAGES = 2000  # 27 changes of each; intervals of a difference are then below +- 0.02
BATCH_SIZE = 64


@dataclass(frozen=True, eq=False, repr=False)
class Shift:
    """Scores on the same images unchanged and changed; made by `measure_shift`.

    It shows how a model takes changes of a picture as a whole. Other hospitals differ in more
    than that: in patients, diseases, views and habits. A model that loses nothing here may fail
    there; one that fails here will hardly hold there.

    Attributes:
        table: a row for each change and strength: change, setting (strength with unit),
            accuracy, balanced_accuracy, and the differences from the unchanged images with 95 %
            limits: accuracy_difference, accuracy_low, accuracy_high, balanced_difference,
            balanced_low, balanced_high (negative: worse). `weakest` (bool) marks the row that
            costs the most balanced accuracy.
        accuracy: on the unchanged images, in [0, 1].
        balanced_accuracy: on the unchanged images, in [0, 1].
        num_images: how many images.
        part: "train", "val" or "test".
    """

    table: pd.DataFrame
    accuracy: float
    balanced_accuracy: float
    num_images: int
    part: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """The weakest point, and how many of the changes cost something beyond chance."""
        worst = self.table[self.table["weakest"]].iloc[0]
        lost = int((self.table["balanced_high"] < 0).sum())
        if worst["balanced_difference"] >= 0:
            return (
                f"None of {len(self.table)} changes of the {self.num_images:,} {self.part} images "
                f"lowers the balanced accuracy of {self.balanced_accuracy:.3f}.",
            )
        return (
            f"Of {len(self.table)} changes of the {self.num_images:,} {self.part} images, "
            f"{worst['change']} ({worst['setting']}) costs most: balanced accuracy goes from "
            f"{self.balanced_accuracy:.3f} to {worst['balanced_accuracy']:.3f}, a difference of "
            f"{worst['balanced_difference']:+.3f} [{worst['balanced_low']:+.3f}, "
            f"{worst['balanced_high']:+.3f}]; {lost} of the {len(self.table)} lower it with an "
            "interval below 0.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it, without NaN, with a `schema_version`."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "part": self.part,
            "num_images": self.num_images,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "changes": self.table.to_dict("records"),
        }
        return dict(as_json(document))

    def __str__(self) -> str:
        shown = pd.DataFrame(
            {
                "change": self.table["change"],
                "setting": self.table["setting"],
                "accuracy": self.table["accuracy"].map("{:.3f}".format),
                "balanced": self.table["balanced_accuracy"].map("{:.3f}".format),
                "difference": [
                    f"{row.balanced_difference:+.3f} "
                    f"[{row.balanced_low:+.3f}, {row.balanced_high:+.3f}]"
                    for row in self.table.itertuples()
                ],
                "": self.table["weakest"].map({True: "<- weakest", False: ""}),
            }
        )
        return (
            f"{self.num_images:,} {self.part} images, unchanged: accuracy {self.accuracy:.3f}, "
            f"balanced {self.balanced_accuracy:.3f}\n{shown.to_string(index=False)}"
        )

    def __repr__(self) -> str:
        return f"Shift({len(self.table)} changes, num_images={self.num_images})"


def measure_shift(
    model: keras.Model,
    datasets: Datasets,
    *,
    part: str = "test",
    corruptions: Sequence[Corruption] = CORRUPTIONS,
    max_images: int = MAX_IMAGES,
    groups: Sequence[Any] | ArrayLike | None = None,
    seed: int = 0,
    verbose: bool | str = "auto",
) -> Shift:
    """Return a model's scores on the same images as they are and changed in many ways.

    Brightness, contrast, blur, noise, JPEG compression, resolution, rotation and cropping, each
    in three strengths (after Hendrycks & Dietterich 2019, "Benchmarking neural network robustness
    to common corruptions and perturbations", with strengths chosen for X-rays). Every image is
    changed as the model would get it, after it was fitted to the model's size. Differences are
    paired: each image is compared with itself (see `compare_models`). The 27 intervals are not
    corrected for their number: of 27 changes without any effect one would show one.

    Args:
        model: a trained classifier.
        datasets: where its images come from.
        part: "train", "val" or "test".
        corruptions: what to do to the images.
        max_images: of a larger part so many are drawn evenly.
        groups: (n,) patients or groups of copies of the part's images, "" for an image alone; by
            default the column `group` of the data set. Intervals count groups, not images.
        seed: of the draw of images, the noise, the side of the rotation and the bootstrap.
        verbose: True shows progress on stderr, "auto" only in a terminal.

    Raises:
        InvalidArgumentError: the model does not fit the images, or an argument cannot work.

    Examples:
        >>> import numpy as np, keras_cxr
        >>> from keras_cxr.evaluation import CORRUPTIONS
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 32, 32), np.uint8)
        >>> data = keras_cxr.make_datasets(
        ...     (images, np.arange(40) % 2), image_size=(32, 32), group_duplicates=False
        ... )
        >>> model = keras_cxr.build_lenet5((32, 32, 1), 2)
        >>> shift = measure_shift(model, data, part="train", corruptions=CORRUPTIONS[:2])
        >>> shift.table[["change", "setting"]].values.tolist()[0]
        ['darker', '-15 grey values']
    """
    max_images = check_integer("max_images", max_images, least=1)
    if not corruptions:
        raise InvalidArgumentError(
            "corruptions must hold one change at least, such as CORRUPTIONS[:1]; received none."
        )
    check_datasets(datasets, "measure_shift")
    check_model_fits(model, datasets.input_shape, datasets.num_classes)
    total = len(datasets.files(part))
    chosen = np.sort(np.random.default_rng(seed).permutation(total)[:max_images])
    if groups is None:
        groups = datasets.table["group"][datasets.table["part"] == part]
    named = np.asarray(groups, object)
    if len(named) != total:
        raise InvalidArgumentError(f"groups has {len(named)} entries for {total} images.")
    labels, clean, changed = _answers(
        model, datasets, part, chosen=chosen, corruptions=corruptions, seed=seed, verbose=verbose
    )
    settings = [(one, strength) for one in corruptions for strength in one.strengths]
    fixed: Any = {"labels": labels, "clean": clean, "groups": named[chosen], "seed": seed}
    rows = [
        _row(one, strength, changed=answers, **fixed)
        for (one, strength), answers in zip(settings, changed, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["weakest"] = np.arange(len(table)) == int(table["balanced_difference"].argmin())
    return Shift(table, *_scores(labels, clean), len(labels), part)


def _answers(
    model: keras.Model,
    datasets: Datasets,
    part: str,
    *,
    chosen: NDArray[np.int64],
    corruptions: Sequence[Corruption],
    seed: int,
    verbose: bool | str,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return labels (n,), answers to the images (n,) and to each change of them (changes, n)."""
    labels, answers = [], []
    starts = range(0, len(chosen), BATCH_SIZE)
    with progress_bar(len(starts), "Changed images", verbose) as advance:
        for start in starts:
            rows = chosen[start : start + BATCH_SIZE]
            images, real = datasets.load(part, rows)
            labels.append(real)
            found = [predict_probabilities(model, images).argmax(axis=1)]
            for kind, one in enumerate(corruptions):
                for strength in one.strengths:
                    # each image has noise of its own, the same however the images are batched
                    seeds = [(seed, kind, int(row)) for row in rows]
                    moved = one.apply_to_all(images, strength, seeds=seeds)
                    found.append(predict_probabilities(model, moved).argmax(axis=1))
            answers.append(np.stack(found))
            advance(1)
    every = np.concatenate(answers, axis=1).astype(np.int64)
    return np.concatenate(labels), every[0], every[1:]


def _row(
    one: Corruption,
    strength: float,
    *,
    labels: NDArray[np.int64],
    clean: NDArray[np.int64],
    changed: NDArray[np.int64],
    groups: NDArray[Any],
    seed: int,
) -> dict[str, Any]:
    found = compare_models(labels, {"changed": changed, "clean": clean}, groups=groups, seed=seed)
    pair = found.differences[0]
    accuracy, balanced = (
        difference if pair.model == "changed" else -difference
        for difference in (pair.accuracy, pair.balanced_accuracy)
    )
    values = _scores(labels, changed)
    return {
        "change": one.kind,
        "setting": one.setting(strength),
        "accuracy": values[0],
        "balanced_accuracy": values[1],
        "accuracy_difference": accuracy.value,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "balanced_difference": balanced.value,
        "balanced_low": balanced.low,
        "balanced_high": balanced.high,
    }


def _scores(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> tuple[float, float]:
    """Return accuracy and balanced accuracy."""
    right = labels == answers
    recalls = [right[labels == index].mean() for index in np.unique(labels)]
    return float(right.mean()), float(np.mean(recalls))
