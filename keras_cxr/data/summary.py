"""The text that a data set prints."""

from typing import TYPE_CHECKING

from keras_cxr.data.catalog import PARTS

if TYPE_CHECKING:
    from keras_cxr.data.datasets import Datasets


def summarize(datasets: "Datasets") -> str:
    """Returns layout, options, images per class and part, and notes, in some fifteen lines."""
    table = datasets.table
    where = f" in {datasets.root}" if datasets.root is not None else ""
    lines = [f"{len(table):,} images{where}", f"  layout: {datasets.layout}"]
    height, width, channels = datasets.input_shape
    moved = "augmented" if datasets.augment else "not augmented"
    lines.append(
        f"  images: {height} x {width} x {channels}, region {datasets.region}, training part "
        f"{moved}, batches of {datasets.batch_size}, seed {datasets.seed}"
    )
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
    width = max(5, *(len(name) for name in datasets.class_names))
    lines += ["", f"  {'class':<{width}}{''.join(f'{part:>9}' for part in PARTS)}    total  weight"]
    for index, name in enumerate(datasets.class_names):
        row = [int(counts.get((name, part), 0)) for part in PARTS]
        cells = "".join(f"{count:>9,}" for count in (*row, sum(row)))
        lines.append(f"  {name:<{width}}{cells}{datasets.class_weight[index]:>8.2f}")
    sums = [int((table["part"] == part).sum()) for part in PARTS]
    cells = "".join(f"{count:>9,}" for count in (*sums, len(table)))
    lines.append(f"  {'all':<{width}}{cells}")
    lines += [f"  note: {note}" for note in datasets.notes]
    return "\n".join(lines)
