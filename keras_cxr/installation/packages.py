"""The packages that are needed, and those that each extra adds."""

import re
from importlib import metadata
from typing import NamedTuple

_NAME = re.compile(r"[\w.-]+")


class Extra(NamedTuple):
    """An extra of this package, as `pip install "keras-cxr[NAME]"` takes it.

    Attributes:
        adds: what can be done with it.
        packages: what it installs; `pyproject.toml` gives the versions.
    """

    adds: str
    packages: tuple[str, ...]


EXTRAS = {
    "dicom": Extra(
        "reads DICOM files",
        ("pydicom", "pylibjpeg", "pylibjpeg-openjpeg", "pylibjpeg-libjpeg"),
    ),
    "export": Extra(
        "exports to ONNX and LiteRT",
        ("onnx", "tf2onnx", "onnxruntime", "ai-edge-litert"),
    ),
    "hub": Extra("fetches presets of the Hugging Face hub", ("huggingface_hub",)),
    "backends": Extra("Keras on JAX and PyTorch", ("jax", "torch")),
}
"""The extras for users by name; those for developers stand in `pyproject.toml` alone."""


def version_of(package: str) -> str | None:
    """Return the version of an installed package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def needed_packages() -> dict[str, str | None]:
    """Return the version of each package that keras-cxr needs, None for what is not installed.

    Empty where keras-cxr itself was not installed but runs from its source.
    """
    try:
        lines = metadata.requires("keras-cxr") or []
    except metadata.PackageNotFoundError:
        return {}
    names = [line for line in lines if "extra ==" not in line]
    return {found[0]: version_of(found[0]) for line in names if (found := _NAME.match(line))}
