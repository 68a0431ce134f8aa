"""Whether a model serves some people worse: its scores for each age, sex, view or source."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.terminal import NO_NUMBER
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.checks import checked_predictions
from keras_cxr.statistics.intervals.bootstrap import bootstrap_intervals
from keras_cxr.statistics.intervals.estimates import Estimate, estimate_columns, estimate_in
from keras_cxr.statistics.intervals.resampling import NUM_RESAMPLES, group_codes

MIN_IMAGES = 30  # an accuracy of 0.8 of 30 images has an interval of 0.63 to 0.90
MANY_VALUES = 30  # more than that are names of images or patients, not of subgroups
FEW_NUMBERS = 6  # up to so many different numbers (a grade, a year) are values, not a scale
MISSING = "not known"


@dataclass(frozen=True, eq=False)
class Subgroups:
    """Scores for every value of every column.

    Differences between rows need not come from the column: subgroups also differ in classes,
    hospitals and machines. And of twenty rows, one lies outside its interval by chance.

    Attributes:
        table: a row for each column and value: `column`, `value`, `images`, `groups`,
            `classes` (how many occur), `accuracy` and `balanced_accuracy` with `_low` and
            `_high`, and `note`: "too few" where no scores are given. Balanced accuracy is over
            the classes that occur: compare it between rows with the same `classes` only.
        accuracy: of all images.
        min_images: below this, a row has no scores.
    """

    table: pd.DataFrame
    accuracy: Estimate
    min_images: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """For each column with two values or more, where accuracy is lowest and highest."""
        found = []
        for column, rows in self.table.groupby("column", sort=False):
            scored = rows[rows["note"] == ""]
            few = rows[rows["note"] != ""]
            if len(scored) >= 2:
                places = scored["accuracy"].to_numpy()
                low, high = scored.iloc[int(places.argmin())], scored.iloc[int(places.argmax())]
                found.append(
                    f"By {column}, accuracy is lowest for {_row(low)} and highest for {_row(high)}."
                )
            if len(few):
                names = ", ".join(map(str, few["value"]))
                found.append(
                    f"By {column}, fewer than {self.min_images} test images say nothing of: "
                    f"{names}."
                )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return every row, ready for JSON: NaN becomes `None`."""
        found = {
            "min_images": self.min_images,
            "accuracy": self.accuracy.to_dict(),
            "rows": self.table.to_dict("records"),
        }
        return dict(as_json(found))

    def __str__(self) -> str:
        lines = [f"accuracy of all images {self.accuracy}"]
        table = self.table.to_string(index=False, float_format="{:.3f}".format, na_rep=NO_NUMBER)
        return "\n".join([*lines, "", table])


def measure_subgroups(
    labels: ArrayLike,
    probabilities: ArrayLike,
    columns: pd.DataFrame,
    *,
    groups: Sequence[Any] | ArrayLike | None = None,
    min_images: int = MIN_IMAGES,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Subgroups:
    """Return accuracy and balanced accuracy with intervals for every value of every column.

    A column of more than 6 different numbers, such as age, is cut at its quartiles in these
    images, so that the four subgroups are about as large as each other: [18, 40], (40, 53], …
    Missing values are a subgroup of their own, "not known".

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        columns: a row for each image in the same order, a column for each question.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        min_images: a value with fewer has no scores. Its groups must be as many too.
        num_resamples: how often groups are drawn.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) the rows are not as many as the images, or a column
            has so many values that they must be names.

    Examples:
        >>> labels = [0, 1] * 50
        >>> scores = np.eye(2)[labels]
        >>> sex = pd.DataFrame({"sex": ["F"] * 60 + ["M"] * 40})
        >>> measure_subgroups(labels, scores, sex).table[["value", "images", "accuracy"]]
          value  images  accuracy
        0     F      60       1.0
        1     M      40       1.0
    """
    real, scores = checked_predictions(labels, probabilities)
    if len(columns) != len(real):
        raise InvalidArgumentError(
            f"columns has {len(columns)} rows for {len(real)} images: give one for each, in the "
            "same order."
        )
    codes = group_codes(groups, len(real))
    options: dict[str, Any] = {"num_resamples": num_resamples, "seed": seed}
    rows = []
    for column in columns:
        values = _values(columns[column])
        for value in values.cat.categories:
            chosen = (values == value).to_numpy()
            row: dict[str, Any] = {
                "column": str(column),
                "value": str(value),
                "images": int(chosen.sum()),
                "groups": len(np.unique(codes[chosen])),
                "classes": len(np.unique(real[chosen])),
            }
            enough = row["groups"] >= min_images
            found = None
            if enough:
                found = bootstrap_intervals(
                    real[chosen], scores[chosen], groups=codes[chosen], **options
                )
            for name in ("accuracy", "balanced_accuracy"):
                score = getattr(found, name) if found else Estimate(np.nan, np.nan, np.nan)
                row |= {key: one[0] for key, one in estimate_columns(name, [score]).items()}
            rows.append({**row, "note": "" if enough else "too few"})
    whole = bootstrap_intervals(real, scores, groups=codes, **options)
    return Subgroups(pd.DataFrame(rows), whole.accuracy, min_images)


def _values(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the subgroup of each image, as categories in the order of the rows to come."""
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numbers and column.nunique() > FEW_NUMBERS:
        order, texts = _quartiles(column.astype(float))
    else:
        texts = column.astype(object).where(column.notna() & (column != ""), MISSING).map(_text)
        order = sorted(set(texts) - {MISSING})
        if numbers:
            order.sort(key=float)
    if len(order) > MANY_VALUES:
        raise InvalidArgumentError(
            f"the column {column.name!r} has {len(order)} different values, such as {order[0]!r}: "
            f"they are no subgroups. Leave it out, or gather its values into {MANY_VALUES} at most."
        )
    order += [MISSING] if (texts == MISSING).any() else []
    return texts.astype(pd.CategoricalDtype(order))


def _quartiles(column: "pd.Series[float]") -> tuple[list[str], "pd.Series[Any]"]:
    edges = np.unique(column.dropna().quantile([0, 0.25, 0.5, 0.75, 1]).to_numpy())
    names = [
        f"{'[' if number == 0 else '('}{low:g}, {high:g}]"
        for number, (low, high) in enumerate(pairwise(edges))
    ]
    places = np.clip(np.searchsorted(edges, column.to_numpy()) - 1, 0, len(names) - 1)
    texts = pd.Series([names[place] for place in places], index=column.index, dtype=object)
    return names, texts.where(column.notna(), MISSING)


def _text(value: Hashable) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(row: "pd.Series[Any]") -> str:
    return (
        f"{row['value']} ({estimate_in(row.to_dict(), 'accuracy')} of "
        f"{int(row['images']):,} images)"
    )
