"""What the files alone tell of the class, kept on disk so that it is measured once."""

from keras_cxr._support.disk.memo import computed_once
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.of_data.shortcuts.measure import measure_shortcuts
from keras_cxr.audit.of_data.shortcuts.result import FORM, Shortcuts
from keras_cxr.audit.outcomes import Outcome

_METHOD = 4  # raised whenever the same files would give other figures


def ask_shortcuts(subject: AuditedData) -> Outcome:
    """Return what `measure_shortcuts` finds; nothing is measured for images without classes."""
    found = _shortcuts(subject)
    return Outcome(found, found.findings, found.notes)


def _shortcuts(subject: AuditedData) -> Shortcuts:
    opened, attributes, labels = subject.opened, subject.attributes, subject.labels
    together, sources, seed = subject.together, list(subject.metadata.sources), subject.seed
    if not any(labels):
        return Shortcuts.unmeasured("the images have no classes, so no shortcut to one was sought")
    known = computed_once(
        opened.cache,
        "shortcuts",
        [_METHOD, attributes.to_csv(), opened.checksums, labels, together, sources, seed],
        compute=lambda: measure_shortcuts(
            attributes,
            labels,
            groups=together,
            sources=sources,
            image=opened.store.image,
            seed=seed,
        ).to_memo(),
        form=FORM,
    )
    return Shortcuts.from_memo(known)
