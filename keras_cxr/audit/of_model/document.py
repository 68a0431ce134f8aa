"""What an audit of a model looks like in JSON."""

from typing import TYPE_CHECKING, Any

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._version import __version__

if TYPE_CHECKING:
    from keras_cxr.audit.of_model.audit import ModelAudit

SCHEMA_VERSION = 1
PARTS = (
    "held_out", "masked", "controls", "confidence", "unusual", "shift", "subgroups", "where",
    "labels",
)  # fmt: skip


def as_document(audit: "ModelAudit") -> dict[str, Any]:
    """Returns what `model_audit.json` holds: plain values, None for what was not measured."""
    found = {name: getattr(audit, name) for name in PARTS}
    document = {
        "schema_version": SCHEMA_VERSION,
        "keras_cxr": __version__,
        "model": {"name": audit.name, "parameters": int(audit.model.count_params())},
        "data": describe_data(audit.datasets),
        "score": audit.score.to_dict(),
        **{name: None if part is None else part.to_dict() for name, part in found.items()},
        "findings": [finding.to_dict() for finding in audit.findings],
        "notes": list(audit.notes),
    }
    return dict(as_json(document))


def describe_data(datasets: Any) -> dict[str, Any]:
    """Returns what the data set holds, by class and part, and how it was split."""
    table = datasets.table
    counts = table.groupby(["class", "part"]).size()
    copies = datasets.copies
    return {
        "name": None if datasets.root is None else datasets.root.name,
        "fingerprint": datasets.fingerprint,
        "layout": datasets.layout,
        "image_size": list(datasets.image_size),
        "color_mode": datasets.color_mode,
        "region": datasets.region,
        "augment": bool(datasets.augment),
        "seed": int(datasets.seed),
        "images": {
            name: {part: int(counts.get((name, part), 0)) for part in ("train", "val", "test")}
            for name in datasets.class_names
        },
        "num_groups": int((table["group"][table["group"] != ""].value_counts() > 1).sum()),
        "copies": None if copies is None else copies.to_dict(),
    }
