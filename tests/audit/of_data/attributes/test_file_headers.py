import struct

import cv2
import numpy as np
import pytest

from keras_cxr.audit.of_data.attributes.file_headers import header_facts
from keras_cxr.audit.of_data.attributes.read import read_attributes
from keras_cxr.data import find_images
from keras_cxr.data.files.formats import PICTURE_FORMATS
from tests.data.dicom_files import film
from tests.data.helpers import picture

GREY = cv2.resize(picture(3), (60, 44), interpolation=cv2.INTER_LINEAR)
DEEP = GREY.astype(np.uint16) * 257
COLOUR = np.dstack([GREY, GREY // 2, GREY // 4])
BEST = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_WEBP_QUALITY, 101]


def attributes(folder):
    return read_attributes(find_images(folder, require_classes=False), verbose=False)


@pytest.mark.parametrize("kind", PICTURE_FORMATS)
def test_every_format_is_measured_and_none_is_called_damaged(tmp_path, kind):
    suffix = PICTURE_FORMATS[kind].suffixes[0]
    pictures = {"grey": GREY, "same": np.dstack([GREY] * 3), "colour": COLOUR}
    if kind in ("png", "tiff"):
        pictures |= {"deep": DEEP, "deepcolour": COLOUR.astype(np.uint16) * 257}
    for name, pixels in pictures.items():
        options = BEST if kind in ("jpeg", "webp") else []
        written = cv2.imwrite(str(tmp_path / f"{name}{suffix}"), pixels, options)
        assert written or name != "grey"  # there are formats without colours
    table = attributes(tmp_path)
    table.index = [name.removesuffix(suffix) for name in table.index]
    assert set(table["error"]) == {""}
    assert set(table["format"]) == {kind}
    assert (table[["height", "width"]].to_numpy() == GREY.shape).all()
    assert list(table["bit_depth"]) == [16 if "deep" in name else 8 for name in table.index]
    coloured = [name in ("colour", "deepcolour") for name in table.index]
    assert list(table["saturation"] > 0.1) == coloured
    assert (table["saturation"][np.invert(coloured)] == 0).all()
    assert (table["channels"][coloured] >= 3).all()
    assert (table["jpeg_quality"] == 92).all() == (kind == "jpeg")
    assert table.loc["grey", "grey_levels"] == pytest.approx(np.ptp(GREY), abs=12)
    if "deep" in table.index:
        assert table.loc["deep", "grey_levels"] == 257 * table.loc["grey", "grey_levels"]
    assert (table["bytes_per_pixel"] > 0).all()


def test_a_jpeg_with_inks(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow comes with matplotlib")
    image.fromarray(COLOUR[..., ::-1]).convert("CMYK").save(tmp_path / "inks.jpg", quality=90)
    row = attributes(tmp_path).iloc[0]
    assert row[["error", "format", "channels", "jpeg_quality"]].tolist() == ["", "jpeg", 4, 90]
    assert row["saturation"] > 0.1


def test_dicom(tmp_path):
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    film(tmp_path / "a.dcm", GREY.astype(np.uint16) * 16, bits=12)
    film(tmp_path / "b.dcm", COLOUR, bits=8, photometric="RGB")
    table = attributes(tmp_path)
    assert set(table["error"]) == {""}
    assert set(table["format"]) == {"dicom"}
    assert table["bit_depth"].tolist() == [12, 8]
    assert table["channels"].tolist() == [1, 3]
    assert (table[["height", "width"]].to_numpy() == GREY.shape).all()


def test_only_what_is_wrong_with_a_file_becomes_its_error(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), GREY)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:400])
    first, second = attributes(tmp_path)["error"]
    assert first == ""
    assert "truncated" in second

    def mistake(data):
        return {}[259]

    broken = PICTURE_FORMATS["png"].__class__("PNG", (".png",), lambda data: True, mistake)
    monkeypatch.setitem(PICTURE_FORMATS, "png", broken)
    with pytest.raises(KeyError, match="259"):
        attributes(tmp_path)


@pytest.mark.parametrize("size", [1, 2])
def test_tables_of_a_jpeg_of_8_and_16_bits(size):
    data = cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()
    start = data.index(b"\xff\xdb")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    values = data[start + 5 : start + 69]
    wide = struct.pack(">64H", *values) if size == 2 else values
    table = bytes([(size - 1) << 4]) + wide
    segment = b"\xff\xdb" + struct.pack(">H", len(table) + 2) + table
    facts = header_facts(data[:start] + segment + data[start + 2 + length :])
    assert facts["jpeg_quality"] == 60
