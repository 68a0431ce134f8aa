"""Which patients have images under several classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.outcomes import Outcome
from keras_cxr.data.groups import rows_by_name


class PatientAcrossClasses(NamedTuple):
    """A patient whose images are filed under several classes."""

    patient: str
    classes: tuple[str, ...]
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "patient": self.patient,
            "classes": list(self.classes),
            "files": list(self.files),
        }


def ask_patients(subject: AuditedData) -> Outcome:
    """Return the patients under several classes; no sentence where no patient is named."""
    patients = subject.metadata.patients
    found = patients_across_classes(subject.files, subject.labels, patients)
    num_patients = len({*patients} - {""})
    if not num_patients or not subject.class_names:
        return Outcome(found)
    verb = "stands" if len(found) == 1 else "stand"
    sentence = f"{len(found):,} of {num_patients:,} named patients {verb} under more than one class"
    sentence += "; a follow-up may change class honestly." if found else "."
    return Outcome(found, (Finding("patients_across_classes", sentence, len(found)),))


def patients_across_classes(
    files: Sequence[str], labels: Sequence[str], patients: Sequence[str]
) -> tuple[PatientAcrossClasses, ...]:
    """Return the patients whose images are filed under several classes, by name.

    That need not be a mistake: a follow-up may change class honestly.

    Args:
        files: the files of a data set.
        labels: the class of each.
        patients: the patient of each, "" where unknown.
    """
    found = []
    for patient, rows in sorted(rows_by_name(patients).items()):
        classes = tuple(sorted({labels[row] for row in rows}))
        if len(classes) > 1:
            held = tuple(files[row] for row in rows)
            found.append(PatientAcrossClasses(patient, classes, held))
    return tuple(found)
