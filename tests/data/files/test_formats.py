"""What holds for every format in the table."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.files.formats import (
    IMAGE_SUFFIXES,
    PICTURE_FORMATS,
    grey_pixels,
    kind_of,
    read_header,
)
from keras_cxr.data.files.images import grey_film
from keras_cxr.errors import DataError
from tests.data.helpers import picture
from tests.data.picture_files import jpeg, png

GREY = cv2.resize(picture(3), (60, 44), interpolation=cv2.INTER_LINEAR)


BEST = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_WEBP_QUALITY, 101]


def encoded(suffix):
    options = BEST if suffix in (".jpg", ".jpeg", ".webp") else []
    return cv2.imencode(suffix, GREY, options)[1].tobytes()


@pytest.mark.parametrize("kind", PICTURE_FORMATS)
def test_a_file_is_recognised_measured_and_decoded(kind):
    for suffix in PICTURE_FORMATS[kind].suffixes:
        assert suffix in IMAGE_SUFFIXES
        data = encoded(suffix)
        assert [one for one in PICTURE_FORMATS if PICTURE_FORMATS[one].begins(data)] == [kind]
        assert kind_of(data) == kind
        header = read_header(data, kind)
        assert (header.height, header.width, header.bit_depth) == (*GREY.shape, 8)
        assert header.num_bytes >= GREY.nbytes
        difference = np.abs(grey_pixels(data, kind).astype(int) - GREY)
        assert difference.max() <= (2 if kind == "jpeg" else 0)


@pytest.mark.parametrize("kind", PICTURE_FORMATS)
@given(drawn=st.data())
def test_a_file_that_is_cut_off_is_refused_and_nothing_else_happens(kind, drawn):
    data = encoded(PICTURE_FORMATS[kind].suffixes[0])
    cut = data[: drawn.draw(st.integers(0, len(data) - 1))]
    with pytest.raises(DataError, match=r"empty|truncated|damaged|not a PNG"):
        grey_film(cut)


@pytest.mark.parametrize("kind", PICTURE_FORMATS)
@given(drawn=st.data())
def test_a_changed_header_gives_a_picture_or_a_reason(kind, drawn):
    data = bytearray(encoded(PICTURE_FORMATS[kind].suffixes[0]))
    last = min(len(data), 600) - 1
    for _ in range(drawn.draw(st.integers(1, 3))):
        data[drawn.draw(st.integers(0, last))] = drawn.draw(st.integers(0, 255))
    try:
        assert grey_film(bytes(data)).image.dtype == np.uint8
    except DataError as error:
        assert str(error)  # noqa: PT017


def test_all_formats_are_named_where_a_file_is_none():
    names = ", ".join(one.name for one in PICTURE_FORMATS.values())
    with pytest.raises(DataError, match=f"not a {names} or DICOM image"):
        kind_of(b"a text, not a picture")


def test_kinds():
    assert kind_of(png(picture(1))) == "png"
    assert kind_of(jpeg(picture(1))) == "jpeg"
    assert kind_of(b"\x00" * 128 + b"DICM") == "dicom"
    assert kind_of(b"II*\x00" + bytes(124) + b"DICM") == "dicom"  # a preamble for TIFF viewers
    assert kind_of(b"\x02\x00\x00\x00UL\x04\x00" + bytes(9)) == "dicom"  # without a preamble
    assert kind_of(b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100") == "dicom"
    assert kind_of(cv2.imencode(".tif", picture(1))[1].tobytes()) == "tiff"
    assert kind_of(cv2.imencode(".bmp", picture(1))[1].tobytes()) == "bmp"
    assert kind_of(cv2.imencode(".webp", picture(1))[1].tobytes()) == "webp"
    for text in (b"BM is no picture", b"\x08\x00\x05\x00" + bytes(3) + b"\x7f" + bytes(9)):
        with pytest.raises(DataError, match="not a PNG"):
            kind_of(text)
