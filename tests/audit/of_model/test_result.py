"""`ModelAudit`: its document."""

import json
import re
from pathlib import Path


def test_json_is_plain_and_names_every_part(audited_model):
    found, out, _ = audited_model
    document = json.loads((out / "model_audit.json").read_text())
    assert document["schema_version"] == 2
    assert document["data"]["images"]["COVID"]["test"] > 0
    for part in ("held_out", "masked", "controls", "confidence", "lung_heat"):
        assert document[part] is not None
    assert document["subgroups"] is None
    assert document["notes"] == [
        "Not measured: subgroups, since no two values of view have 30 test images or groups each."
    ]
    assert [row["sentence"] for row in document["findings"]] == [
        finding.sentence for finding in found.findings
    ]


def test_every_name_of_the_document_is_described(audited_model):
    found, _, _ = audited_model
    page = Path(__file__).parents[3] / "docs" / "trust.md"
    table = page.read_text().split("## model_audit.json")[1].split("##")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert set(found.to_dict()) - {"schema_version"} == named
    assert "`schema_version` is 2" in table
