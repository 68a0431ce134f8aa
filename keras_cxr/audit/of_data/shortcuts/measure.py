"""`measure_shortcuts`: how much of the class can be told without looking at the patient."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from keras_cxr._support.resampling import fit
from keras_cxr.audit.of_data.attributes.file_headers import DICOM_FACTS
from keras_cxr.audit.of_data.attributes.picture_measures import BINS, BORDERS, CORNERS
from keras_cxr.audit.of_data.shortcuts.models import (
    Reach,
    boosted_trees,
    frequencies,
    judge,
    linear,
    pose,
)
from keras_cxr.audit.of_data.shortcuts.result import SHORTCUT_COLUMNS, Shortcuts
from keras_cxr.audit.of_data.shortcuts.sentences import TAG, shortcut_findings
from keras_cxr.errors import InvalidArgumentError

THUMBNAIL = 24
"""Side of the thumbnails: lungs are two dark spots there, no lesion can be made out."""

MIN_GROUPS = 10
"""A class with fewer independent images is left out: two in each fold say nothing."""

MAX_IMAGES = 20_000
"""Images that are judged at most; drawn at random, they hold an interval of 0.01."""

_SEVEN_TESTS = 1.37
"""Widens a 95 % interval to 1 - 0.05 / 7 (Bonferroni; 2.69 / 1.96): seven families are asked,
and one of them would look better than guessing by chance in every third data set."""

# From the most to the least specific: of families that reach the same, the first is named.
FAMILIES: dict[str, tuple[str, ...]] = {
    "size": ("width", "height", "aspect"),
    "format": (
        "format",
        "bit_depth",
        "channels",
        "saturation",
        "bytes_per_pixel",
        "jpeg_quality",
    ),
    "border": BORDERS,
    "marks": (*CORNERS, "mark_most"),
    "brightness": ("brightness", "contrast"),
    "sharpness": ("sharpness",),
    "histogram": BINS,
}
DICOM_FAMILY = {"dicom": tuple(DICOM_FACTS)}
"""Asked besides, before the others, where any file is a DICOM film."""


def measure_shortcuts(
    attributes: pd.DataFrame,
    labels: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    image: Callable[[int], NDArray[Any]] | None = None,
    seed: int = 0,
) -> Shortcuts:
    """Return how well the class can be told from the files alone, beside guessing.

    Small gradient-boosted trees are fitted to the attributes and judged on images that they were
    not fitted to (5 folds; groups stay whole): on all attributes together and on each family
    alone. If the files alone tell the class, a model can learn that instead of the disease, and
    a test set from the same sources will praise it.

    What this does not show: whether a model does use it; `audit_model` asks that. Brightness,
    sharpness and histogram, and a little the bytes of a file, depend on the patient too: a class
    that is more opaque is brighter, honestly. Size, format, border and marks have no such excuse.

    Args:
        attributes: from `read_attributes`. Corrupt files are left out.
        labels: the class of each row.
        groups: the patient or group of copies of each row, "" for images alone. Without them
            copies lie on both sides and all figures come out too high.
        sources: the hospital or collection of each row, "" where unknown: how far it alone tells
            the class.
        image: gives the picture of a row, (height, width) uint8 or float32 in [0, 255]; adds two
            linear models, on 24 x 24 pixels and on their outermost ring.
        seed: draws folds and bootstrap samples.

    Returns:
        The frozen `Shortcuts`; print it for a table. Its table is empty, with a note that says
        why, where fewer than two classes have 10 images that belong to no common group.

    Raises:
        InvalidArgumentError: `labels`, `groups` or `sources` do not fit `attributes`.

    Examples:
        >>> from keras_cxr.data import find_images
        >>> catalog = find_images("COVID-19_Radiography_Dataset")  # doctest: +SKIP
        >>> labels = [entry.label for entry in catalog.entries]  # doctest: +SKIP
        >>> print(measure_shortcuts(read_attributes(catalog), labels))  # doctest: +SKIP
    """
    for name, given in (("labels", labels), ("groups", groups), ("sources", sources)):
        if given is not None and len(given) != len(attributes):
            raise InvalidArgumentError(
                f"{name} must have one item for each of the {len(attributes):,} rows of "
                f"attributes, received {len(given):,}"
            )
    named = np.asarray(labels, dtype=object)
    together = np.asarray(groups if groups is not None else [""] * len(named), dtype=object)
    rows, classes, notes = _usable(attributes, named, together, seed)
    if len(classes) < 2:
        why = f"shortcuts were not measured: {len(classes)} class(es) with {MIN_GROUPS} images"
        return Shortcuts.unmeasured(*notes, why)
    indices = pd.Categorical(named[rows], categories=classes).codes.astype(np.int64)
    problem = pose(indices, list(together[rows]), seed)
    found: dict[str, Reach] = {}
    # boosting in several threads waits for each other: on busy cores it takes ten times as long
    with threadpool_limits(1):
        used = attributes.iloc[rows]
        dicom = DICOM_FAMILY if (used["format"] == "dicom").any() else {}
        families = {**dicom, **FAMILIES}
        every = tuple(name for columns in families.values() for name in columns)
        for name, columns in {"attributes": every, **families}.items():
            found[name] = judge(boosted_trees(seed), _numbers(used, columns), problem, seed=seed)
        for name in (one for columns in dicom.values() for one in columns):
            codes = pd.factorize(used[name])[0][:, None]
            if codes.any():
                model = frequencies(int(codes.max()) + 1)
                found[f"{TAG}{DICOM_FACTS[name]}"] = judge(model, codes, problem, seed=seed)
        if image is not None:
            small = np.stack([fit(image(int(row)), (THUMBNAIL, THUMBNAIL)) for row in rows])
            ring = np.ones((THUMBNAIL, THUMBNAIL), bool)
            ring[1:-1, 1:-1] = False
            for name, where in (("thumbnails", np.ones_like(ring)), ("border pixels", ring)):
                values = small[:, where].astype(np.float32)
                found[name] = judge(linear(seed), values, problem, seed=seed)
        if sources is not None and any(sources):
            codes = pd.factorize(np.asarray(sources, dtype=object)[rows])[0][:, None]
            found["source"] = judge(frequencies(int(codes.max()) + 1), codes, problem, seed=seed)
    return _shortcuts(found, classes, np.bincount(indices), notes)


def _usable(
    attributes: pd.DataFrame, labels: NDArray[Any], groups: NDArray[Any], seed: int
) -> tuple[NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
    """Return the rows to judge, in order, their classes, and notes on what was left out."""
    good = np.flatnonzero((attributes["error"] == "").to_numpy())
    notes: list[str] = []
    if len(good) > MAX_IMAGES:
        good = np.sort(np.random.default_rng(seed).permutation(good)[:MAX_IMAGES])
        notes.append(f"shortcuts were measured on {MAX_IMAGES:,} images drawn at random")
    seen = {group: row for row, group in reversed(list(enumerate(groups))) if group}
    first = [row for row in good if not groups[row] or seen[groups[row]] == row]
    counts = pd.Series(labels[first]).value_counts()
    few = sorted(set(labels[good]) - set(counts.index[counts >= MIN_GROUPS]))
    notes += [
        f"class {name!r} was left out of the shortcuts: {counts.get(name, 0)} independent "
        f"image(s), fewer than {MIN_GROUPS}"
        for name in few
    ]
    rows = good[~np.isin(labels[good].astype(str), few)]
    return rows, tuple(sorted(set(labels[rows]))), tuple(notes)


def _numbers(attributes: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Return (n, k) numbers; a text becomes its place among the texts of the data set."""
    return np.column_stack(
        [
            column.to_numpy(np.float64)
            if pd.api.types.is_numeric_dtype(column)
            else pd.factorize(column, sort=True)[0].astype(np.float64)
            for column in (attributes[name] for name in columns)
        ]
    )


def _shortcuts(
    found: dict[str, Reach],
    classes: tuple[str, ...],
    counts: NDArray[np.int64],
    notes: tuple[str, ...],
) -> Shortcuts:
    rows = [
        (name, *(number for of in reach for number in (of.value, *of.interval)))
        for name, reach in found.items()
    ]
    largest = int(counts.argmax())
    majority = (classes[largest], float(counts[largest] / counts.sum()))
    chance = 1.0 / len(classes)
    families = (name for name in (*DICOM_FAMILY, *FAMILIES) if name in found)
    carrier = _carrier({name: found[name] for name in families}, chance)
    findings = shortcut_findings(
        found, carrier=carrier, majority=majority, chance=chance, num_images=int(counts.sum())
    )
    table = pd.DataFrame(rows, columns=list(SHORTCUT_COLUMNS))
    return Shortcuts(table, classes, int(counts.sum()), majority, chance, carrier, findings, notes)


def _carrier(found: dict[str, Reach], chance: float) -> str:
    """Return the first family above chance whose interval reaches that of the best."""
    told = {name: reach.balanced_accuracy for name, reach in found.items()}
    above = [
        name
        for name, one in told.items()
        if one.value - _SEVEN_TESTS * (one.value - one.low) > chance
    ]
    if not above:
        return ""
    best = max((told[name] for name in above), key=lambda one: (one.value, one.low))
    return next(name for name in above if told[name].high >= best.low)
