"""`find_flags`: files that are no upright, positive, frontal chest film, as far as can be seen."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from keras_cxr._support.threads import one_thread_in_opencv
from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, small
from keras_cxr.audit.of_data.flags.judge import FLAGGED, judge_layouts
from keras_cxr.data.files.intensity import ADVICE, is_narrow, limits

FLAG_KINDS = ("corrupt", "narrow", "blank", "not_an_xray", "lateral", "inverted", "rotated")

BLANK_LEVELS = 4
"""Grey levels round the median that count as the same: JPEG moves an even ground by 1 or 2."""

BLANK_SHARE = 0.95
"""From this share of one grey value on, a picture is blank; letters or a frame may be on it."""

HIDDEN_LEVELS = 32
"""From so many grey steps of its own on, a picture that looks blank has something to show."""

PAPER_MARGIN = 3
"""Width of the rim, in pixels of 64, where a page shows its ground."""

PAPER_LEVELS = 12
"""Grey levels within which the rim counts as ground: shaded scans vary by that much."""

PAPER_SHARE = 0.6
"""Least share of the rim, and of the whole, that is ground: a form's frame covers up to a third of
its rim, and films on a white margin reach 0.57 of the whole."""

COLOURFUL = 0.1
"""Saturation of a plain photograph. Grey films have 0, with a coloured label below 0.01."""

HEADER_CONFIDENCE = 0.9
"""What a DICOM header says of view and body part is typed by people and may be wrong."""

_LATERAL_VIEWS = frozenset({"LL", "RL", "LATERAL", "LAT"})
_CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "TORAX")


@dataclass(frozen=True)
class Flag:
    """One file that should be looked at.

    Attributes:
        file: as the catalog names it.
        kind: one of `FLAG_KINDS`.
        confidence: 0.5 to 1. What it means depends on the kind; see `find_flags`.
        detail: what was seen, in words.
    """

    file: str
    kind: str
    confidence: float
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} ({self.confidence:.2f}): {self.detail}"


def kind_in_words(kind: str) -> str:
    """Return a kind of flag as a page names it."""
    words = {"not_an_xray": "unlike a chest X-ray", "narrow": "using little of their range"}
    return words.get(kind, kind)


def find_flags(
    attributes: pd.DataFrame, image: Callable[[int], NDArray[Any]], *, seed: int = 0
) -> tuple[Flag, ...]:
    """Return the files that should be looked at, at most one flag for each, in their order.

    - corrupt: damaged, or of a form that is not read, such as a TIFF of several pages; `detail`
      says which; confidence 1.
    - narrow: uses less than a tenth of its range and comes out black or flat, as 12-bit values in
      a 16-bit file do; confidence 1. `intensity="percentiles"` of `make_datasets` helps.
    - blank: confidence is the share of the picture with one grey value, 0.95 and more.
    - not_an_xray: coloured (confidence: saturation / 0.1), another body part by its DICOM
      header (0.9), unlike all views of a chest film, or like a page: an even bright rim and
      nothing brighter (confidence: the share of the rim that is even).
    - lateral: by its DICOM header (0.9) or likest to a drawn lateral.
    - inverted (a negative, perhaps turned besides), rotated (by 90, 180 or 270 degrees).

    By layout, a confidence is the probability that a picture with these scores is of the kind, if
    one in fifty is. See `judge_layouts`. Nothing is downloaded and nobody's X-rays come with
    this package: what is usual is taken from the folder itself, of which most pictures must be
    good.

    What this does not show: a film that is not flagged may still be wrong. Turns other than by
    quarters and mirrored films are not looked for: a heart on the other side is rare, but to call
    it a mistake takes more than pixels. Laterals and other body parts were only ever tried as
    drawings (docs/detectors.md). Among fewer than 20 pictures nothing is called lateral or no
    X-ray by its layout.

    Args:
        attributes: from `read_attributes`.
        image: gives the picture of a row, (height, width) uint8 or float32 in [0, 255]; it is not
            called for corrupt files.
        seed: draws the pictures that are taken as usual.

    Returns:
        `Flag` objects with file, kind, confidence and detail.

    Examples:
        >>> from keras_cxr.data import find_images, read_image
        >>> catalog = find_images("COVID-19_Radiography_Dataset")  # doctest: +SKIP
        >>> attributes = read_attributes(catalog)  # doctest: +SKIP
        >>> read = lambda row: read_image(catalog.path(attributes.index[row]))[..., 0]
        >>> for flag in find_flags(attributes, read):  # doctest: +SKIP
        ...     print(flag)
    """
    found: dict[int, tuple[str, float, str]] = {}
    pictures: list[NDArray[np.uint8]] = []
    rows: list[int] = []
    with one_thread_in_opencv():
        for row, facts in enumerate(attributes.to_dict("records")):
            if facts["error"]:
                found[row] = ("corrupt", 1.0, str(facts["error"]))
                continue
            fitted = image(row)
            picture, narrow = small(fitted), _narrow(fitted)
            hidden = narrow if facts["grey_levels"] >= HIDDEN_LEVELS else None
            flag = hidden or _blank(picture) or narrow or _by_header(facts) or _coloured(facts)
            if flag is not None:
                found[row] = flag
            else:
                rows.append(row)
                pictures.append(picture)
        if pictures:
            with threadpool_limits(1):  # on busy cores several threads wait for each other
                for row, flag in zip(rows, _by_layout(np.stack(pictures), seed), strict=True):
                    if flag is not None:
                        found[row] = flag
    files = attributes.index
    return tuple(Flag(str(files[row]), *found[row]) for row in sorted(found))


def _narrow(image: NDArray[Any]) -> tuple[str, float, str] | None:
    values = np.rint(image).astype(np.uint8)
    if not is_narrow(values):
        return None
    low, high = limits(values)
    share = (high - low) / 255.0
    return "narrow", 1.0, f"uses {share:.0%} of its range, {low:.0f} to {high:.0f} of 255: {ADVICE}"


def _blank(picture: NDArray[np.uint8]) -> tuple[str, float, str] | None:
    away = np.abs(picture.astype(np.int16) - np.int16(np.median(picture)))
    share = float((away <= BLANK_LEVELS).mean())
    if share < BLANK_SHARE:
        return None
    return "blank", share, f"{100 * share:.0f} % of the picture has one grey value"


def _by_header(facts: dict[Any, Any]) -> tuple[str, float, str] | None:
    body_part, view = str(facts["body_part"]).upper(), str(facts["view"]).upper()
    if body_part and not any(word in body_part for word in _CHEST_WORDS):
        return "not_an_xray", HEADER_CONFIDENCE, f"the DICOM header says body part {body_part}"
    if view in _LATERAL_VIEWS:
        return "lateral", HEADER_CONFIDENCE, f"the DICOM header says view {view}"
    return None


def _coloured(facts: dict[Any, Any]) -> tuple[str, float, str] | None:
    confidence = min(1.0, float(facts["saturation"]) / COLOURFUL)
    if confidence < FLAGGED:
        return None
    spread = 100 * float(facts["saturation"])
    return "not_an_xray", confidence, f"coloured: its colours differ by {spread:.0f} % on average"


def _paper(picture: NDArray[np.uint8]) -> tuple[str, float, str] | None:
    rim = np.ones(picture.shape, bool)
    rim[PAPER_MARGIN:-PAPER_MARGIN, PAPER_MARGIN:-PAPER_MARGIN] = False
    values = picture.astype(np.int16)
    ground = np.int16(np.median(values[rim]))
    even = np.abs(values - ground) <= PAPER_LEVELS
    # of the whole too: films on a white margin have an even rim
    share = min(float(even[rim].mean()), float(even.mean()))
    brighter = float((values > ground + PAPER_LEVELS).mean())
    if ground <= 128 or share < PAPER_SHARE or brighter > 0.01:
        return None
    return "not_an_xray", share, "like a page: an even bright ground, nothing brighter than it"


def _by_layout(images: NDArray[np.uint8], seed: int) -> list[tuple[str, float, str] | None]:
    layout = judge_layouts(images, seed=seed)
    flags: list[tuple[str, float, str] | None] = []
    judged = zip(images, *(one.tolist() for one in layout), strict=True)
    for picture, other, lateral, turned, number in judged:
        orientation = ORIENTATIONS[number]
        degrees = -90 * orientation.quarters % 360
        turn = f"turned by {degrees} degrees clockwise" if orientation.quarters else "upright"
        if other >= FLAGGED:
            flags.append(
                ("not_an_xray", other, "unlike every view of a chest film that fills the picture")
            )
        elif lateral >= FLAGGED:
            flags.append(("lateral", lateral, "laid out like a chest from its side"))
        elif turned < FLAGGED:
            flags.append(_paper(picture))
        elif orientation.negative:
            flags.append(("inverted", turned, f"likest to a negative, {turn}"))
        else:
            flags.append(("rotated", turned, f"likest to a film {turn}"))
    return flags
