"""`read_attributes`: what each image file is, without asking what the picture shows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_cxr._support.disk.documents import rows_fit
from keras_cxr._support.disk.memo import computed_once
from keras_cxr._support.progress import progress_bar
from keras_cxr._support.threads import in_threads
from keras_cxr.audit.of_data.attributes.file_headers import DICOM_FACTS, header_facts
from keras_cxr.audit.of_data.attributes.picture_measures import (
    BINS,
    BORDERS,
    CORNERS,
    colourfulness,
    measure_picture,
)
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.files.formats import DICOM
from keras_cxr.data.files.images import file_bytes, grey_film, reason
from keras_cxr.errors import DataError

SCHEMA_VERSION = 1
_METHOD = 2  # raised whenever the same file would give other attributes
_CHUNK = 16  # files that a thread takes at once

NUMBERS = (
    "width",
    "height",
    "aspect",
    "bit_depth",
    "grey_levels",
    "channels",
    "saturation",
    "bytes_per_pixel",
    "jpeg_quality",
    *BORDERS,
    *CORNERS,
    "mark_most",
    "brightness",
    "contrast",
    "sharpness",
    *BINS,
)
TEXTS = ("format", *DICOM_FACTS, "error")
_ROW: list[type | tuple[type, ...]] = [
    *[(float, int, type(None))] * len(NUMBERS),
    *[str] * len(TEXTS),
]


def read_attributes(
    catalog: Catalog, *, folder: Path | None = None, verbose: bool | str = "auto"
) -> pd.DataFrame:
    """Return one row for each image file: size, format, compression, border, marks, exposure.

    A corrupt file has its reason in `error` ("" for good ones) and NaN for what is not known.

    Args:
        catalog: what to read, from `find_images`.
        folder: where the result is remembered, such as the images' cache folder; a second call
            for unchanged files then opens none of them. None remembers nothing.
        verbose: True shows a progress bar on stderr, "auto" only in a terminal.

    Returns:
        A table in the order of the catalog, with the index `file` and columns

        - width, height (pixels), aspect (width / height), bit_depth, channels (as decoded:
          a palette counts as three, grey with alpha and most WebP as four)
        - grey_levels: how many of the file's own grey steps lie between the 0.5th and 99.5th
          percentile of its pixels
        - saturation: see `colourfulness`; 0 for grey files
        - format (such as "png", by content), bytes_per_pixel (of the file, which
          depends on format, compression and on how much there is to see), jpeg_quality
          (`estimate_quality`; NaN for other formats)
        - border_*, mark_*, brightness, contrast, sharpness, histogram_00 to _15: see
          `measure_picture`
        - the names of `DICOM_FACTS`, such as view and manufacturer: of DICOM files, else ""
        - error

        The measures describe a file, not a patient. That a class differs in one of them does not
        show that a model uses it.

    Raises:
        OutputError: The result cannot be written to `folder`.

    Examples:
        >>> from keras_cxr import make_phantoms
        >>> from keras_cxr.data import find_images
        >>> folder = make_phantoms("phantoms", images_per_class=2)  # doctest: +SKIP
        >>> read_attributes(find_images(folder))["format"].value_counts()  # doctest: +SKIP
    """
    files = [[entry.file, entry.size, entry.time] for entry in catalog.entries]
    rows = computed_once(
        folder,
        "attributes",
        [_METHOD, files],
        compute=lambda: _read_all(catalog, verbose),
        form=list,
        fits=lambda rows: len(rows) == len(files) and rows_fit(rows, _ROW),
        field="rows",
        version=SCHEMA_VERSION,
    )
    index = pd.Index([entry.file for entry in catalog.entries], name="file")
    table = pd.DataFrame(rows, columns=[*NUMBERS, *TEXTS], index=index)
    return table.astype(dict.fromkeys(NUMBERS, np.float64))


def _read_all(catalog: Catalog, verbose: bool | str) -> list[list[Any]]:
    paths = [catalog.path(entry.file) for entry in catalog.entries]
    rows = []
    with progress_bar(len(paths), "Measuring files", verbose) as advance:
        for row in in_threads(_read_file, paths, chunk=_CHUNK):
            rows.append(row)
            advance(1)
    return rows


def _read_file(path: str) -> list[Any]:
    """Return the row of one file, with None for what is not known."""
    facts: dict[str, Any] = {"error": ""}
    try:
        with file_bytes(path) as data:
            facts |= header_facts(data)
            film = grey_film(data, levels=True)  # checks that the file is whole
            height, width = film.image.shape
            facts |= {"height": height, "width": width, "aspect": width / height}
            facts |= {"bytes_per_pixel": len(data) / (width * height), "grey_levels": film.levels}
            coloured = facts["channels"] >= 3 and facts["format"] != DICOM
            facts["saturation"] = colourfulness(data) if coloured else 0.0
        facts |= measure_picture(film.image)
    except (DataError, OSError) as error:  # nothing else: a mistake here is no damage of the file
        facts["error"] = reason(error)
    numbers = [None if facts.get(name) is None else float(facts[name]) for name in NUMBERS]
    return [*numbers, *(facts.get(name, "") for name in TEXTS)]
