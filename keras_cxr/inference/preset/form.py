"""What a preset's folder may hold, and whether its files are whole; no model is built here."""

from pathlib import Path
from typing import Any

from keras_cxr._support.disk.archives import check_weights_file, read_npz
from keras_cxr._support.disk.documents import COUNT, SHARE, Document, Range, Text
from keras_cxr._support.disk.file_names import (
    PREDICTION_SETS_FILE,
    PRESET_FILE,
    PRESET_WEIGHTS_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import file_digest
from keras_cxr.errors import DataError

SCHEMA_VERSION = 2
"""Since 2 a preset may hold prediction sets."""

PRESET_FILES = (PRESET_WEIGHTS_FILE, UNUSUAL_FILE, PREDICTION_SETS_FILE)
"""What `preset.json` may name: nothing that holds code is ever fetched or read. The card is not
among them, so that people may go on writing it."""

LARGEST_SIDE = 2048  # pixels; a file that asks for more is not trusted with the memory
_SIDE = Range(1, LARGEST_SIDE, whole=True)
_SHA256 = Text("[0-9a-f]{64}", "the SHA-256 of a file")


def _contradiction(preset: dict[str, Any]) -> str:
    names, golden, files = preset["class_names"], preset["golden"]["probabilities"], preset["files"]
    if len(set(names)) != len(names):
        return "names a class twice"
    if any(len(row) != len(names) for row in golden) or not golden:
        return f"has golden answers that are not for its {len(names)} classes"
    if strange := sorted(set(files) - set(PRESET_FILES)):
        return f"names a file {strange[0]!r}, which no preset has"
    if PRESET_WEIGHTS_FILE not in files:
        return f"names no {PRESET_WEIGHTS_FILE}"
    return ""


PRESET = Document(
    what="a preset",
    form={
        "model": {"name": str, "arguments": {str: object}},
        "class_names": [str],
        "data": {"image_size": [_SIDE, _SIDE], "color_mode": str, "intensity": str, "region": str},
        "temperature": Range(0.01, 100),
        "files": {str: _SHA256},
        "golden": {"seed": COUNT, "probabilities": [[SHARE]]},
        "description": str,
        "license": str,
    },
    remedy="Fetch or write the preset again.",
    version=SCHEMA_VERSION,
    earlier=(1,),
    rule=_contradiction,
)


def check_files(folder: Path, preset: dict[str, Any]) -> None:
    """Refuse a folder whose files are not those that its `preset.json` names.

    Raises:
        DataError: (a ValueError) a file is missing, cut short or changed.
    """
    for name, expected in preset["files"].items():
        path = folder / name
        if not path.is_file():
            raise PRESET.damaged(folder / PRESET_FILE, f"names a file {name!r}, which is not here")
        if file_digest(path) != expected:
            raise DataError(
                f"{path} is not the file that its preset was written with (its SHA-256 differs): "
                "it is cut short or was changed. Fetch the preset again."
            )


def check_contents(folder: Path, preset: dict[str, Any]) -> None:
    """Refuse files that are no weights or no arrays, or would fill the memory, hash or not.

    Raises:
        ArchiveError: (a ValueError) the text says what is wrong.
    """
    check_weights_file(folder / PRESET_WEIGHTS_FILE)
    if UNUSUAL_FILE in preset["files"]:
        read_npz(folder / UNUSUAL_FILE)


def is_whole(folder: Path) -> bool:
    """Return whether a folder holds a preset with all its files, none of them changed."""
    try:
        check_files(folder, PRESET.read(folder / PRESET_FILE))
    except DataError:
        return False
    return True


def what_came(content: bytes) -> str:
    """Return in words what a file is that servers send in place of weights; "" of another.

    Args:
        content: the beginning of the file.
    """
    head = content[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, as a login or a proxy sends them"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer: the repository was copied without `git lfs pull`"
    return ""
