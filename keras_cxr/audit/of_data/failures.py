"""What `--fail-on` can name: the things an audit may find that a user will not have."""

from collections.abc import Callable, Iterable

from keras_cxr.audit.of_data.result import DataAudit
from keras_cxr.errors import InvalidArgumentError


def _beats_guessing(audit: DataAudit) -> int:
    """Return 1 where the interval of what file attributes reach lies above guessing."""
    rows = audit.shortcuts.table.to_dict("records")
    return sum(
        row["name"] == "attributes" and row["balanced_accuracy_low"] > audit.shortcuts.chance
        for row in rows
    )


FAILURES: dict[str, Callable[[DataAudit], int]] = {
    "against": lambda audit: 0 if audit.against is None else audit.against.num_copies,
    "conflicts": lambda audit: len(audit.conflicts),
    "corrupt": lambda audit: sum(flag.kind == "corrupt" for flag in audit.flags),
    "duplicates": lambda audit: sum(len(group.own) > 1 for group in audit.duplicate_groups),
    "flags": lambda audit: len(audit.flags),
    "leakage": lambda audit: sum(
        round(leak.num_leaked)
        for leak in audit.leaks
        if leak.split == "given" and leak.by != "source"
    ),
    "patients": lambda audit: len(audit.patients_across_classes),
    "shortcuts": lambda audit: _beats_guessing(audit),
}
"""How many of each an audit found; leakage is that of given parts, by copies and patients."""
_OF_CLASSES = frozenset({"conflicts", "patients", "shortcuts"})


def find_failures(audit: DataAudit, names: Iterable[str]) -> dict[str, int]:
    """Return which of the named things were found, and how many of each.

    Raises:
        InvalidArgumentError: there is no such name.
    """
    found = {}
    for name in names:
        if name not in FAILURES:
            raise InvalidArgumentError(
                f"fail_on must be one of {', '.join(FAILURES)}; received {name!r}"
            )
        if name in _OF_CLASSES and not audit.class_counts:
            raise InvalidArgumentError(
                f"fail_on={name!r} asks about classes, and {audit.name} has none. Leave it out, or "
                "audit one folder per class."
            )
        if count := FAILURES[name](audit):
            found[name] = count
    return found
