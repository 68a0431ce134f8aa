"""Lung masks for a folder of films that has none: what `keras-cxr segment` does."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.file_names import SEGMENTATION_TABLE_FILE
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.outputs import LUNG_MASKS, check_free, signed_png
from keras_cxr._support.progress import progress_bar
from keras_cxr._support.resampling import fit
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr._support.threads import in_threads
from keras_cxr.data.catalog import Catalog, Entry
from keras_cxr.data.files.images import read_image
from keras_cxr.data.finding.folders import find_in_folder
from keras_cxr.data.finding.walk import IMAGE_FOLDER, stem_of
from keras_cxr.errors import DataError, NotFoundError
from keras_cxr.segmentation import LungSegmenter
from keras_cxr.segmentation.evidence import INSIDE

COLUMNS = ("file", "found", "reason", "area_share", "confidence", "mask")
_BATCH_SIZE = 32
_NAMED = 10  # films that the summary names before it says "and N more"
_MASK_FOLDER = "masks"


@dataclass(frozen=True, eq=False)
class LungMasks:
    """What `segment_folder` left in its folder.

    Attributes:
        folder: where the masks and `segmentation.csv` lie.
        table: a row for each film with the columns `file`, `found`, `reason` (why it has no mask,
            "" where it has one), `area_share` (of the picture that is lung), `confidence` (1
            where every pixel is decided) and `mask`; `file` relative to the films' folder, `mask`
            to this one.
        failed: the films that could not be read or named, with the reasons.
        notes: what was left out of the films' folder.
    """

    folder: Path
    table: pd.DataFrame
    failed: dict[Path, str]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        return {
            "folder": str(self.folder),
            "films": self.table.to_dict("records"),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        table = self.table
        found = int(table["found"].sum())
        lines = [f"{found:,} of {len(table):,} films have a mask now, in {self.folder}"]
        empty = table[~table["found"] & table["confidence"].notna()]
        if len(empty):
            lines.append(f"On {len(empty):,} no lungs can be found; they have none:")
        named = islice(zip(empty["file"], empty["reason"], strict=True), _NAMED)
        lines += [f"  {file}: {reason}" for file, reason in named]
        if len(empty) > _NAMED:
            lines.append(f"  ... and {len(empty) - _NAMED:,} more")
        return "\n".join([*lines, f"Table: {self.folder / SEGMENTATION_TABLE_FILE}"])


class _Film(NamedTuple):
    """A film on its way: named, read, segmented.

    Attributes:
        entry: where it lies.
        mask: where its mask will lie.
        reason: why it gets none; "" as long as it may.
        image: at the size that the network looks at; None where it could not be read.
        size: its own height and width.
        lungs: the network's probabilities, of the size of `image`.
        area_share: of the picture that is lung.
        confidence: of the network.
    """

    entry: Entry
    mask: str
    reason: str = ""
    image: NDArray[np.uint8] | None = None
    size: tuple[int, int] = (0, 0)
    lungs: NDArray[np.float32] | None = None
    area_share: float | None = None
    confidence: float | None = None


def segment_folder(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    segmenter: LungSegmenter | None = None,
    verbose: bool | str = "auto",
) -> LungMasks:
    """Write a mask of the lungs for each film of a folder, laid out as the Kaggle database's.

    The film `CLASS/images/NAME.png`, or `CLASS/NAME.png`, gets `CLASS/masks/NAME.png`, one that
    lies in no class folder `masks/NAME.png`: copied over the folder of films, these are the masks
    that training finds. They are PNG files of 0 and 255 at the film's own size. A film on which
    no lungs can be found gets none; `segmentation.csv`, written last, says why.

    What this does not show: whether a mask is right. Look at some of them.

    Args:
        folder: films in any layout of folders that `make_datasets` knows, or without classes
        out_dir: folder for masks and table; it must not lie inside `folder`
        segmenter: finds the lungs; by default with the weights of the package
        verbose: True shows progress on standard error, "auto" only in a terminal

    Raises:
        NotFoundError: there is no such folder.
        DataError: (a ValueError) it holds no films.
        InvalidArgumentError: (a ValueError) `out_dir` lies inside it.
        OutputError: (an OSError) `out_dir` cannot be written, or a file of somebody else would be
            written over.
    """
    catalog = find_in_folder(folder, require_classes=False)
    films = _name_masks(catalog)
    out = check_free(out_dir, LUNG_MASKS, more=[film.mask for film in films], inputs=[folder])
    segmenter = LungSegmenter() if segmenter is None else segmenter
    out = output_folder(out)
    (out / SEGMENTATION_TABLE_FILE).unlink(missing_ok=True)  # it never describes other masks
    done: list[_Film] = []
    read = in_threads(partial(_read, catalog, segmenter.image_size), films, chunk=_BATCH_SIZE // 4)
    with progress_bar(len(films), "Finding lungs", verbose) as advance:
        for film in in_threads(partial(_write, out), _segment(segmenter, read)):
            done.append(film._replace(image=None, lungs=None))
            advance(1)
    table = pd.DataFrame([_row(film) for film in done], columns=list(COLUMNS))
    write_whole(out / SEGMENTATION_TABLE_FILE, csv_text(table))
    failed = {
        Path(catalog.path(film.entry.file)): film.reason for film in done if film.confidence is None
    }
    return LungMasks(out, table, failed, catalog.notes)


def _name_masks(catalog: Catalog) -> list[_Film]:
    """Return the films with their masks' names; those that would share one get none."""
    masks = [mask_file(entry) for entry in catalog.entries]
    counts = Counter(map(str.lower, masks))
    return [
        _Film(
            entry,
            mask,
            f"{catalog.path(entry.file)}: several films would share the mask {mask}; give each "
            "a name of its own"
            if counts[mask.lower()] > 1
            else "",
        )
        for entry, mask in zip(catalog.entries, masks, strict=True)
    ]


def mask_file(entry: Entry) -> str:
    """Return where a film's mask lies below the folder that holds the classes.

    As `data/finding/layout.py` looks for it: in the folder `masks` of its class, below that as the
    film lies below its class or its folder `images`.
    """
    *folders, name = entry.file.split("/")
    depth = bool(entry.part) + bool(entry.label)
    inner = [one for one in folders[depth:] if one.lower() != IMAGE_FOLDER]
    return "/".join([*folders[:depth], _MASK_FOLDER, *inner, f"{stem_of(name)}.png"])


def _read(catalog: Catalog, image_size: tuple[int, int], film: _Film) -> _Film:
    """Return the film with its pixels, or with the reason why it has none."""
    if film.reason:
        return film
    try:
        image = read_image(catalog.path(film.entry.file))[..., 0]
    except (DataError, NotFoundError) as error:
        return film._replace(reason=str(error))
    height, width = image.shape
    return film._replace(image=fit(image, image_size), size=(height, width))


def _segment(segmenter: LungSegmenter, films: Iterator[_Film]) -> Iterator[_Film]:
    """Yield the films in their order, with what is found on those that could be read."""
    while chunk := list(islice(films, _BATCH_SIZE)):
        images = [film.image for film in chunk if film.image is not None]
        lungs = segmenter.find(np.stack(images)) if images else None
        number = 0
        for film in chunk:
            if film.image is None or lungs is None:
                yield film
                continue
            yield film._replace(
                reason=lungs.reasons[number],
                lungs=lungs.probabilities[number],
                area_share=float(lungs.area_shares[number]),
                confidence=float(lungs.confidences[number]),
            )
            number += 1


def _write(out: Path, film: _Film) -> _Film:
    """Write a mask where lungs were found; where none were, delete that of an earlier call."""
    target = out / film.mask
    if film.reason or film.lungs is None:
        target.unlink(missing_ok=True)
        return film
    inside = fit(film.lungs, film.size) > INSIDE
    picture = cv2.imencode(".png", np.where(inside, np.uint8(255), np.uint8(0)))[1]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, signed_png(picture.tobytes()))
    return film


def _row(film: _Film) -> dict[str, Any]:
    return {
        "file": film.entry.file,
        "found": not film.reason,
        "reason": film.reason,
        "area_share": film.area_share,
        "confidence": film.confidence,
        "mask": "" if film.reason else film.mask,
    }
