"""What can be used of what was found and read: files that exist, good images, their classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from keras_cxr.data.caching.reading import Record
from keras_cxr.data.catalog import PARTS, Catalog, Entry, listing
from keras_cxr.errors import DataError


def check_found(catalog: Catalog, *, on_error: str) -> None:
    """Refuse a data set that names files which do not exist, before any is read.

    Raises:
        DataError: Files are missing and `on_error` is "raise", or all are missing.
    """
    missing = [entry.file for entry in catalog.entries if entry.size < 0]
    if missing and (on_error == "raise" or len(missing) == len(catalog.entries)):
        raise DataError(
            f"{len(missing):,} of {len(catalog.entries):,} files of the {catalog.layout} do not "
            f"exist below {catalog.root}:\n{listing(missing)}\n"
            "Correct the paths, pass root= the folder that they are relative to, or leave single "
            'files out by on_error="skip".'
        )


def with_classes(catalog: Catalog, class_names: Sequence[str]) -> Catalog:
    """Return the catalog with these classes by index, images or no images of each.

    Raises:
        DataError: Images have other labels.
    """
    counts = Counter(entry.label for entry in catalog.entries)
    strange = [f"{label!r} ({counts[label]:,})" for label in sorted({*counts} - {*class_names})]
    if strange:
        raise DataError(
            f"The {catalog.layout} in {catalog.root} holds images of {', '.join(strange)}, none of "
            f"the classes {', '.join(class_names)}. Name their folders or labels as these classes, "
            "or leave them out."
        )
    return replace(catalog, names=tuple(class_names))


def absent_classes(catalog: Catalog) -> list[str]:
    """Return the classes that no image shows."""
    filled = {entry.label for entry in catalog.entries}
    return [name for name in catalog.class_names if name not in filled]


def check_classes(catalog: Catalog, *, named: bool = False) -> None:
    """Refuse a data set with fewer than two classes, or a class without images.

    Args:
        catalog: the images that are left.
        named: whether the user named the classes: then some may have no images.

    Raises:
        DataError: It says what to do.
    """
    names, empty = catalog.class_names, absent_classes(catalog)
    if empty and named and len(empty) < len(names):
        return
    if empty:
        raise DataError(
            f"No usable image of class {', '.join(map(repr, empty))} is left. Add some or leave "
            "the class out."
        )
    if len(names) == 1:
        raise DataError(
            f"Only one class was found, {names[0]!r} ({catalog.layout} in {catalog.root}): there "
            "is nothing to tell apart. Pass the folder that holds all class folders."
        )


def unseen(catalog: Catalog, parts: Sequence[str]) -> list[str]:
    """Return notes on classes that no part holds, or that the validation or test part lacks."""
    held = {(part, entry.label) for part, entry in zip(parts, catalog.entries, strict=True)}
    absent = absent_classes(catalog)
    notes = []
    if absent:
        notes.append(
            f"no image shows {', '.join(absent)}: a model of these classes can be tested here, but "
            "none trained"
        )
    return notes + [
        f"the part {part} holds no image of {', '.join(lacking)}"
        for part in PARTS
        if part in parts
        and (
            lacking := [
                name
                for name in catalog.class_names
                if name not in absent and (part, name) not in held
            ]
        )
    ]


def keep_good(
    catalog: Catalog,
    records: Sequence[Record],
    *,
    region: str,
    on_error: str,
    segmented: Mapping[int, str],
) -> tuple[list[int], list[str]]:
    """Return the rows that can be used, and notes on those that cannot.

    A missing or bad mask makes an image unusable where the region needs it, else only a note.

    Args:
        catalog: the images.
        records: what reading each of them told.
        region: that the model shall see.
        on_error: "raise" or "skip".
        segmented: rows whose lungs were looked for; "" where they were found, else why not.

    Raises:
        DataError: With every bad file, where `on_error` is "raise", or if no file is good.
    """
    entries = catalog.entries
    bad = {row: record.error for row, record in enumerate(records) if record.error}
    bad_images = len(bad)
    bad_masks = {row: one.mask_error for row, one in enumerate(records) if one.mask_error}
    no_mask = []
    if region != "full":
        bad.update({row: f"no lungs can be found: {why}" for row, why in segmented.items() if why})
        no_mask = [
            row
            for row, entry in enumerate(entries)
            if not entry.mask and row not in bad and row not in segmented
        ]
        bad.update(dict.fromkeys(no_mask, "no lung mask"))
        for row, text in bad_masks.items():
            bad.setdefault(row, f"mask {entries[row].mask}: {text}")
    lines = [f"{entries[row].file}: {bad[row]}" for row in sorted(bad)]
    total = len(entries)
    if bad and (on_error == "raise" or len(bad) == total):
        raise DataError(_message(len(bad), bad_images, len(no_mask), total, region, lines))
    notes = []
    if bad:
        notes.append(f"{len(bad):,} of {total:,} images were left out:\n{listing(lines)}")
    if bad_masks and region == "full":
        masks = [f"{entries[row].mask}: {text}" for row, text in bad_masks.items()]
        notes.append(f"{len(masks):,} mask file(s) cannot be used:\n{listing(masks)}")
    if region == "full" and not segmented and any(entry.mask for entry in entries):
        without = Counter(entry.label for entry in entries if not entry.mask)
        if without:
            notes.append(f"{without.total():,} image(s) have no mask file")
    notes += _describe_segmented(entries, segmented)
    return [row for row in range(total) if row not in bad], notes


def _describe_segmented(entries: Sequence[Entry], segmented: Mapping[int, str]) -> list[str]:
    """Return a note on the masks that are the segmenter's; none where there are none."""
    if not segmented:
        return []
    total = Counter(entry.label for entry in entries)
    found = Counter(entries[row].label for row, why in segmented.items() if not why)
    classes = ", ".join(f"{name} {found[name]:,} of {total[name]:,}" for name in sorted(total))
    note = f"{found.total():,} lung mask(s) are the segmenter's, not files ({classes})"
    asked = Counter(entries[row].label for row in segmented)
    if len({asked[name] / total[name] for name in total}) > 1:
        note += "; masks of two kinds may tell the classes apart"
    missing = len(segmented) - found.total()
    return [note, *([f"on {missing:,} image(s) no lungs can be found"] if missing else [])]


def _message(
    bad: int, bad_images: int, no_mask: int, total: int, region: str, lines: list[str]
) -> str:
    if bad == no_mask:
        head = f"{no_mask:,} of {total:,} images have no lung mask, which region={region!r} needs"
        advice = (
            'Add the masks (CLASS/masks, same file name), or pass masks="auto", which finds them, '
            'or region="full"'
        )
    else:
        head = f"{bad:,} of {total:,} images cannot be used"
        advice = "Repair or delete these files"
        if bad_images < bad:
            head += f" ({bad - bad_images:,} for want of a mask, which region={region!r} needs)"
    rest = "." if bad == total else ', or pass on_error="skip" to leave them out.'
    return f"{head}:\n{listing(lines)}\n{advice}{rest}"
