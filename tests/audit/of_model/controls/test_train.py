import json

from tests.audit.of_model.controls.helpers import controls

KEYS = ["full", "outside", "lungs", "border", "thumbnail", "shuffled"]


def test_controls_are_kept_and_an_interrupted_one_goes_on(datasets, model, trained):
    folder, found, said = trained
    assert list(found.scores) == KEYS
    assert len(found.seeds) == 2
    assert [line.split(": ")[1].split(",")[0] for line in said] == [
        "as the model is meant to see them", "lungs removed", "lungs only", "border only",
        "24 x 24 thumbnails", "labels shuffled", "seed 1",
    ]  # fmt: skip
    assert found.findings[0].key == "controls"
    assert found.findings[-1].key == "seeds"
    json.dumps(found.to_dict(), allow_nan=False)
    # as if killed between training and testing: the weights are read, nothing is trained
    (folder / "border" / "control.json").unlink()
    run = (folder / "border" / "run" / "run.json").read_text()
    again, said = controls(datasets, model, folder, num_seeds=2)
    assert (folder / "border" / "run" / "run.json").read_text() == run
    assert sum("skipped" in line for line in said) == 6
    assert again.to_dict() == found.to_dict()


def test_a_control_of_other_settings_is_trained_anew(datasets, model, trained):
    folder, found, _ = trained
    place = folder / "shuffled"
    other = json.loads((place / "control.json").read_text()) | {"seed": 7}
    for name in ("begun.json", "control.json"):
        (place / name).write_text(json.dumps(other))
    before = (place / "run" / "run.json").stat().st_mtime_ns
    again, said = controls(datasets, model, folder, num_seeds=2)
    assert [line for line in said if "skipped" not in line] == ["control 6 of 7: labels shuffled"]
    assert (place / "run" / "run.json").stat().st_mtime_ns > before
    assert again.to_dict() == found.to_dict()
