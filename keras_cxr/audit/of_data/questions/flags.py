"""Which files should be looked at, kept on disk so that the same pictures are judged once."""

from collections import Counter
from typing import Any

from keras_cxr._support.disk.documents import SHARE, Text
from keras_cxr._support.disk.memo import computed_once
from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.of_data.flags.find import FLAG_KINDS, Flag, find_flags, kind_in_words
from keras_cxr.audit.outcomes import Outcome

_METHOD = 3  # raised whenever the same pictures would be flagged otherwise
_FLAG = {
    "file": str,
    "kind": Text("|".join(FLAG_KINDS), "a kind of flag"),
    "confidence": SHARE,
    "detail": str,
}


def ask_flags(subject: AuditedData) -> Outcome:
    """Return the flagged files, and how many there are of each kind."""
    flags = _flags(subject)
    kinds = Counter(flag.kind for flag in flags)
    files = len({flag.file for flag in flags})
    named = ", ".join(f"{count:,} {kind_in_words(kind)}" for kind, count in kinds.most_common())
    verb = "is" if files < 2 else "are"
    total = f"{files or 'None'} of {len(subject.files):,} images"
    sentence = f"{total} {verb} flagged{f' ({named})' if files else ''}."
    return Outcome(flags, (Finding("flags", sentence, files),))


def _flags(subject: AuditedData) -> tuple[Flag, ...]:
    opened, attributes, seed = subject.opened, subject.attributes, subject.seed

    def find() -> dict[str, Any]:
        found = find_flags(attributes, opened.store.image, seed=seed)
        return {"flags": [flag.to_dict() for flag in found]}

    depends_on = [_METHOD, attributes.to_csv(), opened.checksums, seed]
    known = computed_once(opened.cache, "flags", depends_on, compute=find, form={"flags": [_FLAG]})
    return tuple(Flag(**{name: flag[name] for name in _FLAG}) for flag in known["flags"])
