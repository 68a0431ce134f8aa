import json

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.audit.of_data.attributes.file_headers import header_facts
from keras_cxr.audit.of_data.attributes.picture_measures import BINS, CORNERS, measure_picture
from keras_cxr.audit.of_data.attributes.read import NUMBERS, read_attributes
from keras_cxr.data import find_images
from keras_cxr.errors import DataError
from keras_cxr.phantoms.draw import draw_phantom

FILM = draw_phantom("Normal", 3, image_size=(96, 80)).image


def read(root, **options):
    return read_attributes(find_images(root), verbose=False, **options)


def save(path, pixels, *options):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels, list(options))
    return path


@pytest.mark.parametrize("quality", [1, 20, 49, 50, 75, 92, 100])
def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_with(quality):
    data = cv2.imencode(".jpg", FILM, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    header = header_facts(data)
    assert header["jpeg_quality"] == quality
    assert header["format"] == "jpeg"
    assert (header["height"], header["width"], header["channels"]) == (96, 80, 1)


def test_facts_of_each_file_by_content_not_by_name(tmp_path):
    root = tmp_path / "films"
    save(root / "a" / "grey.png", FILM)
    save(root / "a" / "deep.png", FILM.astype(np.uint16) * 257)
    save(root / "a" / "same.png", np.dstack([FILM] * 3))
    coloured = np.dstack([FILM, FILM // 2, FILM // 4])
    save(root / "b" / "coloured.png", coloured)
    save(root / "b" / "film.jpg", FILM).rename(root / "b" / "film.png")
    (root / "b" / "cut.png").write_bytes((root / "a" / "grey.png").read_bytes()[:900])
    table = read(root)
    assert list(table.index) == [entry.file for entry in find_images(root).entries]
    table.index = table.index.str.rpartition("/").get_level_values(2)
    assert dict(table["format"]) == {
        "deep.png": "png",
        "grey.png": "png",
        "same.png": "png",
        "coloured.png": "png",
        "cut.png": "png",
        "film.png": "jpeg",
    }
    assert table.loc["deep.png", ["bit_depth", "channels"]].tolist() == [16, 1]
    assert table.loc["same.png", ["channels", "saturation"]].tolist() == [3, 0]
    assert table.loc["coloured.png", "saturation"] > 0.2
    assert table.loc["grey.png", "brightness"] == pytest.approx(FILM.mean() / 255, abs=0.01)
    assert table.loc["grey.png", "aspect"] == 80 / 96
    assert "truncated" in table.loc["cut.png", "error"]
    assert np.isnan(table.loc["cut.png", "brightness"])
    assert (table.drop("cut.png")["error"] == "").all()
    assert table.drop("cut.png")[list(BINS)].sum(axis=1).tolist() == pytest.approx([1.0] * 5)


def test_borders_are_measured_on_each_side():
    image = cv2.copyMakeBorder(FILM, 10, 20, 30, 40, cv2.BORDER_CONSTANT, value=5)
    found = measure_picture(image)
    height, width = image.shape
    assert found["border_top"] == pytest.approx(10 / height, abs=2 / height)
    assert found["border_bottom"] == pytest.approx(20 / height, abs=2 / height)
    assert found["border_left"] == pytest.approx(30 / width, abs=2 / width)
    assert found["border_right"] == pytest.approx(40 / width, abs=2 / width)


@pytest.mark.parametrize("number", range(4))
def test_a_letter_is_found_in_its_corner(number):
    plain = np.full((224, 224), 60, np.uint8)
    at = ((6, 40), (190, 40), (6, 210), (190, 210))[number]
    marked = cv2.putText(plain.copy(), "R", at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 230, 2)
    found = measure_picture(marked)
    assert [found[name] > 0 for name in CORNERS] == [place == number for place in range(4)]
    assert measure_picture(plain)["mark_most"] == 0


def test_a_blurred_picture_is_less_sharp_and_a_darker_one_darker():
    found = measure_picture(FILM)
    assert measure_picture(cv2.GaussianBlur(FILM, (0, 0), 2))["sharpness"] < found["sharpness"]
    assert measure_picture(FILM // 2)["brightness"] < found["brightness"]


def test_a_second_call_opens_no_file_and_a_changed_file_is_read_again(phantoms, tmp_path):
    catalog = find_images(phantoms)
    first = read_attributes(catalog, folder=tmp_path, verbose=False)
    (remembered,) = tmp_path.glob("attributes-*.json")
    assert (first[list(NUMBERS)].dtypes == np.float64).all()
    elsewhere = catalog.__class__(tmp_path / "gone", "", "", catalog.entries)
    again = read_attributes(elsewhere, folder=tmp_path, verbose=False)
    pd.testing.assert_frame_equal(first, again)
    content = json.loads(remembered.read_text())
    content["rows"][0][0] = "wide"
    for damaged in (json.dumps(content), "{}"):  # read anew
        remembered.write_text(damaged)
        again = read_attributes(catalog, folder=tmp_path, verbose=False)
        pd.testing.assert_frame_equal(first, again)
    changed = tuple(entry._replace(time=entry.time + 1) for entry in catalog.entries)
    other = catalog.__class__(tmp_path / "gone", "", "", changed)
    assert (read_attributes(other, folder=tmp_path, verbose=False)["error"] != "").all()


def test_a_header_that_is_none_is_refused():
    with pytest.raises(DataError, match="not a PNG, JPEG, TIFF"):
        header_facts(b"something else")
    with pytest.raises(DataError, match="the PNG has no header"):
        header_facts(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(DataError, match="the JPEG has no frame header"):
        header_facts(b"\xff\xd8\xff\xda\x00\x02" + bytes(8))


def test_dicom_facts_come_from_the_header_and_name_nobody(real_data):
    files = sorted((real_data / "dicom").glob("*.dcm"))
    frame = pd.DataFrame({"file": [str(file) for file in files], "label": "film"})
    table = read_attributes(find_images(frame), verbose=False)
    assert set(table["photometric"]) == {"MONOCHROME1", "MONOCHROME2"}
    assert set(table["body_part"]) == {"CHEST"}
    assert set(table["bit_depth"]) == {8, 15}
    assert not [name for name in table.columns if "patient" in name.lower()]
