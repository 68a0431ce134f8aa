"""The command that asks whether to believe data, or a model that was trained on it: audit."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keras_cxr._support.quiet import import_keras_quietly
from keras_cxr.cli.common import AsJson, print_notes, print_result
from keras_cxr.errors import InvalidArgumentError

Switch = Annotated[bool, Parameter(negative="")]

# The keys of keras_cxr.audit.of_data.failures.FAILURES, whose room loads pandas.
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
    model: Path | None = None,
    quick: Switch = False,
    full: Switch = False,
    seeds: int = 1,
    seed: int = 0,
    as_json: AsJson = False,
) -> int:
    """Find copies, conflicting labels, leaks, shortcuts and odd files before you train.

    Nothing in the folder is changed. A finished audit exits with 0 whatever it finds, unless
    --fail-on names what must not be there. With --model, the questions go to a model that was
    trained on the folder: what it scores without lungs, whether it is as sure as it is right.

    Example: `keras-cxr audit my-xrays --out my-audit`

    Example: `keras-cxr audit my-xrays --model my-run --quick --out my-audit`

    Args:
        data: Folder of images in one of the known layouts, or a CSV file.
        against: Another folder or CSV file, such as an external test set, that must not hold
            copies of these images.
        metadata: CSV file with the column file and any of patient, patient_id, group, source;
            with --model, columns such as age or view, whose subgroups are scored apart.
        out: Folder for audit.html, audit.json and actions.csv; with --model for trust.html,
            model_card.md and model_audit.json. Nothing is written without it.
        fail_on: Exit with 1 where this is found; may be repeated.
        model: Folder of a run that was trained on these data; asks the model in place of the data.
        quick: Also train the run's recipe anew without lungs, on borders, on shuffled labels: at
            most 2,500 images and 8 epochs each.
        full: The same on all images, for the run's own epochs.
        seeds: How often --quick or --full trains the recipe on the images as they are.
        seed: Of the random splits, of cross-validation and of trainings.
        as_json: Print what audit.json or model_audit.json holds.
    """
    if model is not None:
        if against is not None or fail_on:
            raise InvalidArgumentError("--against and --fail-on are about data: leave --model out.")
        return _audit_model(
            data, model, controls=_controls(quick, full), metadata=metadata, out=out, seeds=seeds,
            seed=seed, as_json=as_json,
        )  # fmt: skip
    if quick or full or seeds != 1:
        raise InvalidArgumentError("--quick, --full and --seeds train a recipe: name --model RUN.")
    from keras_cxr._support.disk.outputs import DATA_AUDIT, check_free
    from keras_cxr.audit.of_data.audit import audit_data
    from keras_cxr.audit.of_data.failures import find_failures

    if out is not None:
        check_free(out, DATA_AUDIT, inputs=(data, against, metadata), called="audited")
    found = audit_data(data, against=against, metadata=metadata, seed=seed)
    text = str(found)
    if out is not None:
        found.write(out)
        text += f"\n\nPage, lists and actions: {out}"
    print_result(found.to_dict(), as_json, text)
    print_notes(found.left_out)
    failed = find_failures(found, fail_on)
    for name, count in failed.items():
        print(f"Found {name}: {count:,} (--fail-on {name})", file=sys.stderr)
    return 1 if failed else 0


def _controls(quick: bool, full: bool) -> str:
    if quick and full:
        raise InvalidArgumentError("--quick and --full exclude each other: choose one.")
    return "quick" if quick else "full" if full else "none"


def _audit_model(
    data: Path,
    model: Path,
    *,
    controls: str,
    metadata: Path | None,
    out: Path | None,
    seeds: int,
    seed: int,
    as_json: bool,
) -> int:
    import_keras_quietly()
    from keras_cxr._support.disk.outputs import MODEL_AUDIT, check_free
    from keras_cxr._support.progress import say
    from keras_cxr.audit.of_model.run_audit import audit_run

    if out is not None:
        check_free(out, MODEL_AUDIT, inputs=(data, metadata), model=model, called="audited")
    found = audit_run(
        model,
        data,
        controls=controls,
        metadata=metadata,
        out_dir=out,
        num_seeds=seeds,
        seed=seed,
        say=say,
    )
    text = str(found)
    if out is not None:
        found.write(out)
        text += f"\n\nPage and model card: {out}"
    print_result(found.to_dict(), as_json, text)
    return 0
