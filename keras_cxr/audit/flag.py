"""`Flag`: one file that is not what it should be."""

from typing import Any, NamedTuple


class Flag(NamedTuple):
    """One file that is not what it should be."""

    file: str
    kind: str
    confidence: float
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Returns it as JSON holds it."""
        return self._asdict()
