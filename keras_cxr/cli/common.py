"""What several commands share."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from cyclopts import Parameter

from keras_cxr._support.disk.jsonable import to_json
from keras_cxr._support.text.names import printable

OnError = Literal["raise", "skip"]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def print_result(document: dict[str, Any], as_json: bool, text: str) -> None:
    """Print the text for people, or the document for machines."""
    print_text(to_json(document) if as_json else text)


def print_text(text: str, file: IO[str] | None = None) -> None:
    """Print text that may hold any file name: what the terminal does not take is escaped."""
    stream = sys.stdout if file is None else file
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=stream)


def report_failed(failed: dict[Path, str]) -> int:
    """Name the files that could not be read on standard error; the exit code that follows."""
    for reason in failed.values():
        print_error(reason)
    return 2 if failed else 0


def print_error(message: str) -> None:
    """Print an error on standard error."""
    print_text(f"Error: {message}", sys.stderr)


def print_aside(text: str) -> None:
    """Print on standard error what is said beside the result."""
    print_text(in_options(text), sys.stderr)


def print_notes(notes: Iterable[str]) -> None:
    """Print notes on standard error."""
    for note in notes:
        print_aside(f"Note: {note}")


def in_options(message: str) -> str:
    """Return an error's text with Python's arguments written as the command line takes them."""
    for python, option in (
        (r"\ballow_random_weights=True", "--allow-random-weights"),
        (r"\bexperiments='(\w*)'", r"--experiments \1"),
        (r"\bgroup_duplicates=False", "--no-group-duplicates"),
        (r"\bgroups=(?=[ ,.;]|$)", "--groups"),
        (r"\bsplit_by='([^']*)'", r"--split-by \1"),
        (r"\bresume=False", "--no-resume"),
        (r"\bcalibrate=False", "--no-calibrate"),
        (r"\bcalibrate_on='([^']*)'", r"--calibrate-on \1"),
        (r"\bPass custom_objects=", "From Python pass custom_objects="),
        (r"\bcalibrate_on=", "--calibrate-on"),
        (r"\bpass class_names\b", "pass --class-name"),
        (r"\bformat='([\w-]*)'", r"--format \1"),
        (r"\bfail_on='([^']*)'", r"--fail-on \1"),
        (r"\bweights=None", "--weights none"),
        (r"\brun_dir\b", "--out"),
        (r"\bout_dir='([^']*)'", r"--out \1"),
        (r"^metadata\b", "--metadata"),
        (r"\bnum_seeds\b", "--seeds"),
        (r"\bepochs=(\d+)", r"--epochs \1"),
        (
            r"\b(layer|masks|on_error|part|placement|precision|region|runtime|weights)=([\"'])([\w/]+)\2",
            r"--\1 \3",
        ),
    ):
        message = re.sub(python, option, message)
    return message.replace("--on_error", "--on-error")
