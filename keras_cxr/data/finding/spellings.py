"""Classes and findings that may be one spelt differently, several in one label, or none at all."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

_ALWAYS = "|;"  # stand in no single finding's name
_SOMETIMES = ",/+&"  # may: "Pneumonia, bacterial"
_NOTHING = frozenset({"", "nan", "na", "n/a", "none", "null", "nil", "?", "-", "unknown", "<na>"})

_WORDS = {
    "class": (
        "classes",
        "give their images one label if they are one",
        "each image has one class here",
    ),
    "finding": (
        "findings",
        "give them one name if they are one",
        "name the separator if there are several",
    ),
}
"""By what is named: several of them, and what to do where two are one, or one is several."""


def spelling_notes(
    class_names: Iterable[str], what: Literal["class", "finding"] = "class"
) -> tuple[str, ...]:
    """Return notes on names that look as if the labels were not what was meant.

    Nothing is joined or divided: which labels are one class, only their author knows.

    Args:
        class_names: all different.
        what: they name.
    """
    plural, if_one, if_several = _WORDS[what]
    names = sorted({*class_names} - {""})
    alike = defaultdict(list)
    for name in names:
        alike[_spelling(name)].append(name)
    notes = [
        f"the {plural} {_said(same)} differ in spelling only, and count as {len(same)} {plural}: "
        f"{if_one}"
        for same in alike.values()
        if len(same) > 1
    ]
    notes += [
        f"the {what} {name!r} looks like several labels in one ({mark!r} between them), and counts "
        f"as a {what} of its own: {if_several}"
        for name in names
        if (mark := _separator(name, set(alike)))
    ]
    notes += [
        f"the {what} {name!r} looks like a label that is missing: leave its images out if it is"
        for name in names
        if _spelling(name) in _NOTHING
    ]
    return tuple(notes)


def _spelling(name: str) -> str:
    """Return what spellings of one name share: no case, blanks, `_`, `-` or form of a number."""
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        if math.isfinite(number):
            return repr(number + 0.0)
    return re.sub(r"[\s_\-]+", "", text) or text


def _separator(name: str, spellings: set[str]) -> str:
    """Return what divides a name into several, "" where nothing does."""
    if _spelling(name) in _NOTHING:
        return ""
    if name[0] + name[-1] in ("[]", "()", "{}"):  # a list in the cell of a DataFrame
        return name[0]
    for mark in (*_ALWAYS, *_SOMETIMES):
        pieces = [piece for piece in name.split(mark) if piece.strip()]
        if len(pieces) > 1 and (
            mark in _ALWAYS or any(_spelling(piece) in spellings for piece in pieces)
        ):
            return mark
    return ""


def _said(names: list[str]) -> str:
    return ", ".join(map(repr, names))
