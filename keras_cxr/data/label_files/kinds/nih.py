"""NIH ChestX-ray14: `Data_Entry_2017.csv`, a list of findings for each film."""

from pathlib import Path

from keras_cxr.data.label_files.lists import listed, read_lists
from keras_cxr.data.label_files.rows import LabelSource, Rows, patient_names
from keras_cxr.data.tables.joining import posix_file
from keras_cxr.errors import DataError

# Wang et al.: ChestX-ray8. CVPR 2017, in the spelling of the file
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
COLUMNS = ("Image Index", "Finding Labels")
LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
"""NIH's own split: by our name of the part, the file that lists its films."""


def parse_nih(source: LabelSource) -> Rows:
    """Return the rows of NIH's table, with its own split where the two lists lie beside it.

    All 14 findings are there, also those that none of the films shows. Names are compared whole,
    where torchxrayvision asks whether the cell contains them; a name that is none of the 14 becomes
    a finding of its own and is noted. NIH's `train_val_list.txt` is the part train: it leaves the
    validation films to be drawn.
    """
    files = source.cells("Image Index")
    findings, states, notes = listed(
        read_lists(source.cells("Finding Labels"), source.separator or "|"), known=FINDINGS
    )
    groups, more = patient_names(source.optional("Patient ID") or [])
    unused = source.unused(*COLUMNS, "Patient ID", "View Position")
    parts, missing = _parts(source.folder, files)
    return Rows(
        files,
        findings,
        states,
        groups=groups,
        views=source.optional("View Position") or [],
        parts=parts,
        notes=[*notes, *more, *unused, *missing],
    )


def _parts(folder: Path | None, files: list[str]) -> tuple[list[str], list[str]]:
    part_of: dict[str, str] = {}
    for part, name in LISTS.items():
        file = None if folder is None else folder / name
        if file is None or not file.is_file():
            continue
        for film in _lines(file):
            if part_of.setdefault(film, part) != part:
                raise DataError(
                    f"{file} and its other half both list {film}. Take them from NIH again."
                )
    if not part_of:
        return [], []
    parts = [part_of.get(posix_file(film), "") for film in files]
    left = parts.count("")
    names = " and ".join(LISTS.values())
    return parts, [f"{left:,} row(s) are in neither of {names}"] if left else []


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}. It lists a film in each line.") from error
    return [posix_file(line.strip()) for line in text.splitlines() if line.strip()]
