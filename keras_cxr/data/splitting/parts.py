"""The part of every image: the one that folders or a table give, else a drawn one."""

from collections.abc import Mapping, Sequence

from keras_cxr.data.catalog import PARTS, Catalog
from keras_cxr.data.splitting.assign import assign_parts
from keras_cxr.data.splitting.sources import split_sources
from keras_cxr.errors import DataError


def with_parts(
    catalog: Catalog,
    shares: Sequence[float],
    seed: int,
    *,
    sources: Mapping[str, str] | None = None,
) -> list[str]:
    """Returns the part of every entry: the one it was given, else drawn by `assign_parts`.

    Where folders or a table give parts but one with a share is missing, it is taken out of the
    training images, by its share of what it has together with the training part. With `sources`,
    the source of each file, `split_sources` draws all parts.

    Raises:
        DataError: A class has too few images, or none to train on.
    """
    entries = catalog.entries
    if sources is not None:
        return split_sources(
            [entry.label for entry in entries],
            [sources[entry.file] for entry in entries],
            shares=shares,
            seed=seed,
        )
    given = [entry.part for entry in entries]
    present = set(given) - {""}
    drawn = list(range(len(entries)))
    if present:
        wanted = {part: share for part, share in zip(PARTS, shares, strict=True) if share > 0.0}
        missing = {part: wanted[part] for part in wanted if part not in present}
        drawn = [row for row, part in enumerate(given) if part == "train"] if missing else []
        total = shares[0] + sum(missing.values())
        shares = [
            share / total if part in missing or part == "train" else 0.0
            for part, share in zip(PARTS, shares, strict=True)
        ]
    if drawn:
        groups = [entries[row].group for row in drawn]
        names = assign_parts(
            [entries[row].file for row in drawn],
            [entries[row].label for row in drawn],
            groups=groups if any(groups) else None,
            shares=shares,
            seed=seed,
        )
        for row, name in zip(drawn, names, strict=True):
            given[row] = name
    trained = {entry.label for entry, part in zip(entries, given, strict=True) if part == "train"}
    untrained = sorted({entry.label for entry in entries} - trained)
    if untrained:
        raise DataError(
            f"No training image shows class {', '.join(map(repr, untrained))}, which other parts "
            "hold. Add training images of it or leave the class out."
        )
    return given
