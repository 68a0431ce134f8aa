"""Every kind of picture file gives the same grey picture, upright, or one reason why not."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.data.files.headers import check_png
from keras_cxr.data.files.images import grey_image, lung_mask
from keras_cxr.errors import DataError
from tests.data.picture_files import (
    COLOUR,
    DEEP,
    GREY,
    SMOOTH,
    exif,
    png_header,
    saved,
    tiff,
)


def test_decoder_that_gives_up(tmp_path):
    # whole by its chunks, but the stream of pixels stops early
    body = b"IDAT" + zlib.compress(b"\x00")
    header = png_header(50, 50)
    data = header[:33] + struct.pack(">I", len(body) - 4) + body
    data += struct.pack(">I", zlib.crc32(body)) + header[33:]
    (tmp_path / "short.png").write_bytes(data)
    check_png(data)
    with pytest.raises(DataError, match=r"short\.png: "):
        read_image(tmp_path / "short.png")


MASK = np.greater(GREY, GREY.max() / 2)


@pytest.mark.parametrize(
    ("suffix", "pixels", "options"),
    [
        (".tif", GREY, []),
        (".tif", COLOUR, [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]),
        (".tif", DEEP, []),
        (".tif", DEEP, [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE]),
        (".tif", cv2.cvtColor(DEEP, cv2.COLOR_GRAY2BGR), []),
        (".bmp", GREY, []),
        (".bmp", COLOUR, []),
        (".webp", COLOUR, [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".png", np.dstack([COLOUR, np.full_like(GREY, 9)]), []),
    ],
)
def test_every_kind_gives_the_same_grey(tmp_path, suffix, pixels, options):
    path = tmp_path / f"film{suffix}"
    assert cv2.imwrite(str(path), pixels, options)
    np.testing.assert_array_equal(read_image(path)[..., 0], GREY)
    np.testing.assert_array_equal(lung_mask(path, GREY.shape), MASK)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("pixels", "tags"),
    [
        (GREY, {}),
        (DEEP, {}),
        (255 - GREY, {"t262": 0}),
        (65535 - DEEP, {"t262": 0}),
        (COLOUR, {}),
        (np.dstack([COLOUR, np.full_like(GREY, 255)]), {"t338": 2}),
    ],
)
def test_tiff_of_either_byte_order_and_with_white_as_zero(tmp_path, order, pixels, tags):
    path = saved(tmp_path, tiff(pixels, order=order, **tags))
    np.testing.assert_array_equal(read_image(path)[..., 0], GREY)


def with_exif(data, orientation):
    """A JPEG with a segment, a PNG with a chunk that holds the orientation."""
    body = exif(orientation)
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    chunk = b"eXIf" + body[6:]
    whole = struct.pack(">I", len(body) - 6) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + whole + data[33:]


UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.T,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].T,
    8: lambda stored: np.rot90(stored),
    9: lambda stored: stored,
}


@pytest.mark.parametrize("orientation", list(UPRIGHT))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_films_are_turned_as_exif_says(tmp_path, orientation, suffix, channels):
    pixels = SMOOTH if channels == 1 else cv2.cvtColor(SMOOTH, cv2.COLOR_GRAY2BGR)
    if suffix == ".tif":
        data, stored = tiff(pixels, t274=orientation), SMOOTH
    else:
        plain = cv2.imencode(suffix, pixels)[1].tobytes()
        data, stored = with_exif(plain, orientation), grey_image(saved(tmp_path, plain))
    found = grey_image(saved(tmp_path, data))
    np.testing.assert_array_equal(found, UPRIGHT[orientation](stored))
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(found.astype(int) - shown[..., 0]).max() <= 1


def test_16_bit_tiff_is_turned_too(tmp_path):
    found = grey_image(saved(tmp_path, tiff(DEEP, t274=6)))
    np.testing.assert_array_equal(found, np.rot90(GREY, -1))


@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_that_opencv_would_fill_with_grey_is_refused(tmp_path, options, channels):
    noisy = np.random.default_rng(1).integers(0, 256, (120, 100), np.uint8)
    pixels = noisy if channels == 1 else np.dstack([noisy, noisy, 255 - noisy])
    whole = cv2.imencode(".jpg", pixels, options)[1].tobytes()
    flags = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    expected = cv2.imdecode(np.frombuffer(whole, np.uint8), flags)
    expected = expected if channels == 1 else cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(grey_image(saved(tmp_path, whole)), expected)
    half = len(whole) // 2
    for data in (
        whole[:half] + b"\xff\xd9",
        whole[:half] + bytes(512) + whole[half + 512 :],
    ):
        assert cv2.imdecode(np.frombuffer(data, np.uint8), flags) is not None
        with pytest.raises(DataError, match="damaged: "):
            read_image(saved(tmp_path, data))


def test_jpeg_with_inks_is_read_as_ever(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow comes with matplotlib")
    image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "film.jpg", quality=100)
    assert np.abs(grey_image(tmp_path / "film.jpg").astype(int) - GREY).max() <= 3


def test_real_films_pass_and_none_that_is_cut_or_zeroed(real_data, tmp_path):
    films = sorted((real_data / "COVID-19_Radiography_Dataset" / "COVID" / "images").glob("*"))[:60]
    for film in films:
        data = film.read_bytes()
        assert grey_image(film).ndim == 2
        if not data.startswith(b"\xff\xd8"):
            continue
        half = len(data) // 2
        for bad in (data[:half] + b"\xff\xd9", data[:half] + bytes(1024) + data[half + 1024 :]):
            with pytest.raises(DataError, match="damaged"):
                read_image(saved(tmp_path, bad))
