"""`Export`: what an export's folder holds, as `export.json` says it, and the way back."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from keras_cxr._support.disk.documents import COUNT, Document, Range, Text
from keras_cxr._support.disk.file_names import EXPORT_FILE
from keras_cxr._support.disk.files import file_digest
from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.errors import DataError, KerasCXRError, NotFoundError
from keras_cxr.runtimes.formats import FORMATS, Runtime, check_installed
from keras_cxr.runtimes.measures import PARITY_FORM, SPEED_FORM, Parity, Speed

SCHEMA_VERSION = 2
KINDS = ("classifier", "segmenter")
_SHOWN = 300  # characters of what a runtime says


def _contradiction(document: dict[str, Any]) -> str:
    """Return what is wrong with a document of the right form; "" where nothing is."""
    if document["format"] not in FORMATS:
        return f"has the format {document['format']!r}, which this release does not know"
    kind = document.get("kind", KINDS[0])
    if kind not in KINDS:
        return f"has the kind {kind!r}, which this release does not know"
    if document["color_mode"] not in ("grayscale", "rgb"):
        return f"has the color_mode {document['color_mode']!r}, not grayscale or rgb"
    shape, size = document["output"]["shape"][1:], document["image_size"]
    if kind == "segmenter" and shape != size:
        return f"has an output of {shape} for pictures of {size}"
    if kind == "classifier" and shape != [len(document["class_names"])]:
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
        "kind?": str,  # since version 2, as `speed`
        "model": str,
        "files": {str: Text(r"[0-9a-f]{64}", "a SHA-256")},
        "num_bytes": COUNT,
        "class_names": [str],
        "input": _tensor([_BATCH, COUNT, COUNT, COUNT]),
        "output": (_tensor([_BATCH, COUNT]), _tensor([_BATCH, COUNT, COUNT])),
        "image_size": [COUNT, COUNT],
        "color_mode": str,
        "intensity": str,
        "region": str,
        "calibration": ({"temperature": Range(0), "offsets": [float]}, None),
        "check": PARITY_FORM,
        "speed?": [SPEED_FORM],
        "notes": [str],
        "versions": {str: str},
    },
    remedy="Export the model again.",
    version=SCHEMA_VERSION,
    earlier=(1,),
    rule=_contradiction,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Export:
    """A model in a format of another program, made by `export`, found again by `read_export`.

    Attributes:
        folder: where it lies.
        format: one of the table `FORMATS`.
        kind: "classifier" for probabilities of classes, "segmenter" for the probability that a
            pixel is lung.
        model: the name of the model.
        files: the SHA-256 of each file, by its path in the folder.
        num_bytes: what they take on disk.
        class_names: in the order of the probabilities; "lung" alone for a segmenter.
        input: name, dtype, shape and range of the pixels, as the runtime knows them; the batch's
            length is None.
        output: the same of the probabilities.
        image_size: (height, width) to which a film is stretched first.
        color_mode: "grayscale" for one channel, "rgb" for the grey value three times.
        intensity: how files become grey, as `read_image` takes it.
        region: what of its images the model was trained on: "full", "lungs" or "outside".
        calibration: temperature and offsets that are inside; None where there are none.
        parity: how it answered beside Keras.
        speed: how fast, at batches of 1 and 32; empty in exports of earlier releases.
        notes: what is worth knowing before it is used.
        versions: of the packages that made and checked it.
    """

    folder: Path
    format: str
    kind: str
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
    speed: tuple[Speed, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]

    @property
    def path(self) -> Path:
        """The file, or the folder of a SavedModel, that other programs read."""
        return self.folder / FORMATS[self.format].file

    def load(self) -> Runtime:
        """Return the file in its own runtime; Keras is imported for the format "keras" alone.

        It takes what it is given; `load_export` returns a model that looks at its images first.

        Raises:
            MissingExtraError: (an ImportError) the runtime is not installed.
            DataError: (a ValueError) a file is missing or not the one that was written, or the
                runtime here cannot read it.
        """
        wanted = FORMATS[self.format]
        check_installed(wanted, only_to_read=True)
        for name, digest in self.files.items():
            file = self.folder / name
            if not file.is_file() or file_digest(file) != digest:
                raise DataError(
                    f"{file} is missing or not the file that was exported. Export the model again."
                )
        try:
            return wanted.load(self.path)
        except KerasCXRError:
            raise
        except Exception as error:  # runtimes raise what they like
            reason = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
            raise DataError(
                f"{wanted.runtime} cannot load {self.path}: {reason}. It was written with "
                f"{', '.join(f'{name} {version}' for name, version in self.versions.items())}: "
                "install these, or export the model again."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Return what `export.json` holds."""
        names = [name.removesuffix("?") for name in EXPORT_RECORD.form if name != "check"]
        document = {"schema_version": SCHEMA_VERSION} | {
            name: getattr(self, name) for name in names
        }
        measured = {"check": vars(self.parity), "speed": [vars(one) for one in self.speed]}
        return dict(as_json(document | measured))

    def __str__(self) -> str:
        found = self.parity
        height, width, channels = self.input["shape"][1:]
        is_map = self.kind == "segmenter"
        out = (
            f"the probability that a pixel is lung (batch, {height}, {width})"
            if is_map
            else f"probabilities of {len(self.class_names)} classes"
        )
        if self.calibration is not None:
            out += f", calibrated (temperature {self.calibration['temperature']:.3g})"
        lines = [
            f"{self.path} ({self.num_bytes / 1e6:,.1f} MB)",
            f"In: {self.input['name']}, uint8 pixels (batch, {height}, {width}, {channels})",
            f"Out: {self.output['name']}, {out}",
            f"Beside Keras, on {found.num_images} {found.pictures}: largest difference "
            f"{found.largest_difference:.1e}, {100 * found.equal_answers:.4g} % of the "
            f"{'pixels' if is_map else 'answers'} equal",
        ]
        lines += [
            f"Speed at batch {one.batch_size}: {one.images_per_second:,.0f} images/s, "
            f"{one.beside_keras:.2g} times Keras' on {one.cores} core(s)"
            for one in self.speed
        ]
        return "\n".join(lines)


def read_export(folder: str | os.PathLike[str]) -> Export:
    """Return the export in a folder, as its `export.json` describes it.

    Args:
        folder: that `export` or `keras-cxr export` wrote.

    Raises:
        NotFoundError: (a FileNotFoundError) it holds no `export.json`.
        DataError: (a ValueError) that is damaged.
    """
    place = Path(folder)
    if not (place / EXPORT_FILE).is_file():
        raise NotFoundError(f"The folder {place} holds no {EXPORT_FILE}: it is no export.")
    document = {"kind": KINDS[0], "speed": []} | EXPORT_RECORD.read(place / EXPORT_FILE)
    plain = {
        name: document[name.removesuffix("?")]
        for name in EXPORT_RECORD.form
        if name not in ("check", "kind?", "speed?")
    }
    lists = {name: tuple(plain[name]) for name in ("class_names", "image_size", "notes")}
    return Export(
        folder=place,
        kind=document["kind"],
        parity=_as(Parity, document["check"]),
        speed=tuple(_as(Speed, one) for one in document["speed"]),
        **plain | lists,
    )


def _as(kind: Any, document: dict[str, Any]) -> Any:
    """Return a dataclass of what a document holds of its fields."""
    return kind(**{name: document[name] for name in kind.__dataclass_fields__ if name in document})
