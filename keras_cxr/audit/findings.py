"""`Finding`: one thing that an audit found, as a sentence with its number and interval."""

import math
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

_COLUMNS = 80  # of a terminal's smallest usual screen


@dataclass(frozen=True)
class Finding:
    """One thing that an audit found; a reader needs nothing but the sentence.

    Attributes:
        key: what it is about, such as "duplicates" or "controls"; stable, for programs.
        sentence: one plain sentence that holds the number, its interval where it has one, and
            what it was measured on. It states, and leaves the verdict to the reader.
        value: the number; None where there is none (NaN becomes None).
        interval: its 95 % limits; None where it has none.
    """

    key: str
    sentence: str
    value: float | None = None
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.value is not None and math.isnan(self.value):
            object.__setattr__(self, "value", None)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self) | {"interval": None if self.interval is None else list(self.interval)}

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> "Finding":
        """Return the finding that `to_dict` made a dictionary of."""
        interval = known["interval"]
        limits = None if interval is None else (interval[0], interval[1])
        return cls(known["key"], known["sentence"], known["value"], limits)

    def __str__(self) -> str:
        return self.sentence


def wrapped(text: str, bullet: str = "") -> list[str]:
    """Return the lines of a text for a terminal, the first behind the bullet."""
    return textwrap.wrap(text, _COLUMNS, initial_indent=bullet, subsequent_indent=" " * len(bullet))
