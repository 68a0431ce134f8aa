"""The model card."""

import json

import yaml


def test_card_says_what_was_computed_in_the_hubs_form(audited_model):
    found, out, _ = audited_model
    text = (out / "model_card.md").read_text()
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["license"] == "apache-2.0"
    assert card["library_name"] == "keras"
    result = card["model-index"][0]["results"][0]
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert metrics["accuracy"] == round(found.score.accuracy.value, 4)
    for finding in found.findings:
        assert finding.sentence.replace("*", "\\*") in body
    document = json.loads((out / "model_card.json").read_text())
    assert document["schema_version"] == 1
    assert document["metrics"] == result["metrics"]
    assert document["files"] == ["calibrated.keras"]
    assert document["audit"]["score"]["num_images"] == found.score.num_images
