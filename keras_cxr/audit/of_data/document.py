"""`audit.json`: what an audit of data found, for programs."""

from typing import TYPE_CHECKING, Any

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._version import __version__
from keras_cxr.audit.of_data.opened_data import AGAINST

if TYPE_CHECKING:
    from keras_cxr.audit.of_data.audit import DataAudit

SCHEMA_VERSION = 1


def as_document(audit: "DataAudit", *, prefix: str) -> dict[str, Any]:
    """Returns the document; `docs/audit.md` describes it.

    Args:
        audit: What was found.
        prefix: What makes the catalog's paths relative to the audited folder.
    """

    def named(item: dict[str, Any]) -> dict[str, Any]:
        if "files" in item:
            item["files"] = [
                file if file.startswith(AGAINST) else prefix + file for file in item["files"]
            ]
        if "file" in item:
            item["file"] = prefix + item["file"]
        return item

    return as_json(
        {
            "schema_version": SCHEMA_VERSION,
            "keras_cxr": __version__,
            "folder": audit.name,
            "layout": audit.layout,
            "num_images": audit.num_images,
            "classes": audit.class_counts,
            "against": None if audit.against is None else audit.against._asdict(),
            "duplicate_groups": [named(group.to_dict()) for group in audit.duplicate_groups],
            "conflicts": [named(group.to_dict()) for group in audit.conflicts],
            "patients_across_classes": [
                named(patient.to_dict()) for patient in audit.patients_across_classes
            ],
            "leakage": [leak.to_dict() for leak in audit.leaks],
            "shortcuts": audit.shortcuts.to_dict(),
            "flags": [named(flag.to_dict()) for flag in audit.flags],
            "findings": [finding.to_dict() for finding in audit.findings],
            "notes": list(audit.notes),
        }
    )
