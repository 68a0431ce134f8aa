"""The files of an audit of data, first of all its page with the pictures side by side."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import DATA_AUDIT, check_free
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr._support.text.pages import jpeg_address, render_page
from keras_cxr._version import __version__
from keras_cxr.audit.of_data.base.copies import CopyGroup
from keras_cxr.audit.of_data.base.opened_data import AGAINST, OpenedData
from keras_cxr.audit.of_data.flags.find import Flag, kind_in_words
from keras_cxr.audit.of_data.result import DataAudit
from keras_cxr.data.caching.store import Store

# Together at most some 500 pictures of about 8 kB: a page of 5 MB that opens at once.
_CONFLICTS, _COPIES, _FLAGS, _PATIENTS = 50, 24, 24, 30
_IN_GROUP = 4  # pictures of one group; more copies of a photograph show nothing new
_TOLD_FROM = {
    "attributes": "all attributes below together",
    "size": "size and proportions of the picture",
    "format": "file format, bit depth, compression",
    "border": "constant borders",
    "marks": "letters and marks in the corners",
    "brightness": "mean brightness and contrast",
    "histogram": "histogram of grey values",
    "thumbnails": "24 x 24 pixels of the picture",
    "border pixels": "the outermost ring of these pixels",
    "source": "the source that the metadata name",
}
_SIDE = 224  # pixels; what a model of the study sees


class Pictures:
    """Small pictures of the audited files for a page."""

    def __init__(self, places: dict[str, tuple[Store, int]], attributes: pd.DataFrame) -> None:
        self._places = places
        known = attributes[["width", "height"]].dropna()
        sizes = known.to_numpy(int).tolist()
        self._sizes = dict(zip(known.index, sizes, strict=True))

    @classmethod
    def of(
        cls, opened: OpenedData, other: OpenedData | None, attributes: pd.DataFrame
    ) -> "Pictures":
        """Return the pictures of a data set and of the one that it was audited against.

        Args:
            opened: the audited data.
            other: the other data set.
            attributes: width and height of the audited files.
        """
        places = {opened.catalog.entries[row].file: (opened.store, row) for row in opened.good}
        if other is not None:
            places |= {other.name_against(row): (other.store, row) for row in other.good}
        return cls(places, attributes)

    def address(self, file: str, side: int) -> str:
        """Return a picture as an address that holds it; "" for files that do not decode.

        Args:
            file: As the audit names it.
            side: pixels of the longer side; the proportions are those of the file.
        """
        if file not in self._places:
            return ""
        store, row = self._places[file]
        image = np.asarray(store.image(row))
        width, height = self._sizes.get(file, image.shape[::-1])
        scale = side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return jpeg_address(small)


def write_audit(
    audit: DataAudit,
    out_dir: str | os.PathLike[str],
    *,
    pictures: Pictures,
    inputs: Iterable[Path | None] = (),
) -> Path:
    """Write actions.csv, audit.html and, last, audit.json; return the folder.

    Args:
        audit: what was found.
        out_dir: a folder, created where it is missing.
        pictures: shows a file by its name.
        inputs: the audited folders, into which nothing is written.

    Raises:
        InvalidArgumentError: the folder lies inside an audited one.
        OutputError: it cannot be written, or holds files of these names of somebody else.
    """
    check_free(out_dir, DATA_AUDIT, inputs=inputs, called="audited")
    page, document = render_audit(audit, pictures), audit.to_dict()
    folder = output_folder(out_dir)
    write_whole(folder / "actions.csv", csv_text(audit.actions))
    write_whole(folder / "audit.html", page)
    write_json(folder / "audit.json", document)
    return folder


def render_audit(audit: DataAudit, pictures: Pictures) -> str:
    """Return the page as HTML; it needs no network and no script.

    Args:
        audit: what was found.
        pictures: shows a file by its name.
    """
    conflicts = sorted(audit.conflicts, key=lambda group: (len(group.files), group.similarity))
    shared = [group for group in audit.duplicate_groups if len(group.own) < len(group.files)]
    alike = [one for one in audit.duplicate_groups if one not in shared and not one.is_conflict]
    other = "" if audit.against is None else audit.against.name
    sections: list[dict[str, Any]] = [
        {"key": key, "title": title, "lead": lead, "total": len(groups), "shown": groups[:most]}
        for key, title, lead, groups, most in (
            (
                "conflicts",
                "The same photograph under several classes",
                "At least one label of each is wrong; the pixels do not tell which.",
                conflicts,
                _CONFLICTS,
            ),
            (
                "against",
                f"Shared with {other}",
                f"A score on these images of {other} is partly memory.",
                _least_similar(shared),
                _COPIES,
            ),
            (
                "copies",
                "Copies, the least similar first",
                "Look here for pairs that are no copies: what follows agrees even more.",
                _least_similar(alike),
                _COPIES,
            ),
        )
    ]
    for section in sections:
        section["groups"] = [
            _group(group, audit.class_of, pictures, other) for group in section.pop("shown")
        ]
    return render_page(
        "keras_cxr.audit.of_data",
        "audit.html.j2",
        audit=audit,
        version=__version__,
        sections=[section for section in sections if section["total"]],
        flags=_flags(audit.flags, audit.class_of, pictures),
        shortcuts=[
            row | {"words": _TOLD_FROM.get(row["name"], row["name"])}
            for row in audit.shortcuts.table.to_dict("records")
        ],
        patients=audit.patients_across_classes[:_PATIENTS],
        in_group=_IN_GROUP,
    )


def _least_similar(groups: Sequence[CopyGroup]) -> list[CopyGroup]:
    return sorted(groups, key=lambda group: group.similarity)


def _group(
    group: CopyGroup, class_of: dict[str, str], pictures: Pictures, other: str
) -> dict[str, Any]:
    first_of: dict[str, str] = {}
    for file in group.files:  # each class and each side is shown before a class is shown twice
        first_of.setdefault(f"{class_of[file]}{file.startswith(AGAINST)}", file)
    files = sorted(group.files, key=lambda file: file not in first_of.values())
    return {
        "kind": group.kind,
        "similarity": group.similarity,
        "more": [_place(file, other) for file in files[_IN_GROUP:]],
        "figures": [
            {
                "file": _place(file, other),
                "label": class_of[file],
                "address": pictures.address(file, _SIDE),
            }
            for file in files[:_IN_GROUP]
        ],
    }


def _place(file: str, other: str) -> str:
    return f"{other}: {file.removeprefix(AGAINST)}" if file.startswith(AGAINST) else file


def _flags(
    flags: Sequence[Flag], class_of: dict[str, str], pictures: Pictures
) -> list[dict[str, Any]]:
    """Return what is flagged by kind, the surest first."""
    kinds = []
    for kind in sorted({flag.kind for flag in flags}):
        found = sorted((one for one in flags if one.kind == kind), key=lambda one: -one.confidence)
        shown = [
            {
                "file": flag.file,
                "label": class_of[flag.file],
                "confidence": flag.confidence,
                "detail": flag.detail,
                "address": pictures.address(flag.file, _SIDE),
            }
            for flag in found[:_FLAGS]
        ]
        kinds.append({"kind": kind_in_words(kind), "total": len(found), "figures": shown})
    return kinds
