import pandas as pd


def test_findings_hold_what_the_run_scored(run, audited_model):
    found, _, said = audited_model
    predictions = pd.read_csv(run / "predictions.csv")
    assert found.score.accuracy.value == (predictions["real"] == predictions["predicted"]).mean()
    keys = [finding.key for finding in found.findings]
    assert keys[:2] == ["score", "leaks"]
    assert {
        "controls",
        "unusual",
        "masked_inputs",
        "calibration",
        "sets",
        "selection",
        "lung_heat",
        "suspicious_labels",
    } <= set(keys)
    assert all(finding.sentence.endswith(".") for finding in found.findings)
    assert found.controls.epochs == 1
    assert f"{found.score.num_images} test images" in str(found).splitlines()[0]
    assert len(str(found).splitlines()) <= 24
    assert max(map(len, str(found).splitlines())) <= 80
    assert any(line.startswith("control 6 of 6") for line in said)
