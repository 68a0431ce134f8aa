"""From numbers to JSON and back: the one place that knows what JSON cannot hold."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_cxr._support.disk.files import write_whole


def to_json(document: Any, *, indent: int | None = 1) -> str:
    """Return a document as JSON text that every reader takes.

    NaN and infinity, which JSON does not have, become null; numpy's numbers and arrays, tuples
    and paths become plain ones. What is none of these is a mistake of the program's.

    Args:
        document: dictionaries, sequences, text, numbers, booleans and None, nested.
        indent: None for one line without blanks, for files that only programs read.
    """
    separators = (",", ":") if indent is None else None

    def dump(value: Any) -> str:
        return json.dumps(
            value, indent=indent, separators=separators, allow_nan=False, default=_plain
        )

    try:
        return dump(document)  # mostly nothing has to be replaced, and the tables of files are long
    except (TypeError, ValueError):
        return dump(as_json(document))


def write_json(path: Path, document: Any, *, indent: int | None = 1) -> None:
    """Write a document as `to_json` does, whole or not at all.

    Raises:
        OutputError: (an OSError) the file cannot be written; an older one is left as it was.
    """
    write_whole(path, to_json(document, indent=indent) + "\n")


def as_json(value: Any) -> Any:
    """Return a document as it is read again: plain values, None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {_key(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return as_json(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"JSON holds no {type(value).__qualname__}: {value!r}")


def _key(name: Any) -> str:
    if isinstance(name, np.generic):
        name = name.item()
    # as json.dumps writes them
    return name if isinstance(name, str) else json.dumps(name)
