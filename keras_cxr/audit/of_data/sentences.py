"""What an audit of data found, as sentences that hold the number and what it was measured on."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.questions.copies import kinds_in_words
from keras_cxr.audit.of_data.questions.leakage import NUM_SPLITS, Leak

if TYPE_CHECKING:
    from keras_cxr.audit.of_data.audit import DataAudit

_NAMED = 3  # classes or kinds that one sentence names before it becomes a list


def state_findings(audit: "DataAudit") -> tuple[Finding, ...]:
    """Returns the findings, in the order in which they are read."""
    return (
        *_copies(audit),
        *(_leak(leak) for leak in audit.leaks if leak.by != "source" and leak.num_groups),
        *_patients(audit),
        *_flags(audit),
        *audit.shortcuts.findings,
    )


def _copies(audit: "DataAudit") -> Iterator[Finding]:
    groups = [group for group in audit.duplicate_groups if len(group.own) > 1]
    held = sum(len(group.own) for group in groups)
    total = f"{audit.num_images:,} images"
    if groups:
        sentence = (
            f"{held:,} of {total} show the same photograph as another one, in {len(groups):,} "
            f"{'group' if len(groups) == 1 else 'groups'} ({kinds_in_words(groups)})."
        )
    else:
        sentence = f"No photograph was found twice among {total}."
    yield Finding("duplicates", sentence, held)
    conflicts = audit.conflicts
    if len(audit.class_counts) > 1:
        pairs = Counter(" and ".join(group.classes) for group in conflicts)
        named = ", ".join(f"{pair}: {count:,}" for pair, count in pairs.most_common(_NAMED))
        sentence = "No photograph was found under two classes."
        if conflicts:
            one = len(conflicts) == 1
            sentence = (
                f"{len(conflicts):,} {'photograph stands' if one else 'photographs stand'} under "
                f"more than one class ({named}): at least one label of each is wrong."
            )
        yield Finding("conflicts", sentence, len(conflicts))
    if audit.against is not None:
        other = audit.against
        sentence = (
            f"{other.num_copies:,} of {other.num_images:,} images of {other.name} show a "
            f"photograph of {audit.name}"
        )
        if other.num_copies:
            sentence += f", {other.num_conflicts:,} of them under another class"
        yield Finding("against", f"{sentence}.", other.num_copies)


def _leak(leak: Leak) -> Finding:
    shared = "a copy" if leak.by == "copies" else f"an image of the same {leak.by}"
    known = "" if leak.by == "copies" else f" whose {leak.by} is known"
    if leak.split == "given":
        sentence = (
            f"In the parts as given, {leak.num_leaked:,.0f} of {leak.num_held_out:,.0f} "
            f"validation and test images{known} have {shared} in the training part."
        )
        return Finding(f"{leak.by}_leak_given", sentence, leak.num_leaked)
    low, high = leak.interval or (leak.num_leaked, leak.num_leaked)
    sentence = (
        f"For {leak.num_leaked:,.0f} of {leak.num_held_out:,.0f} validation and test images"
        f"{known}, a random 80/10/10 split puts {shared} into the training part (mean of "
        f"{NUM_SPLITS} splits; 95 % of them {low:,.0f} to {high:,.0f})."
    )
    return Finding(f"{leak.by}_leak", sentence, leak.num_leaked, leak.interval)


def _patients(audit: "DataAudit") -> Iterator[Finding]:
    if not audit.num_patients or not audit.class_counts:
        return
    found = len(audit.patients_across_classes)
    verb = "stands" if found == 1 else "stand"
    sentence = (
        f"{found:,} of {audit.num_patients:,} named patients {verb} under more than one class"
    )
    sentence += "; a follow-up may change class honestly." if found else "."
    yield Finding("patients_across_classes", sentence, found)


def in_words(kind: str) -> str:
    """Returns a kind of flag as a page names it."""
    words = {"not_an_xray": "unlike a chest X-ray", "narrow": "using little of their range"}
    return words.get(kind, kind)


def _flags(audit: "DataAudit") -> Iterator[Finding]:
    kinds = Counter(flag.kind for flag in audit.flags)
    files = len({flag.file for flag in audit.flags})
    named = ", ".join(f"{count:,} {in_words(kind)}" for kind, count in kinds.most_common())
    verb = "is" if files < 2 else "are"
    total = f"{files or 'None'} of {audit.num_images:,} images"
    yield Finding("flags", f"{total} {verb} flagged{f' ({named})' if files else ''}.", files)
