"""Remembers what a long question to a data set gave, beside its cached images."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_cxr._support.disk.documents import Document, FormError, Text, read_bytes
from keras_cxr._support.disk.jsonable import to_json, write_json
from keras_cxr._version import __version__
from keras_cxr.data.caching.index import writing_to


def remembered(
    folder: Path, name: str, asked: Any, *, answer: Callable[[], dict[str, Any]], form: Any
) -> dict[str, Any]:
    """Returns an answer as JSON holds it, from disk where the same was asked before.

    Args:
        folder: The cache folder of the images.
        name: What is asked, such as "shortcuts"; the file is named after it.
        asked: All that the answer depends on, with a number for the method, as JSON holds it.
            Another version of the package asks anew.
        answer: Finds it.
        form: Of the answer, see `_documents`: a file of another form is damaged, and asked anew.

    Raises:
        OutputError: The answer cannot be written.
    """
    key = hashlib.sha256(to_json([__version__, asked], indent=None).encode()).hexdigest()
    path = folder / f"{name}-{key[:16]}.json"
    known = _read(path, key, form)
    if known is not None:
        return known
    found = answer()
    with writing_to(folder):
        write_json(path, {"key": key, "answer": found}, indent=None)
    return found


def _read(path: Path, key: str, form: Any) -> dict[str, Any] | None:
    known = Document(
        what="an answer",
        form={"key": Text(key, "the key"), "answer": form},
        mend="It is asked again.",
        version=None,
    )
    try:
        return dict(known.parse(read_bytes(path))["answer"])
    except FormError:
        return None
