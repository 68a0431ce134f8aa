"""Which photographs a data set holds several times, and under how many classes they stand."""

from collections import Counter
from collections.abc import Iterable, Iterator

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.base.copies import CopyGroup
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.outcomes import Outcome
from keras_cxr.data.duplicates.search import PAIR_KINDS

_NAMED = 3  # pairs of classes that one sentence names before it becomes a list


def ask_copies(subject: AuditedData) -> Outcome:
    """Return the groups of copies, what they say of labels, and what another data set shares."""
    findings = (*_duplicates(subject), *_conflicts(subject), *_against(subject))
    return Outcome(subject.copies.groups, findings)


def conflicts_among(groups: Iterable[CopyGroup]) -> tuple[CopyGroup, ...]:
    """Return the groups that are filed under several classes."""
    return tuple(group for group in groups if group.is_conflict)


def _duplicates(subject: AuditedData) -> Iterator[Finding]:
    groups = [group for group in subject.copies.groups if len(group.own) > 1]
    held = sum(len(group.own) for group in groups)
    total = f"{len(subject.files):,} images"
    sentence = f"No photograph was found twice among {total}."
    if groups:
        sentence = (
            f"{held:,} of {total} show the same photograph as another one, in {len(groups):,} "
            f"{'group' if len(groups) == 1 else 'groups'} ({_kinds_in_words(groups)})."
        )
    yield Finding("duplicates", sentence, held)


def _conflicts(subject: AuditedData) -> Iterator[Finding]:
    if len(subject.class_names) < 2:
        return
    conflicts = conflicts_among(subject.copies.groups)
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


def _against(subject: AuditedData) -> Iterator[Finding]:
    other = subject.copies.against
    if other is None:
        return
    sentence = (
        f"{other.num_copies:,} of {other.num_images:,} images of {other.name} show a "
        f"photograph of {subject.opened.name}"
    )
    if other.num_copies:
        sentence += f", {other.num_conflicts:,} of them under another class"
    yield Finding("against", f"{sentence}.", other.num_copies)


def _kinds_in_words(groups: Iterable[CopyGroup]) -> str:
    """Return how many groups there are of each kind, such as "44 exact, 170 near"."""
    kinds = [group.kind for group in groups]
    return ", ".join(f"{kinds.count(kind):,} {kind}" for kind in PAIR_KINDS if kind in kinds)
