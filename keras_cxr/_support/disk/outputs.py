"""What may be written where: no command writes over an input or over a file of somebody else.

Each command's files stand here once. One of them, the sign, tells by its beginning that a folder
holds earlier results of the same command, which may be replaced; a heat map tells by itself.
"""

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from keras_cxr._support.disk import file_names as named
from keras_cxr._support.disk.files import check_output, open_regular
from keras_cxr._support.text.names import shown
from keras_cxr.errors import DataError, InvalidArgumentError, OutputError

PathLike = str | os.PathLike[str]
_HEAD = 1 << 14  # bytes of a sign that are looked at
_PAGE_SIGN = b'<meta name="generator" content="keras-cxr">'
_PNG_SIGN = b"tEXtSoftware\0keras-cxr"
_PNG_HEADER = 33  # bytes: signature and IHDR, after which text may stand


class Output(NamedTuple):
    """The files of one command.

    Attributes:
        name: in words, for errors.
        files: that are written into the folder.
        signs: files by which earlier results are known, with what their beginning holds.
    """

    name: str
    files: tuple[str, ...]
    signs: dict[str, bytes]


HEATMAPS = Output(
    "heat maps",
    (
        named.HEATMAPS_TABLE_FILE,
        named.GALLERY_FILE,
        named.FAITHFULNESS_FILE,
        named.FAITHFULNESS_CURVES,
    ),
    {named.HEATMAPS_TABLE_FILE: b"file,heatmap,", named.GALLERY_FILE: _PAGE_SIGN},
)
EVALUATION = Output(
    "an evaluation",
    (named.PREDICTIONS_FILE, named.EVALUATION_FILE, named.RUN_PICTURES["confusion_matrix"]),
    {named.EVALUATION_FILE: b'"balanced_accuracy"'},
)
RUN = Output(
    "a training run",
    (
        named.SPLIT_FILE, named.PREDICTIONS_FILE, named.RESULT_FILE, named.MODEL_AUDIT_FILE,
        *named.RUN_PICTURES.values(),
    ),
    {named.SPLIT_FILE: b"file,class,part,"},
)  # fmt: skip
STUDY = Output(
    "a study",
    (named.STUDY_TABLE_FILE, named.STUDY_RESULTS_FILE, named.REPORT_FILE),
    {
        named.STUDY_RESULTS_FILE: b'"experiments"',
        named.STUDY_TABLE_FILE: b"study_accuracy",
        named.REPORT_FILE: _PAGE_SIGN,
    },
)
DATA_AUDIT = Output(
    "an audit",
    (named.ACTIONS_FILE, named.DATA_AUDIT_PAGE, named.DATA_AUDIT_FILE),
    {
        named.DATA_AUDIT_FILE: b'"duplicate_groups"',
        named.ACTIONS_FILE: b"file,action,group,",
        named.DATA_AUDIT_PAGE: _PAGE_SIGN,
    },
)
MODEL_AUDIT = Output(
    "a model's audit",
    (
        named.MODEL_AUDIT_PAGE, named.MODEL_CARD_FILE, named.MODEL_CARD_DOCUMENT,
        named.MODEL_AUDIT_FILE, named.CALIBRATED_MODEL_FILE, named.PREDICTION_SETS_FILE,
    ),
    {named.MODEL_AUDIT_FILE: b'"schema_version"', named.MODEL_AUDIT_PAGE: _PAGE_SIGN},
)  # fmt: skip
LUNG_MASKS = Output(
    "lung masks",
    (named.SEGMENTATION_TABLE_FILE,),
    {named.SEGMENTATION_TABLE_FILE: b"file,found,reason,"},
)
PRESET = Output(
    "a preset",
    (
        named.PRESET_FILE, named.PRESET_WEIGHTS_FILE, named.PRESET_CARD_FILE, named.UNUSUAL_FILE,
        named.PREDICTION_SETS_FILE,
    ),
    {named.PRESET_FILE: b'"schema_version"'},
)  # fmt: skip


def export_output(format_name: str, file: str) -> Output:
    """Return the files of an export in one format; that of another format is not replaced."""
    sign = {named.EXPORT_FILE: b'"format": "%s"' % format_name.encode()}
    return Output(f"an export as {format_name}", (file, named.EXPORT_FILE), sign)


PREDICTIONS = b"file,predicted"
"""How the CSV file begins that `predict` writes."""


def check_free(
    folder: PathLike,
    output: Output,
    *,
    more: Iterable[str] = (),
    inputs: Iterable[PathLike | None] = (),
    model: PathLike | None = None,
    called: str = "data",
) -> Path:
    """Return the folder, shown to be writable and to hold nothing that would be lost.

    Args:
        folder: where the command writes; nothing is created yet.
        output: what it writes.
        more: further names that it writes.
        inputs: files and folders that it reads; None and other kinds of data are passed over.
        model: the model that it reads, or its run.
        called: what an error calls a folder of images.

    Raises:
        InvalidArgumentError: It lies inside a folder of images, or is that of the model.
        OutputError: It holds an input of a name that is written, or such a file of somebody
            else, or cannot be written.
    """
    out = Path(folder).expanduser()
    read = [Path(one).expanduser() for one in inputs if isinstance(one, str | os.PathLike)]
    check_apart(out, *read, called=called)
    if model is not None and _is_run(out, Path(model).expanduser()):
        raise InvalidArgumentError(
            f"out_dir={shown(str(folder))!r} is the folder of the model's own run, whose files are "
            "kept. Pass another folder."
        )
    check_output(out)
    names = [*output.files, *more]
    there = [name for name in names if os.path.lexists(out / name)]
    used = [name for name in there if any(_same(out / name, one) for one in read)]
    if used:
        raise OutputError(
            f"{shown(str(out / used[0]))} is an input and would be written over: pass another "
            "output folder. Nothing was written."
        )
    if any(_begins(out / name, text) for name, text in output.signs.items()):
        return out
    there = [name for name in there if not _begins(out / name, _PNG_SIGN)]
    if there:
        others = f" and {len(there) - 1:,} more" if len(there) > 1 else ""
        raise OutputError(
            f"The folder {shown(str(out))} already holds {shown(there[0])}{others} but no earlier "
            f"results of {output.name}, so that somebody else's files would be written over. Pass "
            "another output folder, or move them away. Nothing was written."
        )
    return out


def check_apart(folder: PathLike, *folders: PathLike, called: str = "data") -> None:
    """Refuse to write into a folder of images.

    Raises:
        InvalidArgumentError: It is one of these folders or lies inside it.
    """
    out = Path(folder).expanduser().resolve()
    for one in folders:
        read = Path(one).expanduser().resolve()
        if read.is_dir() and (out == read or read in out.parents):
            raise InvalidArgumentError(
                f"out_dir={str(folder)!r} lies inside the {called} folder {one}, in which nothing "
                f"is changed. Pass a folder beside it, such as {read}-results."
            )


def check_free_file(path: PathLike, begins: bytes) -> Path:
    """Return the path of a file to write, shown to be free or an earlier result.

    Raises:
        OutputError: The folder cannot be written, or the file is none that begins so.
    """
    file = Path(path).expanduser()
    if not file.parent.is_dir():
        raise OutputError(f"Cannot write {shown(str(file))}: there is no folder {file.parent}.")
    check_output(file.parent)
    if os.path.lexists(file) and not _begins(file, begins, at_start=True):
        raise OutputError(
            f"{shown(str(file))} is there already and no earlier table of answers: it is not "
            "written over. Pass another name. Nothing was written."
        )
    return file


_SIGNS = {name: text for kind in (HEATMAPS, EVALUATION, RUN) for name, text in kind.signs.items()}


def is_sign(path: PathLike, name: str) -> bool:
    """Return whether a file says that its folder holds pictures of results, not X-rays."""
    return name in _SIGNS and _begins(Path(path), _SIGNS[name])


def signed_png(picture: bytes) -> bytes:
    """Return a PNG file that says by a text in it whose it is, so that it may be replaced."""
    length = (len(_PNG_SIGN) - 4).to_bytes(4, "big")
    text = length + _PNG_SIGN + zlib.crc32(_PNG_SIGN).to_bytes(4, "big")
    return picture[:_PNG_HEADER] + text + picture[_PNG_HEADER:]


def _is_run(out: Path, model: Path) -> bool:
    """Return whether a folder is that of a model's run, or the one in it that holds the model."""
    near = [model.parent, model.parent.parent]
    near = near if model.is_file() else [model, model / "run", model.parent]
    return any(
        _same(out, one)
        for one in near
        if (one / named.RUN_RECORD_FILE).is_file() or (one / named.SPLIT_FILE).is_file()
    )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _begins(path: Path, text: bytes, *, at_start: bool = False) -> bool:
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
    except (OSError, DataError):
        return False
    return head.startswith(text) if at_start else text in head
