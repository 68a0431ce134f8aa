"""Public names of a package that are imported when they are first used."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(
    package: str, files: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package whose names are imported on first use.

    Assign them where type checkers do not look, below `__all__`, and import the same names for
    type checkers alone; otherwise these would take any name of the package for known:

        if TYPE_CHECKING:
            from keras_cxr.room.file import name
        else:
            __getattr__, __dir__ = lazy_names(__name__, {"keras_cxr.room.file": ("name",)})

    Args:
        package: its `__name__`
        files: by module, the names that it defines
    """
    module_of = {name: file for file, names in files.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(module_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names
