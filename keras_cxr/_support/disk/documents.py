"""JSON documents read back: whole, of the expected form and version, or a sentence that says why.

A form is a literal. A type stands for itself, `float` for any finite number; `[form]` is a list of
such, `[one, two]` a pair, `{str: form}` an object of any keys, another `{...}` an object with these
keys ("name?" may be missing, more are let be), a tuple of forms is one of them, None is null.
`Range` bounds a number and `Text` a text. `list` is any list, `object` anything.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cxr._support.disk.files import open_regular
from keras_cxr.errors import DataError, KerasCXRError

MOST_BYTES = 1 << 30  # the attributes of two million files
_TYPES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
}


class FormError(ValueError):
    """A document is not what it should be; the text says where and how."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`."""

    low: float
    high: float = math.inf
    whole: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g}" + ("" if math.isinf(self.high) else f" to {self.high:g}")


@dataclass(frozen=True)
class Text:
    """Text that matches a pattern as a whole."""

    pattern: str
    words: str

    def __str__(self) -> str:
        return self.words


COUNT = Range(0, 2**53, whole=True)
SHARE = Range(0, 1)


@dataclass(frozen=True)
class Document:
    """One kind of JSON file.

    Attributes:
        what: what it is, such as "the record of a run"; for messages.
        form: what it holds, see above.
        remedy: what a person does where it is damaged, a sentence.
        version: its `schema_version`; None where it has none.
        earlier: versions of the same form that are read too.
        error: what is raised.
        rule: what a document of this form contradicts itself in, "" where it does not.
    """

    what: str
    form: Any
    remedy: str
    version: int | None = 1
    earlier: tuple[int, ...] = ()
    error: type[KerasCXRError] = DataError
    rule: Callable[[dict[str, Any]], str] = lambda document: ""

    def read(self, path: Path, *, remedy: str = "") -> dict[str, Any]:
        """Return what a file holds, without its `schema_version`.

        Args:
            path: the file.
            remedy: what a person does here where it is damaged; `self.remedy` by default.

        Raises:
            KerasCXRError: the kind's own error; the text names the file, what is wrong with it
                and what to do.
        """
        try:
            return self.parse(read_bytes(path))
        except FormError as error:
            raise self.damaged(path, error, remedy) from error

    def parse(self, content: bytes | str) -> dict[str, Any]:
        """Return the document in a text.

        Raises:
            FormError: it is none, of another version or of another form.
        """
        found = parse_json(content)
        if not isinstance(found, dict):
            raise FormError(f"holds {_name(found)}, not an object")
        if self.version is not None:
            version = found.pop("schema_version", None)
            if version not in (self.version, *self.earlier) or isinstance(version, bool):
                has = (
                    "no schema version" if version is None else f"schema version {_short(version)}"
                )
                raise FormError(f"has {has}, this release reads {self.version}")
        check_form(found, self.form)
        problem = self.rule(found)
        if problem:
            raise FormError(problem)
        return found

    def damaged(self, path: Path, why: object, remedy: str = "") -> KerasCXRError:
        """Return the error for a file that is not what it should be."""
        advice = remedy or self.remedy
        return self.error(f"{path} {why}: it cannot be used as {self.what}. {advice}")


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        FormError: it cannot be read, or is too large to be a document.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, DataError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FormError(f"cannot be read ({reason or error})") from error
    if len(content) > MOST_BYTES:
        raise FormError(f"has more than {MOST_BYTES >> 20} MiB")
    return content


def parse_json(content: bytes | str, *, keep_nan: bool = False) -> Any:
    """Return what a JSON text holds; NaN and infinity, as earlier releases wrote them, are null.

    Args:
        content: the text.
        keep_nan: leave them as they are.

    Raises:
        FormError: it is no JSON, or no UTF-8.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return json.loads(text, parse_constant=None if keep_nan else _null)
    except UnicodeDecodeError as error:
        raise FormError("is no text in UTF-8") from error
    except RecursionError as error:
        raise FormError("is nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits is one too
        empty = not content.strip()
        raise FormError("is empty" if empty else f"is no JSON ({error})") from error


def check_form(value: Any, form: Any) -> None:
    """Refuse a value that has another form.

    Raises:
        FormError: the text names the place and what was expected.
    """
    wrong = next(_wrong(value, form, ""), None)
    if wrong is not None:
        raise FormError(wrong)


def rows_fit(rows: Any, kinds: Sequence[type | tuple[type, ...]]) -> bool:
    """Return whether each row is a list of as many items of these types.

    It looks by column, since a table may have millions of rows.
    """
    if any(type(row) is not list or len(row) != len(kinds) for row in rows):
        return False
    columns = zip(*rows, strict=True)
    return all(
        set(map(type, column)) <= set(kind if isinstance(kind, tuple) else (kind,))
        for column, kind in zip(columns, kinds, strict=False)
    )


def _wrong(value: Any, form: Any, place: str) -> Iterator[str]:
    if isinstance(form, tuple):
        if all(next(_wrong(value, one, place), None) for one in form):
            if len(form) == 2 and form[1] is None:
                yield from _wrong(value, form[0], place)
            else:
                yield _expected(value, place, " or ".join(map(_words, form)))
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield _expected(value, place, "a list")
        elif len(form) > 1 and len(form) != len(value):
            yield f"has {place} with {len(value)} items, not {len(form)}"
        else:
            forms = form if len(form) > 1 else form * len(value)
            for index, (item, inner) in enumerate(zip(value, forms, strict=True)):
                yield from _wrong(item, inner, f"{place}[{index}]")
    elif isinstance(form, dict):
        yield from _wrong_object(value, form, place)
    elif not _fits(value, form):
        yield _expected(value, place, _words(form))


def _wrong_object(value: Any, form: dict[Any, Any], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _expected(value, place, "an object")
        return
    prefix = f"{place}." if place else ""
    if str in form:
        for key, item in value.items():
            yield from _wrong(item, form[str], f"{prefix}{_shortened(key)}")
        return
    for key, inner in form.items():
        name = key.removesuffix("?")
        if name in value:
            yield from _wrong(value[name], inner, f"{prefix}{name}")
        elif name == key:
            yield f"lacks {prefix}{name}"


def _fits(value: Any, form: Any) -> bool:
    if form is object:
        return True
    if form is None:
        return value is None
    if isinstance(form, Text):
        return isinstance(value, str) and re.fullmatch(form.pattern, value) is not None
    if form is str or form is bool or form is list:
        return isinstance(value, form)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return False
    if isinstance(form, Range):
        return form.low <= value <= form.high and (not form.whole or value == int(value))
    return form is float or isinstance(value, int)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _null(name: str) -> None:
    """Return what stands for NaN and infinity."""


def _words(form: Any) -> str:
    if form is None:
        return "null"
    if isinstance(form, list):
        return "a list"
    return "an object" if isinstance(form, dict) else _TYPES.get(form, str(form))


def _expected(value: Any, place: str, words: str) -> str:
    return f"has {place or 'a value'} {_short(value)}, not {words}"


def _name(value: Any) -> str:
    kinds = {list: "a list", str: "text", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1000:
        return "a number of hundreds of digits"
    return _shortened(json.dumps(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
