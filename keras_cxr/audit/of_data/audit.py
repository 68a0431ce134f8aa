"""`audit_data`: what in a folder of chest X-rays makes a result untrue, before any training."""

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.checks import check_image_size
from keras_cxr._support.progress import speaker
from keras_cxr.audit.of_data.attributes.read import read_attributes
from keras_cxr.audit.of_data.base.copies import find_copies
from keras_cxr.audit.of_data.base.metadata import (
    Metadata,
    Table,
    read_metadata,
    with_dicom_patients,
)
from keras_cxr.audit.of_data.base.opened_data import FolderOrTable, OpenedData, open_data
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.of_data.page import Pictures, write_audit
from keras_cxr.audit.of_data.proposals import propose_actions
from keras_cxr.audit.of_data.result import DataAudit
from keras_cxr.audit.outcomes import all_notes, ask_all, questions_of
from keras_cxr.data.duplicates.windows import check_searchable


def audit_data(
    data: FolderOrTable,
    *,
    against: FolderOrTable | None = None,
    metadata: Table | None = None,
    image_size: tuple[int, int] = (224, 224),
    root: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    verbose: bool | str = "auto",
) -> DataAudit:
    """Return what in a data set of chest X-rays makes a result untrue, before any training.

    Copies of photographs and their conflicting labels, what splits leak, patients under
    several classes, what file attributes alone tell of the class, and files that are corrupt,
    blank or of another kind. Nothing is changed, and nothing written but the cache of decoded
    images, which makes a second call fast. Corrupt files are flags, not errors.

    What it does not show: that the labels are right (only that photographs contradict
    themselves), that two films are of one patient (unless the metadata say so), or that a
    model uses a shortcut which is there; `audit_model` asks the model.

    Args:
        data: a folder, CSV file or DataFrame as `make_datasets` takes it, or a folder of images
            without classes: then what needs none is measured.
        against: another one, such as an external test set, that must not hold copies.
        metadata: a CSV file or DataFrame with the column file (paths relative to the folder)
            and any of patient, patient_id, subject or group, and source. A table as
            `data` is taken by itself.
        image_size: (height, width), at least 64, of the decoded images that are compared.
        root: the folder that a table's paths are relative to; by default the CSV's own.
        cache_dir: where decoded images and results are kept; by default `KERAS_CXR_CACHE` or
            the user's cache folder.
        seed: of the random splits that leaks are counted on, and of cross-validation.
        verbose: True shows progress on stderr while files are read, "auto" only in a terminal.

    Returns:
        The frozen `DataAudit`: print it for a summary, `write` it for a page with pictures.

    Raises:
        NotFoundError: there is no such folder or file.
        DataError: no layout fits, or the metadata fit no image.
        InvalidArgumentError: an argument has a value that cannot work.
        OutputError: the cache cannot be written.

    Examples:
        >>> from keras_cxr import make_phantoms
        >>> from keras_cxr.audit import audit_data
        >>> folder = make_phantoms("phantoms", images_per_class=4)  # doctest: +SKIP
        >>> print(audit_data(folder))  # doctest: +SKIP
    """
    options: dict[str, Any] = {
        "image_size": check_searchable(check_image_size(image_size)),
        "root": root,
        "cache_dir": cache_dir,
        "verbose": verbose,
    }
    say = speaker(None, verbose)
    opened = open_data(data, **options)
    other = None if against is None else open_data(against, **options)
    known = _known_of(opened, _own_table(data, metadata))
    say("Looking for copies")
    copies = find_copies(opened, other, **options)
    say("Looking at each file")
    attributes = _attributes_of(opened, verbose)
    subject = AuditedData(opened, copies, attributes, known, seed)
    outcomes = ask_all(questions_of(DataAudit), subject, say=say)
    found = {name: outcome.value for name, outcome in outcomes.items()}
    counts, catalog = Counter(subject.labels), opened.catalog
    return DataAudit(
        name=opened.name,
        layout=catalog.layout,
        num_images=len(subject.files),
        class_counts={name: counts[name] for name in subject.class_names},
        class_of=copies.class_of,
        num_patients=len({*known.patients} - {""}),
        against=copies.against,
        **found,
        findings=tuple(one for outcome in outcomes.values() for one in outcome.findings),
        actions=propose_actions(
            subject.files,
            class_of=copies.class_of,
            patients=known.patients,
            groups=copies.groups,
            flags=found["flags"],
        ),
        notes=(*catalog.notes, *known.notes, *all_notes(outcomes.values())),
        left_out=catalog.notes,
        _prefix=opened.prefix,
        _write=partial(
            write_audit,
            pictures=Pictures.of(opened, other, attributes),
            inputs=[one.folder for one in (opened, other) if one is not None],
        ),
    )


def _known_of(opened: OpenedData, table: Table | None) -> Metadata:
    """Patients and sources, as a table or DICOM files name them."""
    known = read_metadata(opened.catalog, table, prefix=opened.prefix)
    return with_dicom_patients(known, [record.patient for record in opened.records])


def _attributes_of(opened: OpenedData, verbose: bool | str) -> pd.DataFrame:
    """Return what `read_attributes` returns, with an error for each file that does not decode."""
    table = read_attributes(opened.catalog, folder=opened.cache, verbose=verbose)
    pairs = zip(opened.records, table["error"], strict=True)
    return table.assign(error=[record.error or error for record, error in pairs])


def _own_table(data: FolderOrTable, metadata: Table | None) -> Table | None:
    """Return the table that tells of patients and sources: the data's own where none is given."""
    if metadata is not None or isinstance(data, pd.DataFrame):
        return data if metadata is None else metadata
    return None if Path(data).expanduser().is_dir() else data
