"""What controls say, as sentences."""

import dataclasses

import pytest


def test_without_lungs_masks_the_first_sentence_is_about_the_border(trained):
    _, found, _ = trained
    scores = {key: score for key, score in found.scores.items() if key not in ("outside", "lungs")}
    first = dataclasses.replace(found, scores=scores).findings[0]
    assert first.key == "control_border"
    assert first.sentence.startswith("From the outer ring of the picture alone the same recipe")


def estimate_like(score, value, low, high):
    balanced = dataclasses.replace(score.balanced_accuracy, value=value, low=low, high=high)
    return dataclasses.replace(score, balanced_accuracy=balanced)


@pytest.mark.parametrize(
    ("low", "full_low", "most"), [(0.51, 0.79, True), (0.49, 0.79, False), (0.51, 0.24, False)]
)
def test_sentence_says_most_by_its_rule_alone(trained, low, full_low, most):
    _, found, _ = trained
    scores = {
        **found.scores,
        "full": estimate_like(found.scores["full"], 0.81, full_low, 0.83),
        "outside": estimate_like(found.scores["outside"], 0.72, 0.70, 0.74),
    }
    kept = {**found.kept, "outside": dataclasses.replace(found.kept["outside"], low=low)}
    sentence = str(dataclasses.replace(found, scores=scores, kept=kept).findings[0])
    assert sentence.startswith(
        "Without any lung in the picture the same recipe reaches 0.72 [0.70, 0.74] of the 0.81 "
        f"[{full_low}, 0.83] it reaches with them (balanced accuracy on "
    )
    assert sentence.endswith(": most of the score does not come from lungs.") is most
