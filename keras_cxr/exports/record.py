"""`Export`: what an export's folder holds, as `export.json` says it, and its way back."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from keras_cxr._support.disk.documents import COUNT, SHARE, Document, Range, Text
from keras_cxr._support.disk.file_names import EXPORT_FILE
from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.errors import DataError, NotFoundError
from keras_cxr.exports.formats import FORMATS, Runtime, check_installed

SCHEMA_VERSION = 1
_CHUNK = 1 << 20


def _contradiction(document: dict[str, Any]) -> str:
    """Return what is wrong with a document of the right form; "" where nothing is."""
    if document["format"] not in FORMATS:
        return f"has the format {document['format']!r}, which this release does not know"
    if document["output"]["shape"][1:] != [len(document["class_names"])]:
        return "names another number of classes than the output has"
    file = FORMATS[document["format"]].file
    for name in document["files"]:
        parts = PurePosixPath(name).parts
        if parts[:1] != (file,) or ".." in parts or "\0" in name or "\\" in name:
            return f"names a file outside of {file}"
    return "" if document["files"] else "names no file"


_BATCH = (COUNT, None)


def _tensor(shape: list[Any]) -> dict[str, Any]:
    return {"name": str, "dtype": str, "shape": shape, "range": [float, float]}


EXPORT_RECORD = Document(
    what="the record of an export",
    form={
        "format": str,
        "model": str,
        "files": {str: Text(r"[0-9a-f]{64}", "a SHA-256")},
        "num_bytes": COUNT,
        "class_names": [str],
        "input": _tensor([_BATCH, COUNT, COUNT, COUNT]),
        "output": _tensor([_BATCH, COUNT]),
        "image_size": [COUNT, COUNT],
        "color_mode": str,
        "intensity": str,
        "region": str,
        "calibration": ({"temperature": Range(0), "offsets": [float]}, None),
        "check": {
            "pictures": str,
            "num_images": COUNT,
            "tolerance": Range(0),
            "largest_difference": Range(0),
            "equal_answers": SHARE,
        },
        "notes": [str],
        "versions": {str: str},
    },
    remedy="Export the model again.",
    version=SCHEMA_VERSION,
    rule=_contradiction,
)


@dataclass(frozen=True)
class Parity:
    """How an export answered beside Keras, before it was put into its folder.

    Attributes:
        pictures: what both were asked about.
        num_images: how many there were.
        tolerance: the largest difference that was let pass.
        largest_difference: between any two probabilities of the same picture and class.
        equal_answers: share of pictures with the same most probable class, in [0, 1].
    """

    pictures: str
    num_images: int
    tolerance: float
    largest_difference: float
    equal_answers: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Export:
    """A model in a format of another program, made by `export`, found again by `read_export`.

    Attributes:
        folder: where it lies.
        format: one of the table `FORMATS`.
        model: the name of the model.
        files: the SHA-256 of each file, by its path in the folder.
        num_bytes: what they take on disk.
        class_names: in the order of the probabilities.
        input: name, dtype, shape and range of the pixels, as the runtime knows them; the batch's
            length is None.
        output: the same of the probabilities.
        image_size: (height, width) to which a film is stretched first.
        color_mode: "grayscale" for one channel, "rgb" for the grey value three times.
        intensity: how files become grey, as `read_image` takes it.
        region: what of its images the model was trained on: "full", "lungs" or "outside".
        calibration: temperature and offsets that are inside; None where there are none.
        parity: how it answered beside Keras.
        notes: what is worth knowing before it is used.
        versions: of the packages that made and checked it.
    """

    folder: Path
    format: str
    model: str
    files: dict[str, str]
    num_bytes: int
    class_names: tuple[str, ...]
    input: dict[str, Any]
    output: dict[str, Any]
    image_size: tuple[int, int]
    color_mode: str
    intensity: str
    region: str
    calibration: dict[str, Any] | None
    parity: Parity
    notes: tuple[str, ...]
    versions: dict[str, str]

    @property
    def path(self) -> Path:
        """The file, or the folder of a SavedModel, that other programs read."""
        return self.folder / FORMATS[self.format].file

    def load(self) -> Runtime:
        """Return the model in its own runtime; Keras is imported for the format "keras" alone.

        Raises:
            MissingExtraError: (an ImportError) the runtime is not installed.
            DataError: (a ValueError) a file is missing or not the one that was written.
        """
        check_installed(FORMATS[self.format])
        for name, digest in self.files.items():
            file = self.folder / name
            if not file.is_file() or sha256(file) != digest:
                raise DataError(
                    f"{file} is missing or not the file that was exported. Export the model again."
                )
        return FORMATS[self.format].load(self.path)

    def to_dict(self) -> dict[str, Any]:
        """Return what `export.json` holds."""
        names = [name for name in EXPORT_RECORD.form if name != "check"]
        document = {"schema_version": SCHEMA_VERSION} | {
            name: getattr(self, name) for name in names
        }
        return dict(as_json(document | {"check": vars(self.parity)}))

    def __str__(self) -> str:
        found = self.parity
        height, width, channels = self.input["shape"][1:]
        calibration = ""
        if self.calibration is not None:
            calibration = f", calibrated (temperature {self.calibration['temperature']:.3g})"
        return (
            f"{self.path} ({self.num_bytes / 1e6:,.1f} MB)\n"
            f"In: {self.input['name']}, uint8 pixels (batch, {height}, {width}, {channels})\n"
            f"Out: {self.output['name']}, probabilities of {len(self.class_names)} classes"
            f"{calibration}\n"
            f"Beside Keras, on {found.num_images} {found.pictures}: largest difference "
            f"{found.largest_difference:.1e}, {found.equal_answers:.0%} equal answers"
        )


def read_export(folder: str | os.PathLike[str]) -> Export:
    """Return the export in a folder, which `Export.load` brings into its runtime.

    Args:
        folder: that `export` or `keras-cxr export` wrote.

    Raises:
        NotFoundError: (a FileNotFoundError) it holds no `export.json`.
        DataError: (a ValueError) that is damaged.
    """
    place = Path(folder)
    if not (place / EXPORT_FILE).is_file():
        raise NotFoundError(f"The folder {place} holds no {EXPORT_FILE}: it is no export.")
    found = EXPORT_RECORD.read(place / EXPORT_FILE)
    found = {name: found[name] for name in EXPORT_RECORD.form}
    check = found.pop("check")
    lists = {name: tuple(found[name]) for name in ("class_names", "image_size", "notes")}
    known = {name: check[name] for name in Parity.__dataclass_fields__}
    return Export(folder=place, parity=Parity(**known), **found | lists)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
