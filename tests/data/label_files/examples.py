"""Small label files of every kind, in exactly the columns of the real ones."""

import csv
import gzip
import io
from dataclasses import dataclass

from keras_cxr.data.label_files.kinds.chexpert import FINDINGS

FIRST, SECOND = "Atelectasis", "Cardiomegaly"


@dataclass(frozen=True)
class Film:
    """A row: `cells` say of two findings what they are; `text` is a list as the file writes it."""

    name: str = "a"
    cells: tuple[str, str] = ("1", "0")
    patient: str = "7"
    view: str = "PA"
    text: str | None = None
    reader: str = "R1"


PATHS = {
    "nih": "{}.png",
    "chexpert": "CheXpert-v1.0-small/train/patient0000{}/study1/view1_frontal.jpg",
    "mimic": "p11/p11{}/s5/{}.jpg",
    "rsna": "{}",
    "padchest": "0/{}.png",
    "boxes": "{}",
    "readings": "{}",
    "list": "films/{}.png",
    "columns": "films/{}.png",
}
KIND = {"boxes": "vindr", "readings": "vindr"}
LISTED = ("nih", "padchest", "list", "boxes")
COLUMNED = ("chexpert", "mimic", "readings", "columns", "rsna")

_PADCHEST = [
    "", "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth",
    "PatientSex_DICOM", "ViewPosition_DICOM", "Projection", "MethodProjection", "Pediatric",
    "ReportID", "Report", "MethodLabel", "Labels", "Localizations",
    "LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS",
]  # fmt: skip
# two of its names hold a comma that NIH did not quote, so that they are four
_NIH = [
    "Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender",
    "View Position", "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]",
]  # fmt: skip
_VINDR = ["image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"]
_RSNA = ["patientId", "x", "y", "width", "height", "Target"]
_NO = "No Finding"


def first_of(kind):
    """The first finding's name in a kind."""
    names = {"rsna": "Lung Opacity", "padchest": "atelectasis", "readings": "Aortic enlargement"}
    return names.get(kind, FIRST)


def tables(kind, *films):
    """By file name, header and rows; the label file itself comes first."""
    return _MAKERS[kind](films)


def write(folder, kind, *films, delimiter=",", newline="\n", encoding="utf-8", packed=False):
    """Write a kind's files into a folder, and return the label file's path."""
    folder.mkdir(exist_ok=True, parents=True)
    paths = []
    for name, (header, rows) in tables(kind, *films).items():
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows([header, *rows])
        content = text.getvalue().encode(encoding)
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
        paths.append(path)
    return paths[0]


def _listed(film, separator="|", none=_NO):
    if film.text is not None:
        return film.text
    pairs = zip((FIRST, SECOND), film.cells, strict=True)
    return separator.join(name for name, cell in pairs if cell == "1") or none


def _nih(films):
    rows = [
        [PATHS["nih"].format(one.name), _listed(one), 0, one.patient, 60, "M", one.view, *"1234"]
        for one in films
    ]
    return {"Data_Entry_2017.csv": (_NIH, rows)}


def _cells_of(film, findings=(FIRST, SECOND)):
    said = dict(zip((FIRST, SECOND), film.cells, strict=True))
    return [said.get(name, "") for name in findings]


def _chexpert(films):
    header = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", _NO, *FINDINGS]
    rows = [
        [
            PATHS["chexpert"].format(one.name), "Female", 60,
            "Lateral" if one.view == "LATERAL" else "Frontal",
            "" if one.view == "LATERAL" else one.view, "", *_cells_of(one, FINDINGS),
        ]
        for one in films
    ]  # fmt: skip
    return {"train.csv": (header, rows)}


def _mimic(films):
    labels = [[f"11{one.name}", "5", *_cells_of(one, FINDINGS), ""] for one in films]
    about = [[one.name, f"11{one.name}", "5", one.view, 10, 10] for one in films]
    parts = [[one.name, "5", f"11{one.name}", "validate"] for one in films]
    head = ["dicom_id", "subject_id", "study_id", "ViewPosition", "Rows", "Columns"]
    return {
        "mimic-cxr-2.0.0-chexpert.csv": (["subject_id", "study_id", *FINDINGS, _NO], labels),
        "mimic-cxr-2.0.0-metadata.csv": (head, about),
        "mimic-cxr-2.0.0-split.csv": (["dicom_id", "study_id", "subject_id", "split"], parts),
    }


def _rsna(films):
    rows = [[one.name, "1.0", "2.0", "3.0", "4.0", one.cells[0]] for one in films]
    return {"stage_2_train_labels.csv": (_RSNA, rows)}


def _padchest(films):
    rows = []
    for one in films:
        held = _listed(one, none="normal").lower().split("|")
        text = one.text if one.text is not None else repr(held)
        said = {
            "ImageID": f"{one.name}.png", "ImageDir": "0", "PatientID": one.patient,
            "Projection": one.view.replace("LATERAL", "L"), "Labels": text, "Report": "a, b",
        }  # fmt: skip
        rows.append([said.get(column, "") for column in _PADCHEST])
    return {"PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv": (_PADCHEST, rows)}


def _boxes(films):
    rows = [
        [one.name, name, 14, one.reader, "", "", "", ""]
        for one in films
        for name in _listed(one, none="No finding").split("|")
    ]
    return {"train.csv": (_VINDR, rows)}


def _readings(films):
    header = ["image_id", "rad_id", "Aortic enlargement", SECOND, "No finding"]
    rows = [[one.name, one.reader, *one.cells, "0"] for one in films]
    return {"image_labels_train.csv": (header, rows)}


def _list(films):
    header = ["file", "label", "patient", "view", "remark"]
    rows = [
        [PATHS["list"].format(one.name), _listed(one), one.patient, one.view, ""] for one in films
    ]
    return {"labels.csv": (header, rows)}


def _columns(films):
    header = ["file", FIRST, SECOND, "patient", "view", "age"]
    # one film more, so that odd cells of one film leave the columns what they are
    rows = [
        [PATHS["columns"].format(one.name), *one.cells, one.patient, one.view, 60] for one in films
    ]
    known = [[f"films/known{number}.png", "1", "0", "0", "PA", 60] for number in range(3)]
    return {"labels.csv": (header, [*rows, *known])}


_MAKERS = {
    "nih": _nih, "chexpert": _chexpert, "mimic": _mimic, "rsna": _rsna, "padchest": _padchest,
    "boxes": _boxes, "readings": _readings, "list": _list, "columns": _columns,
}  # fmt: skip
