import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from keras_cxr import build_lmap3
from keras_cxr.explain import METHODS, LayerMethod
from keras_cxr.explain.methods.making import make_method
from keras_cxr.heatmap_pages.write import COLUMNS, write_heatmaps
from keras_cxr.inference import Classifier

NAMES = ("COVID", "Normal")


@pytest.fixture(scope="module")
def classifier():
    """An untrained LMAP3 for two classes; only to be read."""
    keras.utils.set_random_seed(1)
    return Classifier(build_lmap3((96, 96, 1), 2), NAMES, {})


@pytest.fixture
def films(phantoms, tmp_path):
    """Three phantoms in a folder of their own."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in (1, 2, 3):
        shutil.copy(phantoms / "COVID" / "images" / f"COVID-{number}.png", folder)
    return folder


def write(classifier, folder, out, **options):
    return write_heatmaps(classifier, sorted(folder.iterdir()), out, **options)


def shown(path):
    """The picture's left and right half, in colour."""
    return np.split(cv2.imread(str(path)), 2, axis=1)


def links(page):
    return [unquote(link) for link in re.findall(r'(?:src|href)="(?!#|data:)([^"]+)"', page)]


def test_picture_table_and_page_belong_together(classifier, films, tmp_path):
    done = write(classifier, films, tmp_path / "out")
    assert tuple(done.table.columns) == COLUMNS
    written = pd.read_csv(tmp_path / "out" / "heatmaps.csv")
    names = [Path(file).name for file in done.table["heatmap"]]
    pd.testing.assert_frame_equal(written, done.table.assign(heatmap=names))
    probabilities = classifier.predict(np.stack([classifier.read(f) for f in done.table["file"]]))
    np.testing.assert_allclose(done.table["probability"], probabilities.max(axis=1))
    for _, row in done.table.iterrows():
        left, right = shown(row["heatmap"])
        assert (left == classifier.read(row["file"])).all()
        assert (left != right).any() == (not row["no_positive_evidence"])
    page = done.gallery.read_text()
    assert set(links(page)) == {f"COVID-{number}.png" for number in (1, 2, 3)}
    assert "Heat maps of 3 images" in page
    assert "<script" not in page
    assert "http" not in page


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_writes(classifier, films, tmp_path, name):
    done = write_heatmaps(classifier, [films / "COVID-1.png"], tmp_path / "out", method=name)
    row = done.table.iloc[0]
    assert row["method"] == name
    assert (row["layer"] == "input") != issubclass(METHODS[name], LayerMethod)
    assert METHODS[name].title in done.gallery.read_text()


def test_other_class_is_named_beside_the_answer(classifier, films, tmp_path):
    answers = write(classifier, films, tmp_path / "first").table["predicted"]
    other = next(name for name in NAMES if name != answers[0])
    done = write(classifier, films, tmp_path / "out", class_name=other)
    assert set(done.table["explained"]) == {other}
    assert list(done.table["predicted"]) == list(answers)
    page = done.gallery.read_text()
    assert f"explained, {answers[0]} answered" in page
    assert f"Answered {answers[0]}: " in page


def test_empty_map_is_said(films, tmp_path):
    model = build_lmap3((96, 96, 1), 2)
    model.layers[-1].kernel.assign(np.zeros(model.layers[-1].kernel.shape))
    done = write(Classifier(model, NAMES, {}), films, tmp_path / "out")
    assert done.table["no_positive_evidence"].all()
    left, right = shown(done.table["heatmap"][0])
    assert (left == right).all()
    page = done.gallery.read_text()
    assert page.count("no positive evidence</span>") == 3
    assert "3 maps are empty" in page


def test_contours_are_drawn(classifier, films, tmp_path):
    plain = write(classifier, films, tmp_path / "plain").table
    lined = write(classifier, films, tmp_path / "lined", contours=True).table
    changed = [
        (shown(before)[1] != shown(after)[1]).any()
        for before, after in zip(plain["heatmap"], lined["heatmap"], strict=True)
    ]
    assert changed == list(~plain["no_positive_evidence"])


def test_names_are_escaped_and_links_lead_to_files(classifier, films, tmp_path):
    names = ["<b>&amp;.png", "50% #1?.png", 'ä "x".png', "-1.png"]
    for name in names:
        shutil.copy(films / "COVID-1.png", films / name)
    done = write(classifier, films, tmp_path / "out")
    page = done.gallery.read_text()
    assert "<b>&amp;.png" not in page
    assert "&lt;b&gt;&amp;amp;.png" in page
    found = set(links(page))
    assert set(names) <= found
    assert all((tmp_path / "out" / link).is_file() for link in found)


def test_images_of_one_name_and_of_one_path(classifier, films, tmp_path):
    twin = films / "twin"
    twin.mkdir()
    shutil.copy(films / "COVID-2.png", twin / "COVID-1.png")
    files = [films / "COVID-1.png", twin / "COVID-1.png", films / "COVID-1.png"]
    done = write_heatmaps(classifier, files, tmp_path / "out")
    assert [file.split("out/")[1] for file in done.table["heatmap"]] == [
        "COVID-1.png",
        "twin-COVID-1.png",
    ]
    assert (shown(done.table["heatmap"][1])[0] == classifier.read(twin / "COVID-1.png")).all()
    assert "twin/COVID-1.png" in done.gallery.read_text()


def test_six_films_of_one_stem_keep_their_own_maps(classifier, films, tmp_path, monkeypatch):
    """Each row of the table leads from its film to the picture of that film, from anywhere."""
    files = []
    for number, place in enumerate(("a/film.jpg", "a/film.png", "a/Film.png", "b/film.png",
                                    "b/film", "b/film.jpeg")):  # fmt: skip
        file = films / place
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((96, 96), 20 + 30 * number, np.uint8)
        picture[: 10 + 10 * number, 20:70] = 250
        file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        files.append(file)
    monkeypatch.chdir(tmp_path)
    relative = [file.relative_to(tmp_path) for file in files]
    done = write_heatmaps(classifier, relative, Path("out"))
    assert list(done.table["file"]) == [str(file) for file in relative]
    monkeypatch.chdir("/")
    table = pd.read_csv(tmp_path / "out" / "heatmaps.csv")
    assert len({*table["heatmap"]}) == 6
    for row, file in zip(table.itertuples(), files, strict=True):
        assert (tmp_path / "out" / row.file).samefile(file)
        left, _ = shown(tmp_path / "out" / row.heatmap)
        assert (left == classifier.read(file)).all()
    monkeypatch.chdir(tmp_path)
    write_heatmaps(classifier, relative, Path("out"))  # its own pictures may be replaced


def test_pictures_of_somebody_else_are_not_written_over(classifier, films, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "COVID-2.png").write_bytes(b"mine")
    with pytest.raises(OSError, match=r"already holds COVID-2\.png but no earlier results"):
        write(classifier, films, out)
    assert [path.name for path in out.iterdir()] == ["COVID-2.png"]


def test_more_images_than_a_batch_and_some_broken(classifier, films, tmp_path):
    for number in range(4, 41):
        shutil.copy(films / f"COVID-{number % 3 + 1}.png", films / f"COVID-{number}.png")
    (films / "COVID-7.png").write_text("no image")
    done = write(classifier, films, tmp_path / "out")
    assert len(done.table) == 39
    assert [path.name for path in done.failed] == ["COVID-7.png"]
    assert done.table["heatmap"].is_unique
    page = done.gallery.read_text()
    assert page.count('loading="lazy"') == 39
    assert "Not read" in page
    one = write_heatmaps(classifier, [films / "COVID-39.png"], tmp_path / "one")
    row = done.table[done.table["file"] == str(films / "COVID-39.png")].iloc[0]
    assert row["probability"] == pytest.approx(one.table["probability"][0], rel=1e-5)


def test_broken_files_alone_leave_a_page_that_names_them(classifier, films, tmp_path):
    bad = films / "COVID-1.png"
    bad.write_bytes(bad.read_bytes()[:100])
    done = write_heatmaps(classifier, [bad], tmp_path / "out", check=True)
    assert len(done.table) == 0
    assert done.check is None
    assert "COVID-1.png" in done.gallery.read_text()


def test_page_of_an_earlier_call_does_not_outlive_it(classifier, films, tmp_path):
    done = write(classifier, films, tmp_path / "out")
    (films / "COVID-3.png").unlink()
    (tmp_path / "out" / "COVID-3.png").unlink()
    assert "COVID-3.png" not in write(classifier, films, tmp_path / "out").gallery.read_text()
    # a call that fails before it writes leaves the page alone
    with pytest.raises(ValueError, match="no class"):
        write(classifier, films, tmp_path / "out", class_name="Flu")
    assert done.gallery.is_file()


def test_images_in_the_out_folder_are_refused(classifier, films):
    before = sorted(films.iterdir())
    with pytest.raises(ValueError, match=r"COVID-1\.png lies in the folder .* name another folder"):
        write(classifier, films, films)
    assert sorted(films.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "grad-cam"}, "method must be one of gradcam, .* received 'grad-cam'"),
        ({"method": "saliency", "layer": "conv_5"}, "saliency looks .* takes no layer: leave"),
        ({"method": "occlusion", "placement": "stretch"}, "takes no placement: .* one of gradcam"),
        ({"placement": "centre"}, "placement must be one of stretch, receptive_field"),
        ({"layer": "conv_51"}, "conv_5"),
        ({"class_name": "Covid"}, "its classes are COVID, Normal"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    classifier, films, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        write(classifier, films, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_cells_are_drawn_where_they_look_unless_asked_otherwise(classifier, films):
    image = classifier.read(films / "COVID-1.png")[np.newaxis]
    default, placed, stretched = (
        make_method(classifier.model, "gradcam", placement=placement)(image, 0)
        for placement in (None, "receptive_field", "stretch")
    )
    np.testing.assert_array_equal(default, placed)
    assert (default != stretched).any()
