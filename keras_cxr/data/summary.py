"""The text that a data set prints."""

from collections.abc import Mapping, Sequence

import pandas as pd

from keras_cxr.data.catalog import PARTS


def summarize(
    table: pd.DataFrame,
    class_weight: Mapping[str, float],
    *,
    head: Sequence[str],
    notes: Sequence[str],
) -> str:
    """Return what a data set is, its images per class and part, and notes, in some fifteen lines.

    Args:
        table: the images, see `Datasets.table`
        class_weight: the weight of each class by its name
        head: where the images are, how they were found and how they are read
        notes: what is worth knowing
    """
    where, *rest = head
    lines = [f"{len(table):,} images{where}", *(f"  {line}" for line in rest)]
    grouped = table["group"][table["group"] != ""]
    if len(grouped):
        divided = int((table.loc[grouped.index].groupby("group")["part"].nunique() > 1).sum())
        lines.append(
            f"  groups: {grouped.nunique():,} with {len(grouped):,} images, "
            f"{divided or 'none'} divided between parts"
        )
    masks = int((table["mask"] != "").sum())
    lines.append(f"  lung masks: {masks:,} of {len(table):,}" if masks else "  lung masks: none")
    counts = table.groupby(["class", "part"]).size()
    width = max(5, *(len(name) for name in class_weight))
    lines += ["", f"  {'class':<{width}}{''.join(f'{part:>9}' for part in PARTS)}    total  weight"]
    for name, weight in class_weight.items():
        row = [int(counts.get((name, part), 0)) for part in PARTS]
        cells = "".join(f"{count:>9,}" for count in (*row, sum(row)))
        lines.append(f"  {name:<{width}}{cells}{weight:>8.2f}")
    sums = [int((table["part"] == part).sum()) for part in PARTS]
    cells = "".join(f"{count:>9,}" for count in (*sums, len(table)))
    lines.append(f"  {'all':<{width}}{cells}")
    lines += [f"  note: {note}" for note in notes]
    return "\n".join(lines)
