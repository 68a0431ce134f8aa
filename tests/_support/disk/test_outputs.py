from pathlib import Path

import cv2
import numpy as np
import pytest

import keras_cxr
from keras_cxr._support.disk.outputs import (
    DATA_AUDIT,
    EVALUATION,
    HEATMAPS,
    MODEL_AUDIT,
    PREDICTIONS,
    RUN,
    STUDY,
    check_free,
    check_free_file,
    signed_png,
)
from keras_cxr.errors import InvalidArgumentError, OutputError

OUTPUTS = {
    "heat maps": HEATMAPS,
    "evaluation": EVALUATION,
    "run": RUN,
    "study": STUDY,
    "audit": DATA_AUDIT,
    "model audit": MODEL_AUDIT,
}
CASES = [(name, file) for name, output in OUTPUTS.items() for file in output.files]


@pytest.mark.parametrize(("name", "file"), CASES)
def test_files_of_somebody_else_are_not_written_over(tmp_path, name, file):
    (tmp_path / file).write_text("mine")
    with pytest.raises(OutputError, match=rf"already holds {file} but no earlier results"):
        check_free(tmp_path, OUTPUTS[name])
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("name", OUTPUTS)
def test_earlier_results_are_replaced(tmp_path, name):
    output = OUTPUTS[name]
    assert set(output.signs) <= set(output.files)
    for sign, text in output.signs.items():
        folder = tmp_path / sign
        folder.mkdir()
        for file in output.files:
            (folder / file).write_bytes(b"")
        with pytest.raises(OutputError, match="no earlier results"):
            check_free(folder, output)
        (folder / sign).write_bytes(b"{ " + text)
        assert check_free(folder, output) == folder


def test_every_page_says_by_whom_it_was_written():
    pages = [
        path.read_text()
        for path in Path(keras_cxr.__file__).parent.rglob("*.html.j2")
        if "<head>" in path.read_text()
    ]
    assert len(pages) == 4
    for output in (HEATMAPS, STUDY, DATA_AUDIT, MODEL_AUDIT):
        page = next(sign for name, sign in output.signs.items() if name.endswith(".html"))
        assert all(page.decode() in text for text in pages)


def test_other_files_and_new_folders_are_no_hindrance(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert check_free(tmp_path, HEATMAPS, more=["film.png"]) == tmp_path
    assert check_free(tmp_path / "a" / "b", HEATMAPS) == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()


def test_inputs_are_never_written_over(tmp_path):
    table = tmp_path / "split.csv"
    table.write_text("file,class,part,group,mask\n")
    with pytest.raises(OutputError, match=r"split\.csv is an input and would be written over"):
        check_free(tmp_path, RUN, inputs=[table, None, 17])
    link = tmp_path / "elsewhere"
    link.mkdir()
    (link / "actions.csv").symlink_to(table)
    with pytest.raises(OutputError, match=r"actions\.csv is an input"):
        check_free(link, DATA_AUDIT, inputs=[table])


def test_folders_of_images_and_runs_stay_as_they_are(tmp_path):
    data, run = tmp_path / "data", tmp_path / "my-run"
    (data / "A").mkdir(parents=True)
    (run / "run").mkdir(parents=True)
    for place in (data, data / "A", data / "new", tmp_path / "x" / ".." / "data"):
        with pytest.raises(InvalidArgumentError, match="lies inside the data folder"):
            check_free(place, RUN, inputs=[data])
    assert check_free(tmp_path, RUN, inputs=[data]) == tmp_path
    (run / "split.csv").write_text("")
    (run / "run" / "run.json").write_text("")
    (run / "run" / "last.keras").write_text("")
    for model in (run, run / "run", run / "run" / "last.keras"):
        with pytest.raises(InvalidArgumentError, match="folder of the model's own run"):
            check_free(run, EVALUATION, model=model)
    assert check_free(run / "tested", EVALUATION, model=run) == run / "tested"


def test_one_file_is_written_over_by_its_own_kind_alone(tmp_path):
    file = tmp_path / "a.csv"
    assert check_free_file(file, PREDICTIONS) == file
    file.write_text("file,predicted,ill,well\n")
    assert check_free_file(file, PREDICTIONS) == file
    for text in ("file,label\n", "", "x"):
        file.write_text(text)
        with pytest.raises(OutputError, match=r"a\.csv is there already and no earlier table"):
            check_free_file(file, PREDICTIONS)
    with pytest.raises(OutputError, match="there already"):
        check_free_file(tmp_path, PREDICTIONS)
    with pytest.raises(OutputError, match=r"Cannot write .*: there is no folder"):
        check_free_file(tmp_path / "none" / "a.csv", PREDICTIONS)


def test_heat_maps_say_whose_they_are_and_stay_pictures(tmp_path):
    pixels = np.arange(600, dtype=np.uint8).reshape(20, 30)
    plain = cv2.imencode(".png", pixels)[1].tobytes()
    (tmp_path / "film.png").write_bytes(plain)
    with pytest.raises(OutputError, match=r"already holds film\.png but no"):
        check_free(tmp_path, HEATMAPS, more=["film.png"])
    (tmp_path / "film.png").write_bytes(signed_png(plain))
    assert check_free(tmp_path, HEATMAPS, more=["film.png"]) == tmp_path
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "film.png"), 0), pixels)
