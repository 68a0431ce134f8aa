"""The card of a preset, as the Hugging Face hub reads it: what is known, and what is not."""

import re
from collections.abc import Sequence
from typing import Any

from keras_cxr._support.text.markdown import markdown_text
from keras_cxr.data.datasets import Datasets
from keras_cxr.evaluation.result import Evaluation
from keras_cxr.statistics.conformal import ConformalSets

_TAGS = ("keras-cxr", "chest-x-ray", "medical-imaging", "image-classification")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*")
_UNKNOWN = "Not stated by whoever saved this preset."
DISCLAIMER = (
    "For research only. It is not a medical device: no answer of it may decide on the care of a "
    "person. Test it on films whose findings you know before you rest anything on it."
)


def front_matter(license: str) -> str:
    """Return the head of a card that the hub reads: licence, tags and library.

    Args:
        license: an identifier of the hub, such as "cc-by-4.0", in either case; another text is
            its "other" with a name, and "" its "unknown".

    Examples:
        >>> print(front_matter("CC0-1.0").splitlines()[1])
        license: cc0-1.0
    """
    given = " ".join(license.split())
    lines = [f"license: {given.lower() or 'unknown'}"]
    if given and not _IDENTIFIER.fullmatch(given.lower()):
        quoted = given.replace("\\", "\\\\").replace('"', '\\"')
        lines = ["license: other", f'license_name: "{quoted}"']
    lines += ["library_name: keras-cxr", "pipeline_tag: image-classification", "tags:"]
    return "\n".join(["---", *lines, *(f"- {tag}" for tag in _TAGS), "---", ""])


def with_front_matter(card: str, license: str) -> str:
    """Return a card of one's own with the head that the hub reads, where it has none."""
    return card if card.startswith("---\n") else f"{front_matter(license)}\n{card}"


def describe(
    preset: dict[str, Any],
    *,
    title: str,
    num_parameters: int,
    sources: Sequence[str],
    datasets: Datasets | None,
    evaluation: Evaluation | None,
    prediction_sets: ConformalSets | None,
) -> str:
    """Return the card of a preset, from what it holds and what was given; no claim besides.

    Args:
        preset: what `preset.json` will hold.
        title: name of the preset.
        num_parameters: of the network.
        sources: where the images came from, with their licences, a line each.
        datasets: what it was trained on.
        evaluation: its scores on films that it was not trained on.
        prediction_sets: that the preset holds.
    """
    data, shape = preset["data"], preset["model"]["arguments"]["input_shape"]
    classes = ", ".join(map(markdown_text, preset["class_names"]))
    parts = {
        "": markdown_text(preset["description"]) if preset["description"] else "",
        "Model": (
            f"{markdown_text(preset['model']['name'])}, {num_parameters:,} parameters, images of "
            f"{' x '.join(map(str, shape))} (height, width, channels; float32 in [0, 255]). "
            f"Classes: {classes}."
        ),
        "Images": _images(sources, datasets),
        "Films are read": (
            f"as {data['color_mode']}, stretched to {data['image_size'][0]} x "
            f"{data['image_size'][1]}; grey values: {markdown_text(data['intensity'])}; region: "
            f"{markdown_text(data['region'])}."
        ),
        "Scores": _scores(evaluation),
        "Calibration": (
            "Scores are not divided by any temperature: whether the probabilities are calibrated "
            "is not known."
            if preset["temperature"] == 1
            else f"Scores are divided by the temperature {preset['temperature']:.3g}."
        ),
        "Prediction sets": _sets(prediction_sets),
        "Use": (
            "```python\nfrom keras_cxr.inference import Classifier\n\n"
            'classifier = Classifier.from_preset("FOLDER")  # or "hf://owner/name"\n```'
        ),
        "Limits": DISCLAIMER,
    }
    sections = (f"## {name}\n\n{text}\n" if name else f"{text}\n" for name, text in parts.items())
    body = "\n".join(section for section in sections if section.strip())
    return f"{front_matter(preset['license'])}\n# {markdown_text(title)}\n\n{body}"


def _images(sources: Sequence[str], datasets: Datasets | None) -> str:
    lines = [f"- {markdown_text(one)}" for one in sources] or [_UNKNOWN]
    if datasets is not None:
        trained = datasets.table["class"][datasets.table["part"] == "train"]
        each = ", ".join(
            f"{markdown_text(name)} {(trained == name).sum():,}" for name in datasets.class_names
        )
        lines += ["", f"Trained on {len(trained):,} images: {each}."]
    return "\n".join(lines)


def _scores(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return _UNKNOWN
    metrics = evaluation.metrics
    lines = [
        f"On {len(evaluation.predictions):,} images, with 95 % intervals: accuracy "
        f"{_interval(metrics.accuracy, metrics.accuracy_interval)}, balanced accuracy "
        f"{_interval(metrics.balanced_accuracy, metrics.balanced_accuracy_interval)}.",
        "",
        "| Class | Images | Recall |",
        "|---|---|---|",
    ]
    for name, row in evaluation.per_class.iterrows():
        recall = _interval(row["recall"], (row["recall_low"], row["recall_high"]))
        lines.append(f"| {markdown_text(name)} | {row['support']:,.0f} | {recall} |")
    return "\n".join(lines)


def _interval(value: float, limits: Any) -> str:
    low, high = limits
    return "unknown" if value != value else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _sets(sets: ConformalSets | None) -> str:
    if sets is None:
        return "None: how sure an answer is, its probability alone says."
    counted = ", ".join(
        f"{markdown_text(name)} {count:,}"
        for name, count in zip(sets.class_names, sets.num_calibration, strict=True)
    )
    return (
        f"`prediction_sets.json` holds a threshold for each class, fitted to put the real class "
        f"into the set of {sets.coverage:.0%} of films like those it was fitted on ({counted})."
    )
