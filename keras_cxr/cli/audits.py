"""The command that asks whether to believe data: audit."""

import sys
from pathlib import Path
from typing import Literal

from keras_cxr.cli.common import AsJson, print_result

# The keys of keras_cxr.audit.failures.FAILURES, whose room loads pandas.
FailOn = Literal[
    "against", "conflicts", "corrupt", "duplicates", "flags", "leakage", "patients", "shortcuts",
]  # fmt: skip


def audit(
    data: Path,
    /,
    *,
    against: Path | None = None,
    metadata: Path | None = None,
    out: Path | None = None,
    fail_on: tuple[FailOn, ...] = (),
    seed: int = 0,
    as_json: AsJson = False,
) -> int:
    """Find copies, conflicting labels, leaks, shortcuts and odd files before you train.

    Nothing in the folder is changed. A finished audit exits with 0 whatever it finds, unless
    --fail-on names what must not be there.

    Example: `keras-cxr audit my-xrays --out my-audit`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        against: Another folder or CSV file, such as an external test set, that must not hold
            copies of these images.
        metadata: CSV file with the column file and any of patient, patient_id, group, source.
        out: Folder for audit.html, audit.json and actions.csv; nothing is written without it.
        fail_on: Exit with 1 where this is found; may be repeated.
        seed: Of the random splits and of cross-validation.
        as_json: Print what audit.json holds.
    """
    from keras_cxr._files import check_output
    from keras_cxr.audit.data_audit import audit_data
    from keras_cxr.audit.failures import find_failures
    from keras_cxr.audit.opened import check_apart

    if out is not None:
        check_apart(out, data, *([] if against is None else [against]))
        check_output(out)
    found = audit_data(data, against=against, metadata=metadata, seed=seed)
    text = str(found)
    if out is not None:
        found.write(out)
        text += f"\n\nPage, lists and actions: {out}"
    print_result(found.to_dict(), as_json, text)
    failed = find_failures(found, fail_on)
    for name, count in failed.items():
        print(f"Found {name}: {count:,} (--fail-on {name})", file=sys.stderr)
    return 1 if failed else 0
