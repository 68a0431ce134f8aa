"""What several commands share."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from keras_cxr._json import to_json

OnError = Literal["raise", "skip"]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]


def print_result(document: dict[str, Any], as_json: bool, text: str) -> None:
    """Print the text for people, or the document for machines."""
    print(to_json(document) if as_json else text)


def report_failed(failed: dict[Path, str]) -> int:
    """Name the files that could not be read on standard error; the exit code that follows."""
    for reason in failed.values():
        print(f"Error: {reason}", file=sys.stderr)
    return 2 if failed else 0


def in_options(message: str) -> str:
    """An error's text with Python's arguments written as the command line takes them."""
    for python, option in (
        (r"\ballow_random_weights=True", "--allow-random-weights"),
        (r"\bexperiments='(\w*)'", r"--experiments \1"),
        (r"\bgroup_duplicates=False", "--no-group-duplicates"),
        (r"\bsplit_by='([^']*)'", r"--split-by \1"),
        (r"\bresume=False", "--no-resume"),
        (r"\bfail_on='([^']*)'", r"--fail-on \1"),
        (r"\bweights=None", "--weights none"),
        (r"\brun_dir\b", "--out"),
        (r"\bout_dir='([^']*)'", r"--out \1"),
        (r"^metadata\b", "--metadata"),
        (r"\bnum_seeds\b", "--seeds"),
        (r"\bepochs=(\d+)", r"--epochs \1"),
        (
            r"\b(layer|on_error|part|placement|precision|region|weights)=([\"'])([\w/]+)\2",
            r"--\1 \3",
        ),
    ):
        message = re.sub(python, option, message)
    return message.replace("--on_error", "--on-error")
