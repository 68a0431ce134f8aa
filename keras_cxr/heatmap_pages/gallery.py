"""The page that shows a folder of heat maps, grouped by the model's answers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pandas as pd

from keras_cxr._support.disk.file_names import FAITHFULNESS_CURVES, GALLERY_FILE
from keras_cxr._support.disk.files import write_whole
from keras_cxr._support.text.pages import data_address, render_page
from keras_cxr.explain.pictures.overlays import colour_bar
from keras_cxr.heatmap_pages.check import MapCheck


def write_gallery(
    folder: Path,
    table: pd.DataFrame,
    *,
    class_names: Sequence[str],
    failed: dict[Path, str],
    title: str,
    check: MapCheck | None = None,
) -> Path:
    """Write `index.html` beside the pictures that it shows, and return its path.

    Pictures are named by relative links and loaded when they are scrolled to; the page needs no
    script and no network, and the folder can be moved.

    Args:
        folder: where the pictures of `table` lie.
        table: as `write_heatmaps` returns it.
        class_names: order of the groups.
        failed: files that could not be read, with the reasons.
        title: of the method, for people.
        check: what the maps are worth, if that was measured.
    """
    shared = _shared_folder(table)
    page = render_page(
        "keras_cxr.heatmap_pages",
        "gallery.html.j2",
        groups=_groups(table, class_names, shared),
        shared=shared,
        count=len(table),
        num_empty=int(table["no_positive_evidence"].sum()),
        title=title,
        layer=table["layer"].iloc[0] if len(table) else "",
        failed=list(failed.values()),
        bar=data_address(_bar()),
        check=check,
        curves=FAITHFULNESS_CURVES,
    )
    path = folder / GALLERY_FILE
    write_whole(path, page)
    return path


def _groups(table: pd.DataFrame, class_names: Sequence[str], shared: str) -> list[dict[str, Any]]:
    groups = []
    for number, name in enumerate(class_names):
        rows = table[table["predicted"] == name].to_dict("records")
        if rows:
            items = [_item(row, shared) for row in rows]
            groups.append({"id": f"class-{number}", "name": name, "images": items})
    return groups


def _item(row: dict[Any, Any], shared: str) -> dict[str, Any]:
    picture = Path(row["heatmap"]).name
    marks = {"unusual": False, "narrow": False}  # columns that are there where something is known
    name = os.path.relpath(row["file"], shared or ".")
    return {**marks, **row, "link": quote(picture), "name": name}


def _shared_folder(table: pd.DataFrame) -> str:
    """Return the folder that all images lie in; "" for none, such as the current one."""
    folders = [Path(file).parent for file in table["file"]]
    if len({folder.is_absolute() for folder in folders}) != 1:
        return ""
    shared = os.path.commonpath(folders)
    return "" if shared == "." else shared


def _bar() -> bytes:
    """Return the colours of heat from left to right, as a PNG."""
    strip = np.repeat(colour_bar(256)[np.newaxis], 12, axis=0)
    return cv2.imencode(".png", strip[..., ::-1])[1].tobytes()
