"""`DataAudit`: its sentences, its document, its summary."""

import json


def test_findings_are_sentences_with_numbers(audited):
    values = {finding.key: finding.value for finding in audited.findings}
    assert values["duplicates"] == 20
    assert values["conflicts"] == 2
    assert values["copies_leak"] > 0
    low, high = next(one.interval for one in audited.findings if one.key == "copies_leak")
    assert low <= values["copies_leak"] <= high
    for finding in audited.findings:
        assert finding.sentence.endswith(".")
        assert any(character.isdigit() for character in finding.sentence)


def test_the_document_is_json_with_stable_names(audited):
    document = audited.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document) == [
        "schema_version",
        "keras_cxr",
        "folder",
        "layout",
        "num_images",
        "classes",
        "against",
        "duplicate_groups",
        "conflicts",
        "patients_across_classes",
        "leakage",
        "shortcuts",
        "flags",
        "findings",
        "notes",
    ]
    assert (document["schema_version"], document["folder"]) == (1, "films")
    assert document["classes"]["Normal"] == 6 + 2 + 1 + 1
    for group in (*document["duplicate_groups"], *document["conflicts"]):
        assert list(group) == ["files", "classes", "similarity", "kind"]
    assert list(document["flags"][0]) == ["file", "kind", "confidence", "detail"]


def test_the_summary_fits_a_screen(audited):
    lines = str(audited).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("films: 35 images (COVID")
