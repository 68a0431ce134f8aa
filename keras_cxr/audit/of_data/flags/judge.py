"""From layouts to confidences: every picture is judged by a model that has not seen it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, describe, oriented
from keras_cxr.audit.of_data.flags.orientation_model import (
    LATERAL,
    OrientationModel,
    Placement,
    drawn,
)

PRIOR = 0.02
"""Share of pictures of a kind that confidences reckon with: one in fifty."""

FLAGGED = 0.5
MIN_FOLDER = 20
"""Below, a folder does not show what is usual in it: then only turned and negative is asked."""

MAX_REFERENCE = 1500
"""Pictures of the folder that models are fitted to; 8 orientations of each take 1 s to describe."""

_LOOSE, _HELD = 100.0, 10.0
"""Inverse strength of the logistic regression's penalty. One to three scores need no holding
back, but drawn laterals lie further off than real ones may: held back, the limit lies midway
between them and the folder's own instead of close to these (6 false alarms on 12,462 films)."""

Floats = NDArray[np.float64]


class LayoutConfidences(NamedTuple):
    """Confidences of (n,) pictures, float64 in [0, 1], and the orientation that each is likest.

    `other` and `lateral` are 0 throughout for folders of fewer than 20 pictures.
    """

    other: Floats
    lateral: Floats
    turned: Floats
    orientation: NDArray[np.int64]


def judge_layouts(images: NDArray[np.uint8], *, seed: int) -> LayoutConfidences:
    """Return how likely each picture is no film, a lateral, or turned or negative.

    A model of phantoms alone, which no folder can mislead, picks the pictures that it takes for
    upright. Two models are fitted to phantoms and to one half each of a sample of these; either
    half, and the rest, is judged by a model that has not seen it. What is flagged is then left
    out of the sample and all is done once more, so that a few bad pictures do not pass for usual.

    A confidence is the posterior probability by logistic regression on the model's scores, of the
    folder's pictures against what they are held against, if one in fifty pictures were of
    that kind (`PRIOR`): its own pictures turned and made negative for `turned`, drawings for
    `lateral` and `other`.

    Args:
        images: (n, 64, 64) uint8.
        seed: draws the sample.
    """
    features = describe(images)
    phantoms, laterals, others = drawn()
    start = OrientationModel(phantoms, laterals, others).place(features).odds.argmax(axis=1)
    rng = np.random.Generator(np.random.PCG64(seed))
    sample = rng.permutation(np.flatnonzero(start == 0))[:MAX_REFERENCE]
    first = _judge(images, features, sample)
    flagged = np.maximum.reduce([first.other, first.lateral, first.turned]) >= FLAGGED
    kept = sample[~flagged[sample]]
    return first if len(kept) == len(sample) else _judge(images, features, kept)


def _judge(
    images: NDArray[np.uint8], features: NDArray[np.float32], sample: NDArray[np.int64]
) -> LayoutConfidences:
    phantoms, laterals, others = drawn()
    parts = sample[::2], sample[1::2]
    own = [images[part] for part in parts] if len(sample) >= MIN_FOLDER else [images[:0]] * 2
    models = [
        OrientationModel(
            np.concatenate([phantoms[place::2], pictures]), laterals[place::2], others[::2]
        )
        for place, pictures in enumerate(own)
    ]
    placed = [model.place(features) for model in models]
    seen = np.zeros(len(features), bool)  # by the first model
    seen[parts[0]] = True
    odds, oddness = (
        np.where(seen[:, None], getattr(placed[1], name), getattr(placed[0], name))
        for name in Placement._fields
    )
    orientation = odds[:, :LATERAL].argmax(axis=1)
    # what a model is tried on: the other half of what it was fitted to
    usual = images[parts[1]] if len(sample) >= MIN_FOLDER else phantoms[1::2]
    upright, *turned = (models[0].place(describe(oriented(usual, one))) for one in ORIENTATIONS)
    wrong = np.concatenate([one.odds for one in turned])
    scores = _posterior(_turned(odds), _turned(upright.odds), _turned(wrong))
    if len(sample) < MIN_FOLDER:
        nothing = np.zeros(len(features))
        return LayoutConfidences(nothing, nothing, scores, orientation)
    strange = models[0].place(describe(others[1::2])).oddness
    aside = models[0].place(describe(laterals[1::2])).odds
    return LayoutConfidences(
        _posterior(oddness, upright.oddness, strange),
        _posterior(odds[:, LATERAL:], upright.odds[:, LATERAL:], aside[:, LATERAL:], penalty=_HELD),
        scores,
        orientation,
    )


def _turned(odds: Floats) -> Floats:
    """Return (n, 1): the best of the seven orientations that are not upright."""
    return odds[:, 1:LATERAL].max(axis=1, keepdims=True)


def _posterior(
    scores: Floats, usual: Floats, strange: Floats, *, penalty: float = _LOOSE
) -> Floats:
    """Return (n,) probabilities of being strange, at `PRIOR`, by Platt's logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = np.concatenate([usual, strange])
    labels = np.repeat([0, 1], [len(usual), len(strange)])
    model: Any = make_pipeline(
        StandardScaler(), LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000)
    )
    logits = model.fit(values, labels).decision_function(scores)
    return 1.0 / (1.0 + np.exp(-(logits + np.log(PRIOR / (1.0 - PRIOR)))))
