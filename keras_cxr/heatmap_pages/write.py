"""Heat maps of image files with their gallery: what `keras-cxr explain` does."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.file_names import GALLERY_FILE, HEATMAPS_TABLE_FILE
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.outputs import HEATMAPS, check_free, signed_png
from keras_cxr._support.progress import Say, speaker
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr.data.files.intensity import is_narrow
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain import Method, overlay
from keras_cxr.explain.methods.making import make_method
from keras_cxr.heatmap_pages.check import MapCheck, check_maps, rows_to_check
from keras_cxr.heatmap_pages.gallery import write_gallery
from keras_cxr.heatmap_pages.naming import picture_names
from keras_cxr.inference import Classifier

CONTOUR_LEVELS = (0.5,)
COLUMNS = (
    "file", "heatmap", "predicted", "explained", "probability", "method", "layer",
    "no_positive_evidence",
)  # fmt: skip
MARKS = ("unusual_score", "unusual", "narrow")


@dataclass(frozen=True, eq=False)
class WrittenHeatmaps:
    """What `write_heatmaps` left in its folder.

    Attributes:
        table: a row per picture: the image's `file`, its `heatmap`, the `predicted` class, the
            `explained` one with its `probability`, `method`, `layer`, `no_positive_evidence`, and
            what `predict` says besides: `unusual_score`, `unusual` and `narrow`. In
            `heatmaps.csv` both paths are relative to its own folder, so that it can be read from
            anywhere; absolute paths of images stay so.
        failed: the files that could not be read, with the reasons.
        gallery: the page that shows all pictures.
        check: what the maps are worth, where that was asked for.
    """

    table: pd.DataFrame
    failed: dict[Path, str]
    gallery: Path
    check: MapCheck | None = None

    def __str__(self) -> str:
        lines = [] if self.check is None else [f"{self.check}\n"]
        return "\n".join([*lines, f"Gallery: {self.gallery}"])


def write_heatmaps(
    classifier: Classifier,
    files: Iterable[Path],
    out_dir: str | os.PathLike[str],
    *,
    method: str = "gradcam",
    layer: str | None = None,
    class_name: str | None = None,
    placement: str | None = None,
    contours: bool = False,
    check: bool = False,
    say: Say | None = None,
    verbose: bool | str = "auto",
) -> WrittenHeatmaps:
    """Write a PNG per image (X-ray left, with its heat map right), a table and a gallery.

    `index.html` shows all pictures and is written last; one of an earlier call is deleted first,
    so that it never describes other pictures than those that are there.

    Args:
        classifier: a trained model with its class names.
        files: image files.
        out_dir: folder for a PNG of each image, `heatmaps.csv` and `index.html`. The PNG has the
            image's name, with more of its path where that name is another image's too.
        method: a key of `keras_cxr.explain.METHODS`.
        layer: layer to look into; the method's default otherwise.
        class_name: class to explain; the predicted one otherwise.
        placement: where the cells of a layer's map are drawn: "receptive_field" (where None is
            given) or "stretch".
        contours: draw a line round what has half of the largest heat or more.
        check: also measure what the maps are worth, see `check_maps`.
        say: called with a line of text before long work; by default on standard error, as
            `verbose` says.
        verbose: True says so, "auto" only in a terminal.

    Raises:
        InvalidArgumentError: (a ValueError) an unknown method, layer, class or placement; a layer
            or placement for a method of pixels; an image that lies in `out_dir`.
        OutputError: (an OSError) the folder cannot be written, or a file of somebody else would
            be written over.
    """
    names, paths = classifier.class_names, list(dict.fromkeys(files))
    if class_name is not None and class_name not in names:
        raise InvalidArgumentError(
            f"The model has no class {class_name!r}; its classes are {', '.join(names)}."
        )
    classifier = classifier.in_keras()
    explainer = make_method(classifier.model, method, layer=layer, placement=placement)
    name_of = dict(zip(paths, check_heatmap_folder(paths, out_dir), strict=True))
    folder = output_folder(out_dir)
    (folder / GALLERY_FILE).unlink(missing_ok=True)
    class_index = None if class_name is None else names.index(class_name)
    rows: list[dict[str, Any]] = []
    failed: dict[Path, str] = {}
    kept: list[_Explained] = []
    chosen = {paths[row] for row in rows_to_check(len(paths))} if check else set()
    for chunk in classifier.read_ahead(paths):
        failed |= {path: found for path, found in chunk if isinstance(found, str)}
        good = [(path, found) for path, found in chunk if not isinstance(found, str)]
        marks = _marks(classifier, [image for _, image in good])
        for item, mark in zip(_explain(explainer, good, class_index), marks, strict=True):
            target = folder / name_of[item.file]
            write_whole(target, _png(item, CONTOUR_LEVELS if contours else ()))
            rows.append({**_row(item, target, explainer, names), **mark})
            kept += [item] if item.file in chosen else []
    table = _write_table(folder, rows)
    found = None
    if kept:
        speaker(say, verbose)(
            f"Checking the maps of {len(kept)} images; each takes about 200 forward passes …"
        )
        found = check_maps(
            explainer,
            np.stack([item.image for item in kept]),
            [item.class_index for item in kept],
            files=[item.file for item in kept],
            folder=folder,
            total=len(table),
        )
    gallery = write_gallery(
        folder, table, class_names=names, failed=failed, title=explainer.title, check=found
    )
    return WrittenHeatmaps(table, failed, gallery, found)


def check_heatmap_folder(files: Sequence[Path], out_dir: str | os.PathLike[str]) -> list[str]:
    """Return the names of the pictures that `write_heatmaps` would write, shown to be free.

    Args:
        files: image files, none twice.
        out_dir: where the pictures go; nothing is created yet.

    Raises:
        InvalidArgumentError: (a ValueError) an image lies in `out_dir`.
        OutputError: (an OSError) it cannot be written, or somebody else's files are there.
    """
    _check_apart(files, Path(out_dir))
    names = picture_names(files, taken=HEATMAPS.files)
    check_free(out_dir, HEATMAPS, more=names, inputs=files)
    return names


@dataclass(frozen=True, eq=False)
class _Explained:
    """One image with its answer and its map."""

    file: Path
    image: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    predicted: int
    class_index: int
    probability: float


def _explain(
    explainer: Method, files: list[tuple[Path, Any]], class_index: int | None
) -> Iterator[_Explained]:
    if not files:
        return
    explained = explainer.explain(np.stack([image for _, image in files]), class_index)
    for number, (file, image) in enumerate(files):
        probabilities, index = explained.probabilities[number], int(explained.class_index[number])
        yield _Explained(
            file,
            image,
            explained.heatmap[number],
            int(probabilities.argmax()),
            index,
            float(probabilities[index]),
        )


def _marks(classifier: Classifier, images: Sequence[NDArray[np.float32]]) -> list[dict[str, Any]]:
    """Return what `predict` says of each image besides its answer, by column."""
    marks: list[dict[str, Any]] = [
        {"narrow": is_narrow(image[..., 0].astype(np.uint8))} for image in images
    ]
    if classifier.unusual is not None and len(images):
        for mark, score in zip(marks, classifier.unusual.score(np.stack(images)), strict=True):
            mark["unusual_score"] = float(score)
            mark["unusual"] = bool(score > classifier.unusual.threshold)
    return marks


def _png(item: _Explained, contours: tuple[float, ...]) -> bytes:
    image, heat = item.image[np.newaxis], item.heatmap[np.newaxis]
    sides = overlay(image, np.zeros_like(heat))[0], overlay(image, heat, contours=contours)[0]
    picture = cv2.imencode(".png", np.concatenate(sides, axis=1)[..., ::-1])[1]
    return signed_png(picture.tobytes())


def _row(
    item: _Explained, target: Path, explainer: Method, names: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "file": str(item.file),
        "heatmap": str(target),
        "predicted": names[item.predicted],
        "explained": names[item.class_index],
        "probability": item.probability,
        "method": explainer.name,
        "layer": explainer.layer,
        "no_positive_evidence": not item.heatmap.any(),
    }


def _check_apart(files: Sequence[Path], out: Path) -> None:
    """Raise where a picture could overwrite an image, or a later call explain a heat map."""
    for file in files:
        if out.resolve() in file.resolve().parents:
            raise InvalidArgumentError(
                f"The image {file} lies in the folder {out} that the heat maps go to: name "
                "another folder, so that no image is overwritten and no heat map explained."
            )


def _write_table(folder: Path, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the table with the caller's own paths; on disk they are relative to the folder."""
    told = [name for name in MARKS if any(name in row for row in rows)]
    if not any(row["narrow"] for row in rows):
        told = [name for name in told if name != "narrow"]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *told])
    place = os.path.realpath(folder)
    moved = table.assign(
        file=[
            file if os.path.isabs(file) else _relative(file, place)  # noqa: PTH117
            for file in table["file"]
        ],
        heatmap=[Path(file).name for file in table["heatmap"]],
    )
    write_whole(folder / HEATMAPS_TABLE_FILE, csv_text(moved))
    return table


def _relative(file: str, place: str) -> str:
    try:
        return Path(os.path.relpath(os.path.realpath(file), place)).as_posix()
    except ValueError:  # on another drive of Windows
        return os.path.realpath(file)
