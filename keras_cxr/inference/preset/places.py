"""Where presets lie: in the package, in a folder, or in the hub and its cache."""

import os
from pathlib import Path

from keras_cxr._support.disk.file_names import PRESET_FILE
from keras_cxr.inference.preset.hub import fetch_preset, is_hub_source

DEFAULT_PRESET = "lmap3_radiography_standin"
"""What `keras-cxr predict FILMS` takes where no model is named."""

PRESETS_FOLDER = Path(__file__).parents[1] / "weights"
PINNED = {
    "lmap3_phantom": "2fa7643e516fffa57b3b0c36d8387856e3348cef1cc10fdd92a63bd3d803552c",
    "lmap3_radiography_standin": "aea34937e0e39cc37f91a205c77c42b475fec5f121dd94d5b251e93b5892c8ea",
}
"""The presets in the package: the SHA-256 of each `preset.json`, which holds those of its files."""


def list_presets() -> list[str]:
    """Return the names of the presets that come with the package, sorted.

    Examples:
        >>> "lmap3_phantom" in list_presets()
        True
    """
    return sorted(PINNED)


def is_preset(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is a preset's folder or name, or names one of the hub."""
    return is_hub_source(source) or preset_folder(source) is not None


def preset_folder(source: str | os.PathLike[str]) -> Path | None:
    """Return the folder of a preset, by its path or its name; None where there is none.

    A file or folder of that path goes before a name.
    """
    path = Path(source)
    if path.exists():
        return path if (path / PRESET_FILE).is_file() else None
    return PRESETS_FOLDER / str(source) if str(source) in PINNED else None


def locate_preset(source: str | os.PathLike[str]) -> Path | None:
    """Return the folder of a preset, fetched where it is one of the hub; None where there is none.

    It raises what `fetch_preset` raises.
    """
    return fetch_preset(source) if is_hub_source(source) else preset_folder(source)
