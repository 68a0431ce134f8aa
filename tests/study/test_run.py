import csv
import json
import re
import shutil

import keras
import pandas as pd
import pytest

from keras_cxr import run_study
from keras_cxr.runs.trust import counted_by_groups
from keras_cxr.study.demo import run_demo
from keras_cxr.study.jobs import limited
from keras_cxr.study.lesion_heat import measure_lesion_heat

PNG_FILES = {
    "confusion_matrix.png",
    "curves.png",
    "gradcam_answers.png",
    "gradcam_average.png",
    "predictions.png",
}


def study(phantoms, out, letters, **options):
    said = []
    options = {"image_size": (96, 96), **options}
    result = run_study(phantoms, out, letters, say=said.append, verbose=0, **options)
    return result, said


@pytest.fixture(scope="module")
def first(phantoms, tmp_path_factory):
    """Experiments A and C, one epoch each."""
    return study(phantoms, tmp_path_factory.mktemp("study"), "AC", epochs=1)


def test_every_promised_file_is_there(first):
    result, said = first
    assert said == [
        "A: LMAP3, full images, no augmentation",
        "C: LMAP3, lung section only, augmented",
    ]
    for letter in "AC":
        names = {file.name for file in (result.out_dir / letter).iterdir()}
        assert PNG_FILES | {"result.json", "split.csv", "predictions.csv", "run"} <= names
        assert (result.out_dir / letter / "run" / "last.keras").is_file()
    with (result.out_dir / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["experiment"] for row in rows] == ["A", "C"]
    assert [float(row["study_accuracy"]) for row in rows] == [0.90, 0.83]
    document = json.loads((result.out_dir / "results.json").read_text())
    assert document["schema_version"] == 1
    assert set(document["experiments"]) == {"A", "C"}


def test_a_row_of_ours_stands_beside_the_studys(first, phantoms):
    before, _ = first
    result, said = study(phantoms, before.out_dir, "AF", epochs=1)
    assert said == [
        "A: LMAP3, full images, no augmentation: done before, skipped",
        "F: LMAP3, full images, our recipe",
    ]
    assert pd.isna(result.table.loc["F", "study_accuracy"])
    settings = result.results["F"]["settings"]
    assert (settings["recipe"], settings["epochs"]) == ("best", 1)
    assert "recipe" not in result.results["A"]["settings"]  # as earlier releases wrote it
    report = result.report.read_text()
    assert "LMAP3, full images, our recipe (F) is a row of ours" in report
    assert "nan" not in re.sub(r"data:image/png;base64,[^\"]*", "", report).lower().split("<h1>")[1]
    assert "NaN" not in (result.out_dir / "results.json").read_text()
    shutil.rmtree(result.out_dir / "F")  # the other tests' experiments are A and C


def test_both_experiments_share_one_split(first):
    result, _ = first
    splits = [pd.read_csv(result.out_dir / letter / "split.csv") for letter in "AC"]
    pd.testing.assert_frame_equal(*splits)


def test_table_holds_what_the_predictions_say(first):
    result, _ = first
    for letter, row in result.table.iterrows():
        table = pd.read_csv(result.out_dir / letter / "predictions.csv")
        assert row["accuracy"] == (table["real"] == table["predicted"]).mean()
        assert row["test_images"] == len(table)
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
        assert row["seconds_per_epoch"] > 0
        assert row["epochs"] == 1


def test_table_and_audit_hold_one_interval_and_old_results_get_it_too(first):
    result, _ = first
    for letter, found in result.results.items():
        folder = result.out_dir / letter
        score = json.loads((folder / "model_audit.json").read_text())["score"]
        kept = found["evaluation"]
        for name in ("accuracy", "balanced_accuracy"):
            assert score[name]["value"] == pytest.approx(kept[name])
            assert score[name]["interval"] == pytest.approx(kept[f"{name}_interval"])
        # before groups counted there was no number of them, and other limits
        old = {name: value for name, value in kept.items() if name != "num_groups"}
        old["accuracy_interval"] = [0.0, 1.0]
        again = counted_by_groups(folder, {**found, "evaluation": old})["evaluation"]
        assert again["num_groups"] == kept["num_groups"]
        assert again["accuracy_interval"] == pytest.approx(kept["accuracy_interval"])
        assert counted_by_groups(folder, found) is found


def test_report_is_one_file_with_the_studys_figures(first):
    result, _ = first
    page = result.report.read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    for text in ("0.90", "22.1", "0.83", "35.9", "What differs from the study", "Phantoms, drawn"):
        assert text in page
    assert "Image size: 96 x 96 here, 224 x 224 in the study." in page
    assert page.count("data:image/png;base64,") >= 8
    assert str(result).startswith("  ") or "experiment" in str(result)


def test_report_asks_whether_to_believe_it(first):
    result, _ = first
    page = result.report.read_text().replace("&#39;", "'")
    section = page.split("Can you believe this?")[1].split("<h2")[0]
    assert section.count("<li>") == 5
    for letter in "AC":
        audit = json.loads((result.out_dir / letter / "model_audit.json").read_text())
        sentences = {row["key"]: row["sentence"] for row in audit["findings"]}
        for key in ("leaks", "masked_inputs", "calibration", "lung_heat"):
            assert sentences[key] in section
        tables = json.loads((result.out_dir / letter / "result.json").read_text())
        assert audit["score"]["accuracy"]["value"] == tables["evaluation"]["accuracy"]
    compared = json.loads((result.out_dir / "results.json").read_text())["comparison"]
    pair = compared["differences"][0]
    assert {pair["model"], pair["other"]} == {"A", "C"}
    assert "told apart" in section or "more than chance" in section


def test_done_experiments_are_skipped_and_new_ones_join_the_report(first, phantoms):
    result, _ = first
    model = result.out_dir / "A" / "run" / "last.keras"
    before = model.stat().st_mtime_ns
    audit = result.out_dir / "A" / "model_audit.json"
    kept = audit.read_text()
    audit.unlink()  # as an earlier version left it
    again, said = study(phantoms, result.out_dir, "AB", epochs=1)
    assert said == [
        "A: LMAP3, full images, no augmentation: done before, skipped",
        "B: LMAP3, full images, augmented",
    ]
    assert model.stat().st_mtime_ns == before
    assert audit.read_text() == kept
    assert list(again.table.index) == ["A", "B", "C"]


def test_more_epochs_go_on_from_the_earlier_run(first, phantoms, tmp_path):
    shutil.copytree(first[0].out_dir / "A", tmp_path / "A")
    first_loss = first[0].results["A"]["training"]["history"]["loss"]
    longer, said = study(phantoms, tmp_path, "A", epochs=2)
    assert said == ["A: LMAP3, full images, no augmentation"]
    assert longer.results["A"]["training"]["history"]["loss"][:1] == first_loss
    assert longer.table.loc["A", "epochs"] == 2


def test_vgg19_without_its_weights_ends_before_anything_is_trained(phantoms, tmp_path):
    missing = tmp_path / "absent.h5"
    missing.write_text("no weights")
    with pytest.raises(OSError, match=r"absent\.h5 does not fit"):
        study(phantoms, tmp_path / "out", "AE", epochs=1, weights=missing)
    assert not (tmp_path / "out" / "A").exists()


@pytest.mark.slow
def test_vgg19_falls_back_to_random_weights_only_when_asked(phantoms, tmp_path):
    missing = tmp_path / "absent.h5"
    missing.write_text("no weights")
    result, said = study(
        phantoms,
        tmp_path / "out",
        "E",
        epochs=1,
        vgg19_weights=missing,  # its former name
        allow_random_weights=True,
        image_size=(32, 32),
        max_images_per_class=5,
    )
    assert any("falling back to random weights, as asked" in line for line in said)
    assert result.table.loc["E", "parameters"] == 20_026_448
    assert result.results["E"]["settings"]["weights"] is None
    assert "not from Keras' ImageNet weights" in result.report.read_text().replace("&#39;", "'")


def test_first_weights_repeat_whatever_else_runs(first, phantoms, tmp_path):
    keras.utils.set_random_seed(7)  # what was drawn before must not matter
    alone, _ = study(phantoms, tmp_path, "C", epochs=1)
    losses = [one.results["C"]["training"]["history"]["loss"] for one in (alone, first[0])]
    assert losses[0] == losses[1]  # in the other study A was trained before it


@pytest.mark.parametrize("option", [{"augment": False}, {"region": "lungs"}])
def test_what_experiments_fix_cannot_be_set(phantoms, tmp_path, option):
    with pytest.raises(ValueError, match="The experiments themselves set"):
        study(phantoms, tmp_path / "out", "A", **option)
    assert not (tmp_path / "out").exists()


def test_limited_takes_as_many_as_asked_evenly_and_always_the_same(phantoms):
    table, root = limited(phantoms, 5)
    assert root == phantoms
    assert table["label"].value_counts().to_dict() == dict.fromkeys(
        ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"], 5
    )
    assert len(limited(phantoms, 100)[0]) == 48
    pd.testing.assert_frame_equal(table, limited(phantoms, 5)[0])
    with pytest.raises(ValueError, match="at least 1"):
        limited(phantoms, 0)


def test_demo_ends_with_report_and_lesion_heat(tmp_path):
    result = run_demo(
        tmp_path / "demo", epochs=1, images_per_class=10, say=lambda line: None, verbose=0
    )
    assert result.study.report.is_file()
    assert "Phantoms are drawings" in str(result)
    model = keras.saving.load_model(tmp_path / "demo" / "B" / "run" / "last.keras")
    again = measure_lesion_heat(model, tmp_path / "demo" / "phantoms")
    assert str(again) == str(result.lesions)
    shown = (tmp_path / "demo" / "B" / "gradcam_lesions.png").is_file()
    assert shown == (result.lesions.num_images > 0)
    assert ("Where the drawn lesions are" in result.study.report.read_text()) == shown
