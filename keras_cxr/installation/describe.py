"""`describe_installation`: everything that decides whether and how fast the package works here."""

import os
import platform
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.processes import num_cores
from keras_cxr._version import __version__
from keras_cxr.installation.packages import EXTRAS, needed_packages, version_of
from keras_cxr.installation.probe import ask_keras

SCHEMA_VERSION = 1
BACKENDS = ("tensorflow", "jax", "torch")
_WIDTH = 80


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is installed and whether it works.

    Attributes:
        keras_cxr: version of this package.
        python: version of Python.
        system: the operating system and the processor's kind.
        cores: how many this process may use.
        packages: the version of each package that is needed; None for one that is missing.
        backend: Keras' backend, or what it was told to take where it does not load.
        backend_version: None where that is not installed.
        devices: that the backend sees, such as "cpu:0".
        precision: that `precision="auto"` takes for training; None where Keras does not load.
        precision_reason: why, in a few words.
        cache: folder, number and bytes of the caches, and the free bytes of its disk.
        extras: by name, what the extra adds, and the version of each of its packages or None.
        problems: what is needed and does not work, and what to do; empty where all works.
    """

    keras_cxr: str
    python: str
    system: str
    cores: int
    packages: dict[str, str | None]
    backend: str
    backend_version: str | None
    devices: tuple[str, ...]
    precision: str | None
    precision_reason: str | None
    cache: dict[str, Any]
    extras: dict[str, dict[str, Any]]
    problems: tuple[str, ...] = field(default=())

    @property
    def works(self) -> bool:
        """Whether nothing that is needed is missing or broken."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return what `keras-cxr doctor --json` prints."""
        found = asdict(self) | {"works": self.works}
        return dict(as_json({"schema_version": SCHEMA_VERSION, **found}))

    def __str__(self) -> str:
        versions = (f"{name} {found or 'MISSING'}" for name, found in self.packages.items())
        precision = self.precision and f"auto takes {self.precision}: {self.precision_reason}"
        rows = {
            "keras-cxr": self.keras_cxr,
            "Python": f"{self.python}, {self.system}, {_count(self.cores, 'core')}",
            "Backend": f"{self.backend} {self.backend_version or '(not installed)'}",
            "Devices": ", ".join(self.devices) or "unknown",
            "Precision": precision or "unknown",
            "Packages": ", ".join(versions) or "unknown: keras-cxr runs from its source",
            "Cache": _cache_in_words(self.cache),
        }
        lines = [line for name, text in rows.items() for line in _row(name, text)]
        lines.append("Extras")
        for name, extra in self.extras.items():
            missing = [package for package, found in extra["packages"].items() if found is None]
            state = f"lacks {', '.join(missing)}" if missing else "installed"
            remedy = f'; pip install "keras-cxr[{name}]"' if missing else ""
            lines += _row(f"  {name}", f"{extra['adds']}: {state}{remedy}")
        for problem in self.problems:
            lines += _row("Problem", problem)
        return "\n".join(lines if self.problems else [*lines, "All that is needed works."])


def describe_installation() -> Installation:
    """Return what is installed and whether it works; Keras is asked in a process of its own.

    Nothing raises here: what does not work is one of the problems.
    """
    problems: list[str] = []
    packages = needed_packages()
    missing = [name for name, version in packages.items() if version is None]
    if missing:
        problems.append(
            f"{', '.join(missing)} not installed: pip install {' '.join(missing)}, or install "
            "keras-cxr again."
        )
    found = ask_keras()
    asked = os.environ.get("KERAS_BACKEND") or "tensorflow"
    backend = str(found.get("backend", asked))
    if "error" in found:
        problems.append(
            f"Keras does not load with the backend {backend!r} ({found['error']}). Install it, or "
            f"set KERAS_BACKEND to one that is installed ({', '.join(BACKENDS)})."
        )
    elif backend not in BACKENDS:
        problems.append(
            f"Keras runs on {backend}, which cannot train: set KERAS_BACKEND to one of "
            f"{', '.join(BACKENDS)}."
        )
    cache = _looked_at(_cache, "The cache", problems)
    return Installation(
        keras_cxr=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=num_cores(),
        packages=packages,
        backend=backend,
        backend_version=version_of(backend),
        devices=tuple(found.get("devices", ())),
        precision=found.get("precision"),
        precision_reason=found.get("precision_reason"),
        cache=cache,
        extras={
            name: {
                "adds": extra.adds,
                "packages": {package: version_of(package) for package in extra.packages},
            }
            for name, extra in EXTRAS.items()
        },
        problems=tuple(problems),
    )


def _looked_at(
    look: Callable[[], dict[str, Any]], what: str, problems: list[str]
) -> dict[str, Any]:
    """Return what a look gives; where it fails, nothing, and one more problem."""
    try:
        return look()
    except Exception as error:  # a package that is broken, a disk that is gone
        problems.append(f"{what} cannot be looked at ({type(error).__name__}: {error}).")
        return {}


def _cache() -> dict[str, Any]:
    from keras_cxr._support.disk.files import check_output
    from keras_cxr.data.caching.cache import default_cache_dir, list_caches

    folder = default_cache_dir()
    check_output(folder)
    caches = list_caches()
    return {
        "folder": str(folder),
        "num_caches": len(caches),
        "num_bytes": sum(cache.num_bytes for cache in caches),
        "free_bytes": shutil.disk_usage(_there(folder)).free,
    }


def _there(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    place = folder.absolute()
    return next(one for one in (place, *place.parents) if one.exists())


def _cache_in_words(cache: dict[str, Any]) -> str:
    if not cache:
        return "unknown"
    size, free = cache["num_bytes"] / 1e6, cache["free_bytes"] / 1e9
    caches = _count(cache["num_caches"], "cache")
    return f"{caches}, {size:,.1f} MB; {free:,.1f} GB free in {cache['folder']}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _row(name: str, text: str) -> list[str]:
    """Return a name and its text in lines of a terminal's smallest usual width."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{name:<11} ",
        subsequent_indent=" " * 12,
        break_on_hyphens=False,
    )
