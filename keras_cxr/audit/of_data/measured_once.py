"""Asks what takes long only once: attributes, flags and shortcuts of an opened data set."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from keras_cxr._support.disk.documents import COUNT, SHARE, Text
from keras_cxr._support.disk.memo import computed_once
from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.attributes.read import read_attributes
from keras_cxr.audit.of_data.flags.find import KINDS, Flag, find_flags
from keras_cxr.audit.of_data.opened_data import Opened
from keras_cxr.audit.of_data.shortcuts.measure import COLUMNS, Shortcuts, measure_shortcuts

_FLAGS_METHOD = 3  # raised whenever the same pictures would be flagged otherwise
_SHORTCUTS_METHOD = 4  # raised whenever the same files would give other figures

_FLAG = {
    "file": str,
    "kind": Text("|".join(KINDS), "a kind of flag"),
    "confidence": SHARE,
    "detail": str,
}
_FLAGS = {"flags": [_FLAG]}
_SHORTCUTS = {
    "num_images": COUNT,
    "classes": [str],
    "majority_class": str,
    "majority_share": (SHARE, None),
    "chance": (SHARE, None),
    "carrier": str,
    "table": [{name: str if name == "name" else (float, None) for name in COLUMNS}],
    "findings": [
        {
            "key": str,
            "sentence": str,
            "value": (float, None),
            "interval": ([float, float], None),
        }
    ],
    "notes": [str],
}


def attributes_once(opened: Opened, *, verbose: bool | str) -> pd.DataFrame:
    """Returns what `read_attributes` returns, with an error for all files that do not decode."""
    table = read_attributes(opened.catalog, folder=opened.cache, verbose=verbose)
    errors = [
        record.error or error for record, error in zip(opened.records, table["error"], strict=True)
    ]
    return table.assign(error=errors)


def flags_once(opened: Opened, attributes: pd.DataFrame, *, seed: int) -> tuple[Flag, ...]:
    """Returns what `find_flags` returns, from disk where the same was asked before.

    Args:
        opened: The images.
        attributes: One row for each.
        seed: Draws the pictures that are taken as usual.
    """

    def find() -> dict[str, Any]:
        found = find_flags(attributes, opened.store.image, seed=seed)
        return {"flags": [flag.to_dict() for flag in found]}

    asked = [_FLAGS_METHOD, attributes.to_csv(), _pixels(opened), seed]
    known = computed_once(opened.cache, "flags", asked, compute=find, form=_FLAGS)
    return tuple(Flag(**{name: flag[name] for name in _FLAG}) for flag in known["flags"])


def shortcuts_once(
    opened: Opened,
    attributes: pd.DataFrame,
    together: Sequence[str],
    *,
    sources: Sequence[str],
    seed: int,
) -> Shortcuts:
    """Returns what `measure_shortcuts` returns, from disk where the same was measured before.

    Args:
        opened: The images.
        attributes: One row for each.
        together: The group of each, "" for images alone.
        sources: Where each comes from, "" where unknown.
        seed: Draws folds and bootstrap samples.
    """
    labels = [entry.label for entry in opened.catalog.entries]
    if not any(labels):
        return Shortcuts.unmeasured("the images have no classes, so no shortcut to one was sought")

    def measure() -> dict[str, Any]:
        found = measure_shortcuts(
            attributes,
            labels,
            groups=together,
            sources=sources,
            image=opened.store.image,
            seed=seed,
        )
        return found.to_dict() | {"findings": [one.to_dict() for one in found.findings]}

    asked = [
        _SHORTCUTS_METHOD,
        attributes.to_csv(),
        _pixels(opened),
        labels,
        list(together),
        list(sources),
        seed,
    ]
    return _from_dict(
        computed_once(opened.cache, "shortcuts", asked, compute=measure, form=_SHORTCUTS)
    )


def _pixels(opened: Opened) -> list[int]:
    return [record.checksum for record in opened.records]


def _from_dict(known: dict[str, Any]) -> Shortcuts:
    findings = [
        Finding(
            one["key"],
            one["sentence"],
            one["value"],
            None if one["interval"] is None else (one["interval"][0], one["interval"][1]),
        )
        for one in known["findings"]
    ]
    return Shortcuts(
        table=pd.DataFrame(known["table"], columns=list(COLUMNS)),
        classes=tuple(known["classes"]),
        num_images=known["num_images"],
        majority=(known["majority_class"], known["majority_share"] or 0.0),
        chance=known["chance"] or 0.0,
        carrier=known["carrier"],
        findings=tuple(findings),
        notes=tuple(known["notes"]),
    )
