"""What each step of `radiography_steps` gave on validation films, over the seeds that are there.

python -m benchmarks.presets.radiography_table --runs RUNS
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.presets.radiography_steps import CHOSEN, FILES, FLIPPED, STEPS
from keras_cxr.statistics.comparison import compare_models
from keras_cxr.statistics.intervals.bootstrap import accuracy_estimates


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    print(table_of(parser.parse_args().runs))


def table_of(runs: Path) -> str:
    """Return a row for each step: mean over its seeds, the seeds, and what it gave.

    The first rows are of the last epoch; what was chosen or averaged stands behind them.
    """
    rows: dict[str, pd.DataFrame] = {}
    for way, file in FILES.items():
        for name in STEPS:
            if (table := _answers(runs, name, file)) is not None:
                rows[f"{name}, {way}" if way else name] = table
    return "\n".join(_row(name, rows) for name in rows)


def _answers(runs: Path, name: str, file: str) -> pd.DataFrame | None:
    found = [
        pd.read_csv(path, dtype=str, keep_default_na=False).assign(seed=path.parent.name[-1])
        for path in sorted(runs.glob(f"{name}-[0-9]/{file}"))
    ]
    return pd.concat(found) if found else None


def _row(name: str, rows: dict[str, pd.DataFrame]) -> str:
    table = rows[name]
    classes = sorted(table["real"].unique())
    code = {label: number for number, label in enumerate(classes)}
    groups = np.where(table["group"] == "", table["file"], table["group"])
    accuracy, balanced = accuracy_estimates(
        table["real"].map(code).to_numpy(), table["predicted"].map(code).to_numpy(), groups=groups
    )
    each = table.assign(right=table["real"] == table["predicted"]).groupby("seed")
    seeds = each["right"].mean()
    recalls = each.apply(lambda one: one.groupby("real")["right"].mean().mean())
    text = (
        f"{name:26} accuracy {accuracy} (seeds {_list(seeds)}), "
        f"balanced {balanced} (seeds {_list(recalls)})"
    )
    step, _, way = name.partition(", ")
    before = {"": STEPS[step].after, FLIPPED: f"{step}, {CHOSEN}"}.get(way, step)
    if before in rows:
        text += f"; {_gain(table, rows[before], code, before)}"
    return text


def _list(values: pd.Series) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _gain(after: pd.DataFrame, before: pd.DataFrame, code: dict[str, int], called: str) -> str:
    """Return the paired difference on the films and seeds that both have."""
    both = after.merge(before, on=["file", "seed"], suffixes=("", "_before"))
    groups = np.where(both["group"] == "", both["file"], both["group"])
    found = compare_models(
        both["real"].map(code).to_numpy(),
        {
            "after": both["predicted"].map(code).to_numpy(),
            "before": both["predicted_before"].map(code).to_numpy(),
        },
        groups=groups,
    ).differences[0]
    sign = 1 if found.model == "after" else -1
    parts = (found.accuracy, found.balanced_accuracy)
    shown = [one if sign > 0 else -one for one in parts]
    return f"beside {called} {shown[0].text(signed=True)}, {shown[1].text(signed=True)}"


if __name__ == "__main__":
    main()
