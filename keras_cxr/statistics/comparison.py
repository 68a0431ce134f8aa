"""Which differences between models on the same test images are more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.intervals.differences import paired_differences
from keras_cxr.statistics.intervals.estimates import Estimate, estimate_columns, on_test_images
from keras_cxr.statistics.intervals.resampling import NUM_RESAMPLES, group_codes, group_sums
from keras_cxr.statistics.significance import holm, mcnemar_p, sign_flip_p

SIGNIFICANT = 0.05  # the usual level, for the sentences alone: the table holds every p


@dataclass(frozen=True)
class Difference:
    """How far one model lies above another on the same images.

    Attributes:
        model: the one with the higher accuracy.
        other: the one it is compared with.
        accuracy: accuracy of `model` minus that of `other`, with its paired interval.
        balanced_accuracy: the same of the balanced accuracies; it may have the other sign.
        only_model: images that only `model` got right.
        only_other: images that only `other` got right.
        mcnemar_p: McNemar's exact p, which takes every image as independent.
        p: exact p with whole groups; equal to McNemar's where every image is alone.
        holm_p: p corrected for the number of pairs (Holm 1979).
    """

    model: str
    other: str
    accuracy: Estimate
    balanced_accuracy: Estimate
    only_model: int
    only_other: int
    mcnemar_p: float
    p: float
    holm_p: float

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON."""
        return vars(self) | {
            "accuracy": self.accuracy.to_dict(),
            "balanced_accuracy": self.balanced_accuracy.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """All pairs of models on one test set.

    Significance is not size: with many images a difference nobody would notice is significant.
    And it holds for these trained weights; another seed may turn a small difference round.

    Attributes:
        differences: one for each pair, the model with the higher accuracy first.
        num_images: how many images all of them answered.
        num_groups: how many groups; an image alone counts as one.
    """

    differences: tuple[Difference, ...]
    num_images: int
    num_groups: int

    @property
    def table(self) -> pd.DataFrame:
        """A row per pair: both differences with limits, discordant images and the three p."""
        columns: dict[str, list[Any]] = {
            name: [getattr(pair, name) for pair in self.differences] for name in ("model", "other")
        }
        for name in ("accuracy", "balanced_accuracy"):
            columns |= estimate_columns(name, (getattr(pair, name) for pair in self.differences))
        for name in ("only_model", "only_other", "mcnemar_p", "p", "holm_p"):
            columns[name] = [getattr(pair, name) for pair in self.differences]
        return pd.DataFrame(columns)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each pair in a plain sentence; its verdict and p are on the accuracy."""
        on = on_test_images(self.num_images, self.num_groups)
        found = []
        for pair in self.differences:
            balanced = f"(balanced accuracy {_signed(pair.balanced_accuracy)})"
            if pair.accuracy.value == 0:
                head = f"{pair.model} and {pair.other} have the same accuracy {balanced} {on}"
            else:
                head = f"{pair.model} is above {pair.other} by {_signed(pair.accuracy)}"
                head += f" in accuracy {balanced} {on}"
            apart = pair.holm_p < SIGNIFICANT
            tail = "more than chance explains" if apart else "the two cannot be told apart"
            p = p_text(pair.holm_p)
            if (pairs := len(self.differences)) > 1:
                p += f", corrected for {pairs} pairs"
                p += f"; {p_text(pair.p)} alone" if pair.p < SIGNIFICANT and not apart else ""
            found.append(f"{head}: {tail} ({p}).")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON."""
        return {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            "differences": [pair.to_dict() for pair in self.differences],
        }

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def compare_models(
    labels: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    *,
    groups: Sequence[Any] | ArrayLike | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Return the differences between all pairs of models, with paired intervals and corrected p.

    Intervals: groups are resampled as in `bootstrap_intervals`, the same draws for all models
    (BCa). Where two models differ in fewer than 10 groups, the interval of Bonett & Price 2012
    takes their place, and where one group outweighs the others the wider of the two
    (`paired_differences` states both exactly).

    p: were the models alike, each group could as well have had their answers swapped. Over all
    swaps that gives the distribution of the difference, computed exactly. Where each image is
    alone this is McNemar's exact test (1947); with groups, McNemar's p counts copies and
    patients several times and is too small as a rule: then read `p`.

    Args:
        labels: `(images,)` whole numbers from 0: the real classes.
        predictions: a name for each model and its predicted classes, `(images,)` whole numbers,
            all for the same images in the same order.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        num_resamples: how often groups are drawn.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) fewer than two models, or arrays that do not fit.

    Examples:
        >>> labels = [0, 1] * 50
        >>> worse = [1, 0] * 6 + [0, 1] * 44
        >>> print(compare_models(labels, {"A": worse, "B": labels}))
        B is above A by +0.120 [+0.070, +0.200] in accuracy (balanced accuracy +0.120 \
[+0.045, +0.189]) on 100 test images: more than chance explains (p = 0.00049).
    """
    real, right = _checked(labels, predictions)
    codes = group_codes(groups, len(real))
    names = sorted(right, key=lambda name: -right[name].mean())  # stable: ties as they were given
    present, classes = np.unique(real, return_inverse=True)
    is_real = np.eye(len(present))[classes]
    hits = group_sums(np.hstack([is_real * right[name][:, None] for name in names]), codes)
    support = group_sums(is_real, codes)
    hits = hits.reshape(len(hits), len(names), -1)
    pairs = paired_differences(hits, support, num_resamples=num_resamples, seed=seed)
    exact = [sign_flip_p((hits[:, i] - hits[:, j]).sum(axis=1)) for i, j in pairs]
    found = []
    for (i, j), p, holm_p in zip(pairs, exact, holm(exact), strict=True):
        accuracy, balanced = pairs[i, j]
        one, other = right[names[i]], right[names[j]]
        only_one, only_other = int(np.sum(one & ~other)), int(np.sum(other & ~one))
        found.append(
            Difference(
                model=names[i],
                other=names[j],
                accuracy=accuracy,
                balanced_accuracy=balanced,
                only_model=only_one,
                only_other=only_other,
                mcnemar_p=mcnemar_p(only_one, only_other),
                p=p,
                holm_p=holm_p,
            )
        )
    return Comparison(tuple(found), len(real), len(hits))


def _checked(
    labels: ArrayLike, predictions: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    real = np.asarray(labels)
    if real.ndim != 1 or len(real) == 0 or not np.issubdtype(real.dtype, np.integer):
        raise InvalidArgumentError(
            f"labels must be whole numbers of shape (images,), received {real.dtype} of shape "
            f"{real.shape}."
        )
    if len(predictions) < 2:
        raise InvalidArgumentError(
            f"predictions must name at least two models, received {list(predictions)}."
        )
    right = {}
    for name, classes in predictions.items():
        predicted = np.asarray(classes)
        if predicted.shape != real.shape or not np.issubdtype(predicted.dtype, np.integer):
            raise InvalidArgumentError(
                f"predictions[{name!r}] must be the predicted classes, whole numbers of shape "
                f"{real.shape}, received {predicted.dtype} of shape {predicted.shape}. Of "
                "probabilities take probabilities.argmax(axis=1)."
            )
        right[name] = predicted == real
    return real.astype(np.int64), right


def _signed(estimate: Estimate) -> str:
    return estimate.text(signed=True)


def p_text(p: float) -> str:
    """Return a p value in words, such as "p = 0.012"."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
