"""`DataAudit`: its sentences, its document, its summary."""

import json
import re
from pathlib import Path

NAMES = [
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
"""Of version 1: each stays as long as the version does, others may join them."""


def documented():
    """The names in the last table of docs/audit.md."""
    page = Path(__file__).parents[3] / "docs" / "audit.md"
    rows = page.read_text().split("## audit.json")[1].splitlines()
    first = [row.split("|")[1] for row in rows if row.startswith("| `")]
    return [name for cell in first for name in re.findall(r"`(\w+)`", cell)]


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
    assert list(document) == documented()
    assert [name for name in document if name in NAMES] == NAMES
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
