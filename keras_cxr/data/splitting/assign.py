"""Divide a data set into training, validation and test part, the same way on every machine."""

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from keras_cxr._support.text.names import name_bytes
from keras_cxr.data.catalog import PARTS
from keras_cxr.data.groups import names_of_units
from keras_cxr.errors import DataError, InvalidArgumentError

Shares = tuple[float, float, float]

_LARGE = 0.5  # of the smallest part: cuts between smaller groups miss it by less than that


def check_shares(split: Sequence[float]) -> Shares:
    """Return the three shares (train, val, test) as floats.

    Raises:
        InvalidArgumentError: They are not three numbers >= 0 that add up to 1, or the training
            share is 0.
    """
    text = f"split must be three shares (train, val, test) that add up to 1, received {split!r}"
    try:
        shares = tuple(float(share) for share in split)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(text) from error
    if len(shares) != 3 or min(shares) < 0.0 or abs(sum(shares) - 1.0) > 1e-6:
        raise InvalidArgumentError(text)
    if shares[0] == 0.0:
        raise InvalidArgumentError("split leaves nothing to train on: its first share is 0")
    return shares[0], shares[1], shares[2]


def assign_parts(
    files: Sequence[str],
    labels: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> list[str]:
    """Return "train", "val" or "test" for every file.

    Each class is divided alone. Its groups (a file without group is its own) are ordered by the
    SHA-256 of "seed:group" and cut where the running number of files comes nearest to the
    share. Groups larger than half of the smallest part are dealt before, the largest first, to
    the part that lacks most images. Without groups the parts' sizes follow from largest
    remainders, so each is within one file of its share; with groups within the largest group of
    the class, as long as no group belongs to several classes. Groups of several classes are dealt
    first, the largest first, to the part that lacks most of them. Every part with a share gets at
    least one file of each class, even where rounding would leave it none.

    Args:
        files: relative posix paths, all different.
        labels: the class of each.
        groups: the group (patient) of each, "" for none.
        shares: of train, val and test.
        seed: another seed gives another split.

    Raises:
        DataError: A class has fewer files (or groups) than there are parts.
    """
    shares = check_shares(shares)
    if groups is None:
        groups = [""] * len(files)
    names = names_of_units(files, groups)
    used = [part for part, share in enumerate(shares) if share > 0.0]
    totals = Counter(labels)
    lack = {label: [share * total for share in shares] for label, total in totals.items()}
    sizes = Counter(names)
    class_of: dict[str, str] = {}
    mixed: dict[str, Counter[str]] = {}
    for name, label in zip(names, labels, strict=True):
        if class_of.setdefault(name, label) != label:
            mixed[name] = Counter()
    for name, label in zip(names, labels, strict=True) if mixed else ():
        if name in mixed:
            mixed[name][label] += 1
    order = sorted(sizes, key=lambda name: digest_of(seed, name))

    part_of: dict[str, int] = {}
    reached: dict[str, set[int]] = defaultdict(set)
    for name in sorted((name for name in order if name in mixed), key=lambda name: -sizes[name]):
        counts = mixed[name]
        part = max(
            used,
            key=lambda part: sum(
                count * lack[label][part] / totals[label] for label, count in counts.items()
            ),
        )
        part_of[name] = part
        for label, count in counts.items():
            lack[label][part] -= count
            reached[label].add(part)
    single: dict[str, list[str]] = {label: [] for label in sorted(totals)}
    for name in order:
        if name not in mixed:
            single[class_of[name]].append(name)
    for label, members in single.items():
        needed = [part for part in used if part not in reached[label]]
        if len(members) < len(needed):
            raise DataError(_too_few(label, totals[label], len(used), grouped=any(groups)))
        least = min(shares[part] for part in used) * totals[label]
        large = [name for name in members if 1 < sizes[name] > _LARGE * least]
        dealt = _deal_large(large, sizes, lack[label], needed, others=len(members) - len(large))
        part_of.update(dealt)
        members = [name for name in members if name not in dealt]
        needed = [part for part in needed if part not in dealt.values()]
        wanted = [max(0.0, share) for share in lack[label]]
        cuts = _cut([sizes[name] for name in members], wanted, needed)
        for part, (start, stop) in enumerate(cuts):
            part_of.update(dict.fromkeys(members[start:stop], part))
    return [PARTS[part_of[name]] for name in names]


def _deal_large(
    names: list[str],
    sizes: Mapping[str, int],
    lack: list[float],
    needed: Sequence[int],
    *,
    others: int,
) -> dict[str, int]:
    """Return the part of each large group of a class, the largest dealt first.

    Each goes to the part that lacks most images, of which `lack` keeps count; near the end to one
    that has none yet.

    Args:
        names: the large groups, in the order of their digests.
        sizes: of all groups.
        lack: images that each part lacks; below 0 where it has too many. Changed in place.
        needed: the parts that must get a group of this class.
        others: how many groups of this class are left for later.
    """
    found: dict[str, int] = {}
    for number, name in enumerate(sorted(names, key=lambda name: -sizes[name])):
        empty = [part for part in needed if part not in found.values()]
        left = len(names) - number + others
        parts = empty if left <= len(empty) else range(len(lack))
        part = max(parts, key=lambda part: lack[part])
        found[name] = part
        lack[part] -= sizes[name]
    return found


def digest_of(seed: int, name: str) -> bytes:
    """Return what the names of groups are ordered by: the SHA-256 of "seed:name"."""
    return hashlib.sha256(name_bytes(f"{seed}:{name.removeprefix(chr(10))}")).digest()


def _cut(sizes: list[int], wanted: list[float], needed: list[int]) -> list[tuple[int, int]]:
    """Return (start, stop) per part in a row of groups, each cut nearest to its running share."""
    total = sum(sizes)
    scale = total / sum(wanted) if sum(wanted) > 0 else 0.0
    wanted = [share * scale for share in wanted]
    if all(size == 1 for size in sizes):
        counts = largest_remainder(wanted, total)
        for part in needed:
            if counts[part] == 0:
                counts[counts.index(max(counts))] -= 1
                counts[part] = 1
        stops = list(itertools.accumulate(counts))
    else:
        filled = [0, *itertools.accumulate(sizes)]
        stops = []
        for part in range(len(wanted)):
            target = sum(wanted[: part + 1])
            below = stops[-1] if stops else 0
            lowest = below + (part in needed)
            highest = len(sizes) - sum(later in needed for later in range(part + 1, len(wanted)))
            if wanted[part] == 0.0 and part not in needed:
                stops.append(below)
                continue
            choices = range(lowest, highest + 1)
            stops.append(min(choices, key=lambda stop: (abs(filled[stop] - target), stop)))
    return list(itertools.pairwise([0, *stops]))


def largest_remainder(quotas: Sequence[float], total: int) -> list[int]:
    """Return whole numbers that add up to `total`, each within one of its quota."""
    counts = [int(quota + 1e-9) for quota in quotas]
    by_remainder = sorted(
        (index for index, quota in enumerate(quotas) if quota > 0.0),
        key=lambda index: (counts[index] - quotas[index], index),
    )
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts


def _too_few(label: str, total: int, parts: int, *, grouped: bool) -> str:
    what = "groups" if grouped else "images"
    return (
        f"Class {label!r} has {total:,} image(s), too few {what} for {parts} parts: each part "
        f"needs at least one of them. Add {what}, leave the class out, or pass a split with "
        "fewer parts, such as split=(0.5, 0.5, 0)."
    )
