"""Answers as lines of JSON, one for each file, written as they come; shares of long lists."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from keras_cxr._support.disk.documents import FormError, check_form, parse_json
from keras_cxr._support.disk.files import whole_file
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr.data.catalog import near_name
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
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
    for row, line in _rows(path, remedy):
        if row is None:
            return Held(frozenset(files), num_errors, num_bytes, is_torn=True)
        if row["model"] != model:
            raise DataError(f"{path} holds answers of another model. {remedy}")
        files.add(row["file"])
        num_errors += "error" in row
        num_bytes += len(line)
    return Held(frozenset(files), num_errors, num_bytes, is_torn=False)


def _rows(path: Path, remedy: str) -> Iterator[tuple[dict[str, Any] | None, bytes]]:
    """Yield what each line holds, with the line; None for a last one that was cut off.

    Raises:
        DataError: (a ValueError) a line is damaged, or of another release.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                yield None, line
                return
            try:
                row = parse_json(line)
                check_form(row, _FORM)
            except FormError as error:
                raise DataError(f"{path}, line {number}, {error}. {remedy}") from error
            if row["schema_version"] != SCHEMA_VERSION:
                raise DataError(f"{path} is of another release of keras-cxr. {remedy}")
            yield row, line


def cut_torn_line(path: Path, held: Held) -> None:
    """Drop the line that was cut off, so that the next one begins at the beginning."""
    if held.is_torn:
        os.truncate(path, held.num_bytes)


@dataclass(frozen=True)
class MergedAnswers:
    """What `merge_answers` wrote.

    Attributes:
        path: the file.
        files: that have a line in it, sorted as `take_shard` had them.
        num_errors: how many of them are not answered, each with its reason.
        num_repeated: lines that were left out, since another file has the same.
        num_mended: errors that were left out, since another file has the answer.
    """

    path: Path
    files: tuple[Path, ...]
    num_errors: int
    num_repeated: int
    num_mended: int


class _Line(NamedTuple):
    source: Path
    start: int
    size: int
    is_error: bool


def merge_answers(paths: Sequence[Path], out: Path) -> MergedAnswers:
    """Write the lines of several files of answers into one, a line for each film, sorted.

    The shares of `predict --shard` become what one process would have written. A film that two
    files answer is taken once; an answer goes before an error. Lines are copied as they are.

    Args:
        paths: files of `lines_of`.
        out: the file to write, whole or not at all.

    Raises:
        NotFoundError: (a FileNotFoundError) there is no such file.
        DataError: (a ValueError) a file is damaged or ends within a line, they are of different
            models, or two answer differently for a film.
        OutputError: (an OSError) `out` cannot be written.
    """
    kept: dict[str, _Line] = {}
    models: dict[str, Path] = {}
    counts = {"repeated": 0, "mended": 0}
    for path in paths:
        if not path.is_file():
            raise NotFoundError(f"There is no file {path}{near_name(path)}")
        for row, line in _lines_of_file(path):
            if models and row["model"] not in models:
                first = next(iter(models.values()))
                raise DataError(f"{path} holds answers of another model than {first}.")
            models.setdefault(row["model"], path)
            earlier = kept.setdefault(row["file"], line)
            if earlier is not line:
                kept[row["file"]] = _better(earlier, line, row["file"], counts)
    order = sorted(kept, key=Path)
    with whole_file(out) as temporary, temporary.open("wb") as target, ExitStack() as stack:
        opened = {path: stack.enter_context(path.open("rb")) for path in set(paths)}
        for file in order:
            target.write(_bytes_of(kept[file], opened[kept[file].source]))
    num_errors = sum(line.is_error for line in kept.values())
    return MergedAnswers(
        out, tuple(map(Path, order)), num_errors, counts["repeated"], counts["mended"]
    )


def _lines_of_file(path: Path) -> Iterator[tuple[dict[str, Any], _Line]]:
    start = 0
    for row, line in _rows(path, "Answer its files again."):
        if row is None:
            raise DataError(
                f"{path} ends within a line: its process was stopped. Let the same command go on "
                "with --resume first."
            )
        yield row, _Line(path, start, len(line), "error" in row)
        start += len(line)


def _better(earlier: _Line, found: _Line, file: str, counts: dict[str, int]) -> _Line:
    """Return which of two lines for a film is kept: an answer goes before an error."""
    if earlier.is_error != found.is_error:
        counts["mended"] += 1
        return found if earlier.is_error else earlier
    if not earlier.is_error:
        with earlier.source.open("rb") as one, found.source.open("rb") as other:
            if _bytes_of(earlier, one) != _bytes_of(found, other):
                raise DataError(
                    f"{earlier.source} and {found.source} answer differently for {file}. Keep one "
                    "of them."
                )
    counts["repeated"] += 1
    return earlier


def _bytes_of(line: _Line, opened: BinaryIO) -> bytes:
    opened.seek(line.start)
    return opened.read(line.size)


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
