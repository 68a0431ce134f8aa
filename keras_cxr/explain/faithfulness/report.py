"""All that was found about a method's maps, as one frozen `Faithfulness`."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.explain.faithfulness.comparison import SIGNS, ControlComparison
from keras_cxr.explain.faithfulness.controls import CONTROLS
from keras_cxr.explain.faithfulness.measures import AREA, METHOD, Measure
from keras_cxr.explain.faithfulness.randomization import Randomization
from keras_cxr.statistics.intervals.estimates import Estimate, number_text
from keras_cxr.statistics.intervals.means import mean_of_few

Doubles = NDArray[np.float64]
SCHEMA_VERSION = 1
_NAMES = (METHOD, *CONTROLS, AREA)


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """What a method's maps are worth, beside maps that know nothing of the model.

    Attributes:
        title: of the method, such as "Grad-CAM".
        layer: that was explained.
        class_index: (images,) int32, whose probability was followed.
        measures: the questions, in order.
        values: by measure and map ("method", "random", "image", "centre", "edges", and "area" for
            masks): (images,) float64, NaN where an image has none.
        curves: by "deletion" and "insertion" and by map: (points,) float64, the mean probability.
        fractions: (points,) float64 in [0, 1], the share of pixels changed.
        probability: (images,) float64, of the class for the whole image.
        fill_probability: (images,) float64, the same with every pixel replaced.
        no_map: (images,) bool, where the method's map is zero everywhere.
        randomization: the cascade of random weights; None where it was left out or impossible.
        randomization_problem: why.
        settings: of the check: `confidence`, `seed`, `fill` and so on.
        estimates: by measure and map: the mean over images with its bootstrap interval.
        comparisons: by measure and control: the paired difference method - control and its
            verdict. Sensitivity is not compared: a map that never looks at the image has 0.
        sentences: whether the method beats each control on each measure, and what that does not
            show.
    """

    title: str
    layer: str
    class_index: NDArray[np.int32]
    measures: tuple[Measure, ...]
    values: dict[str, dict[str, Doubles]]
    curves: dict[str, dict[str, Doubles]]
    fractions: Doubles
    probability: Doubles
    fill_probability: Doubles
    no_map: NDArray[np.bool_]
    randomization: Randomization | None
    randomization_problem: str
    settings: dict[str, Any]
    estimates: dict[str, dict[str, Estimate]]
    comparisons: dict[str, dict[str, ControlComparison]]
    sentences: tuple[str, ...] = ()

    def estimate(self, measure: str, of: str = METHOD) -> Estimate:
        """Return the mean over images of one measure for one map, with its bootstrap interval."""
        return self.estimates[measure][of]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for the method and each control; for each measure `mean`, `low`, `high`, `images`.

        In the controls' rows also `difference`, `difference_low`, `difference_high` (method less
        control, paired), `p` and `verdict` (for the method). `table["deletion"]` is one measure.
        """
        rows = {
            name: {
                (measure.key, key): value
                for measure in self.measures
                if name in self.values[measure.key]
                for key, value in self._cells(measure.key, name).items()
            }
            for name in _NAMES
        }
        titles = {METHOD: self.title}
        table = pd.DataFrame.from_dict(
            {titles.get(name, name): row for name, row in rows.items() if row}, orient="index"
        )
        columns: Any = table.columns  # tuples, which is more than the stubs know
        table.columns = pd.MultiIndex.from_tuples(columns)
        return table[[measure.key for measure in self.measures]]

    def to_dict(self) -> dict[str, Any]:
        """Every figure but the single images', ready for JSON: NaN becomes `None`."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "method": self.title,
            "layer": self.layer,
            "num_images": len(self.class_index),
            "num_without_map": int(self.no_map.sum()),
            "settings": dict(self.settings),
            "measures": {
                key: {name: self._cells(key, name) for name in row}
                for key, row in self.values.items()
            },
            "fractions": self.fractions.tolist(),
            "curves": {
                kind: {name: found.tolist() for name, found in curves.items()}
                for kind, curves in self.curves.items()
            },
            "randomization": self._random_weights(),
            "randomization_problem": self.randomization_problem,
            "sentences": list(self.sentences),
        }
        return dict(as_json(document))

    def __str__(self) -> str:
        """Return the means beside the controls', and the first sentences: one screen."""
        share = self.settings["confidence"]
        lines = [
            f"{self.title}, layer {self.layer}, {len(self.class_index)} images; "
            f"{100 * share:g} % intervals over images",
            f"{'':24}{self.title:<19}" + "".join(f"{name:>9}" for name in _NAMES[1:]),
        ]
        for measure in self.measures:
            arrow = "less" if measure.lower_is_better else "more"
            cells = [self._short(measure.key, name) for name in _NAMES[1:]]
            own = self.estimate(measure.key).text(2)
            lines.append(f"{measure.key[:18]:<18} {arrow} {own:<19}" + "".join(cells))
        lines.append("+ the method is better than this control, - worse, ? not told apart")
        return "\n".join([*lines, self.sentences[0], self.sentences[-1]])

    def _random_weights(self) -> dict[str, Any] | None:
        test = self.randomization
        if test is None:
            return None
        keys = ("mean", "lowest", "highest")
        interval = {key: self.settings[key] for key in ("confidence", "seed")}
        return {
            "num_draws": len(test.similarity),
            "num_images": test.similarity.shape[2],
            "chance": mean_of_few(test.chance, **interval).value,
            "stages": [
                {"layer": layer, "num_constant": int(test.num_constant[stage])}
                | dict(zip(keys, test.spread(stage), strict=True))
                for stage, layer in enumerate(test.layers)
            ],
        }

    def _cells(self, measure: str, name: str) -> dict[str, Any]:
        own = self.estimate(measure, name)
        cells = {"mean": own.value, "low": own.low, "high": own.high, "images": own.num_images}
        comparison = self.comparisons.get(measure, {}).get(name)
        if comparison is None:
            return cells
        difference = comparison.difference
        return cells | {
            "difference": difference.value,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "p": comparison.p,
            "verdict": comparison.verdict,
        }

    def _short(self, measure: str, name: str) -> str:
        if name not in self.values[measure]:
            return f"{'':>9}"
        comparison = self.comparisons.get(measure, {}).get(name)
        sign = " " if comparison is None else SIGNS[comparison.verdict]
        return f"{number_text(self.estimate(measure, name).value, 2):>7} {sign}"
