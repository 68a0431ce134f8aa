"""What takes long to compute is kept as JSON beside a data set's cached images, and read back."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_cxr._support.disk.documents import Document, FormError, Text, read_bytes
from keras_cxr._support.disk.files import writing_to
from keras_cxr._support.disk.jsonable import to_json, write_json
from keras_cxr._version import __version__


def computed_once(
    folder: Path | None,
    name: str,
    depends_on: Any,
    *,
    compute: Callable[[], Any],
    form: Any,
    fits: Callable[[Any], bool] = lambda result: True,
    field: str = "answer",
    version: int | None = None,
) -> Any:
    """Return what `compute` returns, read from disk where it was computed before.

    A file that is damaged, or of another form, is computed and written anew.

    Args:
        folder: the cache folder of the images; None computes without keeping anything
        name: what is computed, such as "shortcuts"; the file is named after it
        depends_on: all that the result depends on, as JSON holds it, with a number for the method
        compute: returns the result, which must be of the form as soon as it is written as JSON
        form: of the result, as `Document` takes it
        fits: whether a result of this form can be used; for what a form cannot say, or says slowly
        field: the result's name in the file
        version: the file's `schema_version`. None for files without any, which hold for one
            release of the package only

    Raises:
        OutputError: The result cannot be written.
    """
    if folder is None:
        return compute()
    asked = [__version__, depends_on] if version is None else depends_on
    key = hashlib.sha256(to_json(asked, indent=None).encode()).hexdigest()
    path = folder / f"{name}-{key[:16]}.json"
    known = Document(
        what=f"kept {name}",
        form={"key": Text(key, "the key"), field: form},
        remedy="It is computed again.",
        version=version,
        rule=lambda content: "" if fits(content[field]) else "does not fit",
    )
    try:
        return known.parse(read_bytes(path))[field]
    except FormError:
        result = compute()
    content = {"schema_version": version, "key": key, field: result}
    if version is None:
        del content["schema_version"]
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, content, indent=None)
    return result
