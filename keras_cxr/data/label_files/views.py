"""The views of films, under one name each, and the choice among them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from keras_cxr.errors import DataError, InvalidArgumentError

LATERAL = "L"
# CheXpert and MIMIC-CXR say LATERAL and LL, MIMIC-CXR XTABLE LATERAL too; torchxrayvision says
# L for CheXpert's laterals, and "AP Supine" for PadChest's AP_horizontal
_NAMES = {
    **dict.fromkeys(("l", "ll", "rl", "lateral", "left lateral", "xtable lateral"), LATERAL),
    **dict.fromkeys(("ap supine", "ap_horizontal", "ap horizontal"), "AP Supine"),
}


def view_name(view: str) -> str:
    """Return a view in one spelling: "PA", "AP", "AP Supine", "L" for laterals; "" for unknown."""
    text = view.strip()
    return _NAMES.get(text.casefold(), text.upper())


def check_views(views: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Return the wished views in one spelling, None for all.

    Raises:
        InvalidArgumentError: These are no texts, or none at all.
    """
    if views is None:
        return None
    wished = (views,) if isinstance(views, str) or not np.iterable(views) else tuple(views)
    if not wished or not all(isinstance(view, str) and view.strip() for view in wished):
        raise InvalidArgumentError(
            f"views must be names of views, such as ('PA', 'AP'), or None, received {views!r}"
        )
    return tuple(dict.fromkeys(map(view_name, wished)))


def films_of_views(
    held: Sequence[str], wished: tuple[str, ...] | None, count: int, name: str
) -> tuple[list[int], list[str]]:
    """Return the films that have one of the wished views, and notes.

    Args:
        held: the view of each film, "" for unknown; empty where the label file names none.
        wished: None for all films.
        count: the number of films.
        name: what errors call the label file.

    Raises:
        DataError: The label file names no views, or no film has a wished one.
    """
    every = list(range(count))
    number = Counter(held)
    if wished is None:
        laterals = number[LATERAL]
        told = f"{laterals:,} film(s) are laterals and stay; views=('PA', 'AP') leaves them out"
        return every, [told] if laterals else []
    if not held:
        raise DataError(f"{name} names no views. Read it without views=.")
    rows = [row for row in every if held[row] in wished]
    others = ", ".join(
        f"{view or 'unknown'} {films:,}" for view, films in sorted(number.items())
        if view not in wished
    )  # fmt: skip
    if not rows:
        raise DataError(f"{name} has no film with the view {' or '.join(wished)}; it has {others}")
    left = count - len(rows)
    return rows, [f"left out: {left:,} film(s) of other views ({others})"] if left else []
