"""Shortcuts in sentences."""

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.shortcuts.models import Reach
from keras_cxr.statistics.intervals.estimates import Estimate

TAG = "DICOM "
"""In front of a tag's keyword in the names of what was asked."""

_WORDS = {
    "dicom": "what DICOM headers say besides the picture",
    "size": "the size of the pictures",
    "format": "file format and compression",
    "border": "constant borders",
    "marks": "marks in the corners",
    "brightness": "mean brightness and contrast",
    "sharpness": "sharpness",
    "histogram": "the histogram of grey values",
}


def shortcut_findings(
    found: dict[str, Reach],
    *,
    carrier: str,
    majority: tuple[str, float],
    chance: float,
    num_images: int,
) -> tuple[Finding, ...]:
    """Return the findings, each with its number, its interval and what guessing reaches.

    Args:
        found: what each set of inputs reaches.
        carrier: the family that carries most, or "".
        majority: (name, share) of the largest class.
        chance: balanced accuracy of guessing.
        num_images: how many images were judged.
    """
    guess = f"always saying {majority[0]} is right for {_percent(majority[1])}"
    told, balanced = found["attributes"]
    findings = [
        Finding(
            "shortcuts",
            f"File attributes alone (size, format, borders, marks, brightness, sharpness, "
            f"histogram) tell the class of {_interval(told)} of {num_images:,} images; {guess}. "
            f"Balanced accuracy: {balanced.text(2)}, guessing: {chance:.2f}.",
            balanced.value,
            balanced.interval,
        )
    ]
    if carrier:
        reached = found[carrier].balanced_accuracy
        sentence = (
            f"Of single families, {_WORDS[carrier]} ({carrier!r}) carries most: balanced accuracy "
            f"{reached.text(2)} on {num_images:,} images, guessing {chance:.2f}: no other family "
            "of attributes is better beyond the intervals."
        )
        findings.append(Finding("shortcut_carrier", sentence, reached.value, reached.interval))
        if carrier == "dicom":
            tag = max(
                (name for name in found if name.startswith(TAG)),
                key=lambda name: found[name].balanced_accuracy.value,
            )
            reached = found[tag].balanced_accuracy
            sentence = (
                f"Of single DICOM tags, {tag.removeprefix(TAG)} carries most: from it alone, "
                f"balanced accuracy is {reached.text(2)}, guessing {chance:.2f}."
            )
            findings.append(Finding("dicom_tag", sentence, reached.value, reached.interval))
    else:
        sentence = (
            "No single family of file attributes tells the classes better than guessing "
            f"({chance:.2f}) beyond its interval, on {num_images:,} images."
        )
        findings.append(Finding("shortcut_carrier", sentence))
    for name, key, words in (
        ("thumbnails", "thumbnails", "24 x 24 pixels, in which no lesion can be made out,"),
        ("border pixels", "border_pixels", "the outermost ring of 24 x 24 pixels"),
        ("source", "source", "the source of an image"),
    ):
        if name in found:
            told, balanced = found[name]
            sentence = (
                f"From {words} alone, the class is told right for {_interval(told)} of "
                f"{num_images:,} images; {guess}. Balanced accuracy: {balanced.text(2)}, "
                f"guessing: {chance:.2f}."
            )
            findings.append(Finding(key, sentence, balanced.value, balanced.interval))
    return tuple(findings)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(estimate: Estimate) -> str:
    low, high = estimate.interval
    return f"{_percent(estimate.value)} [{100 * low:.1f}, {100 * high:.1f}]"
