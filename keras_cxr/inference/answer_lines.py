"""Answers as lines of JSON, one for each file, written as they come; shares of long lists."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from keras_cxr._support.disk.documents import FormError, check_form, parse_json
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.inference.predictions import Predictions

SCHEMA_VERSION = 1
BEGINNING = b'{"schema_version":1,"model":'
"""How a file of such lines begins."""

_FORM = {"schema_version": int, "model": str, "file": str, "error?": str}

Item = TypeVar("Item")


class Held(NamedTuple):
    """What an earlier file of answers holds.

    Attributes:
        files: that it answers, or says why not.
        num_errors: how many of them it does not answer.
        num_bytes: up to the end of the last whole line.
        is_torn: whether a line behind that was cut off.
    """

    files: frozenset[str]
    num_errors: int
    num_bytes: int
    is_torn: bool


def lines_of(predictions: Predictions, model: str) -> Iterator[str]:
    """Yield a JSON object for each answered picture, then one with `error` for each other.

    Args:
        predictions: of one batch.
        model: the digest of the model's weights.
    """
    head: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "model": model}
    for row in predictions:
        yield to_json({**head, **row}, indent=None)
    for file, reason in predictions.failed.items():
        yield to_json({**head, "file": file, "error": reason}, indent=None)


def read_answers(path: Path, model: str) -> Held:
    """Return what a file of `lines_of` holds; a last line that was cut off does not count.

    Args:
        path: the file.
        model: the digest of the model that the work goes on with.

    Raises:
        DataError: (a ValueError) it is damaged, or of another model.
    """
    remedy = "Pass another --out, or answer all files again without --resume."
    files: set[str] = set()
    num_errors = num_bytes = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return Held(frozenset(files), num_errors, num_bytes, is_torn=True)
            try:
                row = parse_json(line)
                check_form(row, _FORM)
            except FormError as error:
                raise DataError(f"{path}, line {number}, {error}. {remedy}") from error
            if row["schema_version"] != SCHEMA_VERSION:
                raise DataError(f"{path} is of another release of keras-cxr. {remedy}")
            if row["model"] != model:
                raise DataError(f"{path} holds answers of another model. {remedy}")
            files.add(row["file"])
            num_errors += "error" in row
            num_bytes += len(line)
    return Held(frozenset(files), num_errors, num_bytes, is_torn=False)


def cut_torn_line(path: Path, held: Held) -> None:
    """Drop the line that was cut off, so that the next one begins at the beginning."""
    if held.is_torn:
        os.truncate(path, held.num_bytes)


def take_shard(items: Sequence[Item], shard: str) -> list[Item]:
    """Return one of n equal shares of a list, such as the second fifth for "2/5".

    The n shares have no item in common, and together they are the list.

    Raises:
        InvalidArgumentError: (a ValueError) it is none of 1/n to n/n.

    Examples:
        >>> take_shard("abcdefg", "2/3")
        ['c', 'd']
    """
    first, _, second = shard.partition("/")
    index, total = (int(one) if one.isdecimal() else 0 for one in (first, second))
    if not 1 <= index <= total:
        raise InvalidArgumentError(
            f"shard must be such as 2/5, the second of five shares; received {shard!r}."
        )
    size = len(items)
    return list(items[size * (index - 1) // total : size * index // total])
