"""Training, validation and test part for films with many findings each."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr.data.catalog import PARTS
from keras_cxr.data.groups import names_of_units, rows_by_name
from keras_cxr.data.splitting.assign import check_shares, digest_of
from keras_cxr.data.tables.columns import cell_texts
from keras_cxr.errors import DataError, InvalidArgumentError

_DIGITS = 9  # of a change in squared deviations


def split_by_labels(
    labels: ArrayLike,
    *,
    files: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[str, ...]:
    """Return "train", "val" or "test" for every film, with each finding in all parts alike.

    Iterative stratification (Sechidis, Tsoumakas, Vlahavas: On the stratification of multi-label
    data. ECML PKDD 2011) of whole groups. The finding with the fewest positives that are not dealt
    out yet goes first: each of its groups, the one with most of them first, goes to the part that
    lacks most positives of it; of equal ones, to that which lacks most films. Groups without
    positives fill up the parts. An unknown label counts as neither: where a finding has some, its
    known negatives are dealt out as one more finding.

    The paper deals out single rows. A patient brings several findings at once, so that what was
    right for the rarest may be wrong for the others. Therefore groups are moved afterwards, always
    the one that helps most, as long as the sum of squared deviations falls: over all parts p and
    findings f, and the films as one finding more, (positives in p / all positives - share of p)^2.

    The order of equal groups is that of the SHA-256 of "seed:group", so that the same names get
    the same parts on every machine, in whatever order the rows stand.

    No library does this: the iterative-stratification package and scikit-multilearn divide rows,
    and neither takes groups (trent-b/iterative-stratification, issue 10); scikit-learn's
    `StratifiedGroupKFold` takes groups, but one class for each film.

    What it does not promise: a finding of fewer groups than there are parts is absent from some,
    and a patient with many films moves a rare finding by all of them.

    Args:
        labels: (films, findings) numbers in {0, 1, NaN}; NaN is unknown.
        files: the name of each film, all different, as the split's memory of which film is which.
            Without it, a film that has no group is known by its row.
        groups: the group (patient) of each film, "", None or NaN for none; never divided.
        shares: of train, val and test.
        seed: another seed gives another split.

    Returns:
        (films,) the part of each, in the order of the rows.

    Raises:
        InvalidArgumentError: The shares are not three numbers that add up to 1, or files or groups
            are not one for each film.
        DataError: The labels hold anything else, or there are fewer groups than parts.

    Example:
        >>> split_by_labels([[1, 0], [0, 1], [1, 0], [0, 1]], shares=(0.5, 0.5, 0.0))
        ('train', 'train', 'val', 'val')
    """
    used = [part for part, share in enumerate(check_shares(shares)) if share > 0.0]
    known = _checked(labels)
    rows_of = rows_by_name(_units(len(known), files, groups))
    if len(rows_of) < len(used):
        raise DataError(
            f"{len(rows_of):,} group(s) or film(s) cannot fill {len(used)} parts. Add films, or "
            "pass shares with fewer parts, such as (0.5, 0.5, 0)."
        )
    digests = {name: digest_of(seed, name) for name in rows_of}
    names = sorted(rows_of, key=digests.__getitem__)
    sizes = np.array([len(rows_of[name]) for name in names])
    wanted = np.array([shares[part] for part in used], np.float64)
    counts = _counts(known, [rows_of[name] for name in names])
    places = _dealt(counts, sizes, wanted, [digests[name][-1] for name in names])
    _fill_empty(places, sizes, counts, len(used))
    _improve(places, sizes, counts, wanted)
    parts = [""] * len(known)
    for name, place in zip(names, places, strict=True):
        for row in rows_of[name]:
            parts[row] = PARTS[used[place]]
    return tuple(parts)


def _checked(labels: ArrayLike) -> NDArray[np.float64]:
    try:
        values = np.asarray(labels, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"labels must be (films, findings) numbers in {{0, 1, NaN}}: {error}"
        ) from error
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(
            "labels must be (films, findings), a column for each finding, received shape "
            f"{values.shape}"
        )
    odd = values[~(np.isnan(values) | (values == 0.0) | (values == 1.0))]
    if len(odd):
        raise DataError(
            f"labels must be 0, 1 or NaN for unknown, received {odd[0]:g} among them. Scores need "
            "a threshold first; -1 for uncertain is NaN here."
        )
    return values


def _units(count: int, files: Sequence[str] | None, groups: Sequence[str] | None) -> list[str]:
    """Return what may not be divided, by name: the group of each film, or the film itself."""
    for name, given in (("files", files), ("groups", groups)):
        if given is not None and len(given) != count:
            raise InvalidArgumentError(
                f"{name} must be one for each of the {count:,} films, received {len(given):,}"
            )
    films = list(map(str, range(count))) if files is None else _texts(files)
    if len(set(films)) < count:
        raise InvalidArgumentError("files must all be different; a film stands there twice")
    return names_of_units(films, [""] * count if groups is None else _texts(groups))


def _texts(names: Sequence[str]) -> list[str]:
    """Return names as text, "" for None and NaN: patients that nobody knows are not one patient."""
    return cell_texts(pd.Series(list(names), dtype=object))


def _counts(known: NDArray[np.float64], rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return (groups, columns): the positives of each finding, then what is known to be absent.

    The second only for findings that are unknown in some films, where the two are not the rest of
    each other.
    """
    partly = np.isnan(known).any(axis=0)
    held = np.concatenate([known == 1.0, (known == 0.0)[:, partly]], axis=1)
    group_of = np.empty(len(known), np.int64)
    for group, members in enumerate(rows):
        group_of[list(members)] = group
    counts = np.zeros((len(rows), held.shape[1]), np.int64)
    np.add.at(counts, group_of, held)
    return counts


def _dealt(
    counts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    wanted: NDArray[np.float64],
    draws: Sequence[int],
) -> NDArray[np.int64]:
    """Return the place of the part of each group.

    Args:
        counts: (groups, columns) films of each group that count for a column
        sizes: (groups,) films of each group
        wanted: (parts,) share of each part, above 0
        draws: (groups,) a whole number for each, which decides where parts lack the same
    """
    places = np.full(len(sizes), -1)
    lack = np.outer(wanted, counts.sum(axis=0))
    lack_films = wanted * sizes.sum()

    def deal(group: int, needs: NDArray[np.float64]) -> None:
        best = np.flatnonzero(needs > needs.max() - 1e-9)
        films = lack_films[best]
        best = best[films > films.max() - 1e-9]
        place = int(best[draws[group] % len(best)])
        places[group] = place
        lack[place] -= counts[group]
        lack_films[place] -= sizes[group]

    left = counts.sum(axis=0)
    while left.any():
        column = int(np.argmin(np.where(left > 0, left, left.max() + 1)))
        members = np.flatnonzero((places < 0) & (counts[:, column] > 0))
        for group in members[np.argsort(-counts[members, column], kind="stable")]:
            deal(int(group), lack[:, column])
            left -= counts[group]
    for group in np.argsort(-sizes, kind="stable"):
        if places[group] < 0:
            deal(int(group), lack_films)
    return places


def _fill_empty(
    places: NDArray[np.int64],
    sizes: NDArray[np.int64],
    counts: NDArray[np.int64],
    num_parts: int,
) -> None:
    """Give each part that got nothing the group that is missed least where most groups are."""
    for part in range(num_parts):
        held = np.bincount(places, minlength=num_parts)
        if held[part] == 0:
            members = np.flatnonzero(places == held.argmax())
            places[min(members, key=lambda one: (counts[one].sum(), sizes[one]))] = part


def _improve(
    places: NDArray[np.int64],
    sizes: NDArray[np.int64],
    counts: NDArray[np.int64],
    wanted: NDArray[np.float64],
) -> None:
    """Move groups between parts, the most helpful first, until no move helps any more.

    A move of shares x from part a to part b changes the sum of squared deviations d by
    2 (x.x + x.d_b - x.d_a).
    """
    totals = counts.sum(axis=0)
    shares = np.column_stack([counts[:, totals > 0] / totals[totals > 0], sizes / sizes.sum()])
    own = (shares * shares).sum(axis=1)
    rows = np.arange(len(places))
    deviation = np.stack([shares[places == part].sum(axis=0) for part in range(len(wanted))])
    deviation -= wanted[:, np.newaxis]
    for _ in rows:  # each move helps, so that it ends; this bounds the time
        along = shares @ deviation.T
        change = own[:, np.newaxis] + along - along[rows, places][:, np.newaxis]
        change[rows, places] = 0.0
        last = np.bincount(places, minlength=len(wanted))[places] == 1
        change[last] = 0.0
        # rounded, so that another processor's last digit does not choose another move
        group, part = np.unravel_index(np.argmin(np.round(change, _DIGITS)), change.shape)
        if change[group, part] > -(0.1**_DIGITS):
            return
        deviation[places[group]] -= shares[group]
        deviation[part] += shares[group]
        places[group] = part
