import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data import read_image
from keras_cxr.data.files.formats import read_header
from keras_cxr.data.files.headers import check_png
from keras_cxr.data.files.memory import MAX_PIXELS
from keras_cxr.errors import DataError
from tests.data.helpers import picture
from tests.data.picture_files import (
    COLOUR,
    DEEP,
    GREY,
    SMOOTH,
    exif,
    jpeg,
    png,
    saved,
    tiff,
)


@given(st.data())
def test_a_png_cut_anywhere_or_changed_in_its_pixels_is_refused(data):
    whole = png(picture(data.draw(st.integers(0, 9))))
    check_png(whole)
    cut = data.draw(st.integers(8, len(whole) - 1))
    with pytest.raises(DataError, match=r"truncated"):
        check_png(whole[:cut])
    start = whole.index(b"IDAT") + 4
    place = data.draw(st.integers(start, len(whole) - 17))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DataError, match="checksum"):
        check_png(bytes(changed))


@given(st.data())
def test_a_jpeg_cut_anywhere_is_refused(data):
    whole = jpeg(picture(data.draw(st.integers(0, 9))))
    read_header(whole, "jpeg")
    with pytest.raises(DataError, match="truncated"):
        read_header(whole[: data.draw(st.integers(2, len(whole) - 1))], "jpeg")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (tiff(GREY, pages=2), "several pages"),
        (tiff(GREY.astype(np.float32), t339=3), "floating-point"),
        (tiff(DEEP, t339=2), "signed"),
        (tiff(GREY.astype(np.uint32)), "32 bits a sample"),
        (tiff(GREY, t262=8), "colours are not read"),
        (tiff(np.dstack([GREY, GREY])), "colours are not read"),
        (tiff(np.dstack([COLOUR, GREY]), t338=2), "partly transparent"),
        (tiff(cv2.cvtColor(DEEP, cv2.COLOR_GRAY2BGR), t284=2), "each colour by itself"),
        (tiff(GREY)[:-400], "truncated"),
        (tiff(GREY, t279=10**6), "truncated"),
        (tiff(GREY, t273=[8, 9]), "where its pixels lie"),
        (tiff(GREY, t256=60_000, t257=60_000), "too large"),
        (tiff(GREY, t256=0), "0 x 20 pixels"),
        (b"II+\0" + bytes(60), "BigTIFF"),
        (cv2.imencode(".bmp", GREY)[1].tobytes()[:-9], "damaged: the BMP"),
        (cv2.imencode(".bmp", GREY)[1].tobytes()[:20], "truncated: the BMP"),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 60_000, -60_000) + bytes(99), "too large"),
        (cv2.imencode(".webp", COLOUR)[1].tobytes()[:-9], "truncated: the WebP"),
        (b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X\n\0\0\0\2" + bytes(30), "several pictures"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(tmp_path, data, problem):
    with pytest.raises(DataError, match=f"film: .*{problem}") as caught:
        read_image(saved(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_damaged_exif_turns_nothing():
    data = cv2.imencode(".jpg", SMOOTH)[1].tobytes()
    for body in (b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", exif(6)[:-5]):
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        assert read_header(data[:2] + segment + data[2:], "jpeg").orientation == 1


def test_largest_films_of_one_value_fit_the_pixel_cap():
    header = read_header(
        tiff(np.zeros((1, 1), np.uint8), t256=8_000, t257=MAX_PIXELS // 8_000), "tiff"
    )
    assert header.num_bytes == MAX_PIXELS
