"""What the heat maps of a folder are worth: `keras-cxr explain --check`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.file_names import FAITHFULNESS_CURVES, FAITHFULNESS_FILE
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr.explain import Method
from keras_cxr.explain.faithfulness import Faithfulness, check_faithfulness, plot_curves
from keras_cxr.heatmap_pages.masks import find_masks

MOST_IMAGES = 64  # each costs about 200 forward passes


@dataclass(frozen=True, eq=False)
class MapCheck:
    """What a check of heat maps found.

    Attributes:
        faithfulness: the measures beside those of the controls.
        notes: in words, which images and masks were used.
    """

    faithfulness: Faithfulness
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([str(self.faithfulness), *self.notes])


def rows_to_check(count: int) -> NDArray[np.intp]:
    """Which of so many images are checked: all, or `MOST_IMAGES` spread evenly over them."""
    return np.linspace(0, count - 1, min(count, MOST_IMAGES)).round().astype(np.intp)


def check_maps(
    method: Method,
    images: NDArray[np.float32],
    class_index: Sequence[int],
    *,
    files: Sequence[Path],
    folder: Path,
    total: int,
) -> MapCheck:
    """Measure what a method's maps are worth and write `faithfulness.json` and a plot.

    Args:
        method: of `keras_cxr.explain`.
        images: (images, height, width, channels) float32 in [0, 255].
        class_index: the class that each map explains.
        files: the images' files; masks of lungs and lesions are looked for beside them.
        folder: gets the two files.
        total: of how many images these were chosen, for the notes.
    """
    masks, notes = find_masks(files, images.shape[1:3])
    found = check_faithfulness(method, images, np.asarray(class_index), masks=masks)
    which = f"{len(images)} of {total:,} images, spread over them" if len(images) < total else ""
    notes = [f"Checked on {which}."] * bool(which) + notes
    write_json(folder / FAITHFULNESS_FILE, _document(found, files, notes))
    plot_curves(found).savefig(folder / FAITHFULNESS_CURVES, dpi=110)
    return MapCheck(found, tuple(notes))


def _document(found: Faithfulness, files: Sequence[Path], notes: list[str]) -> dict[str, Any]:
    return found.to_dict() | {"files": [str(file) for file in files], "notes": notes}
