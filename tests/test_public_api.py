"""The public API is what `public_api.txt` says: nobody changes it without seeing that they do.

`python -m tests.test_public_api` writes the file anew. A line that goes or changes belongs into
CHANGELOG.md, and its old form goes on working for a release where that can be.
"""

import difflib
import inspect
from pathlib import Path

from tests.test_public_types import public_objects

FILE = Path(__file__).with_name("public_api.txt")


def plain(signature):
    """A signature's names and defaults that are plain; annotations are mypy's business."""

    def default(value):
        return "..." if callable(value) or " at 0x" in repr(value) else value

    return signature.replace(
        parameters=[
            one.replace(annotation=one.empty, default=default(one.default))
            if one.default is not one.empty
            else one.replace(annotation=one.empty)
            for one in signature.parameters.values()
        ],
        return_annotation=signature.empty,
    )


def lines_of(where, value):
    """A line for a function or a value, for a class one for each public member too."""
    if inspect.isclass(value):
        built = str(plain(inspect.signature(value))) if callable(value) else ""
        yield f"{where}{built}"
        for name, member in sorted(inspect.getmembers(value)):
            own = any(
                name in vars(base)
                for base in value.__mro__
                if base.__module__.startswith("keras_cxr")
            )
            if name.startswith("_") or not own:
                continue
            function = getattr(member, "__func__", member)
            shown = str(plain(inspect.signature(function))) if inspect.isfunction(function) else ""
            yield f"{where}.{name}{shown}"
    elif inspect.isfunction(value):
        yield f"{where}{plain(inspect.signature(value))}"
    else:
        yield where


def listing():
    lines = {line for where, value in public_objects() for line in lines_of(where, value)}
    return "".join(f"{line}\n" for line in sorted(lines))


def test_the_public_api_is_what_was_agreed():
    agreed, found = FILE.read_text(encoding="utf-8"), listing()
    changes = difflib.unified_diff(agreed.splitlines(), found.splitlines(), lineterm="", n=0)
    assert agreed == found, "\n".join(["See the head of this file.", *changes])


if __name__ == "__main__":
    FILE.write_text(listing(), encoding="utf-8")
