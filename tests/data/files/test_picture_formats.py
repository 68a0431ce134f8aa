"""Every kind of picture file gives the same grey picture, upright, or one reason why not."""

import struct
import threading
import time
import zlib

import cv2
import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.data.files.formats import read_header
from keras_cxr.data.files.images import fit, grey_image, lung_mask
from keras_cxr.data.files.memory import MAX_PIXELS, MemoryBudget
from keras_cxr.errors import DataError
from tests.data.helpers import picture

GREY = picture(3)
MASK = np.greater(GREY, GREY.max() / 2)
COLOUR = cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)
DEEP = GREY.astype(np.uint16) * 257
SMOOTH = cv2.resize(GREY, (96, 80), interpolation=cv2.INTER_LINEAR)


def tiff(pixels, *, order="<", pages=1, **tags):
    """An uncompressed TIFF of one strip, with tags changed or added by their number."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    known = {
        256: width,
        257: height,
        258: [8 * pixels.itemsize] * samples,
        259: 1,
        262: 1 if samples == 1 else 2,
        273: 8,
        277: samples,
        278: height,
        279: len(data),
        **{int(name[1:]): value for name, value in tags.items()},
    }
    entries, more = b"", b""
    start = 8 + len(data) + len(data) % 2
    end = start + 2 + 12 * len(known) + 4
    for tag, value in sorted(known.items()):
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place, more = end + len(more), more + packed
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    following = 0 if pages == 1 else start
    directory = struct.pack(f"{order}H", len(known)) + entries + struct.pack(f"{order}I", following)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + data + b"\0" * (len(data) % 2) + directory + more


def saved(tmp_path, data, name="film"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


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


def exif(orientation):
    return b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1" + struct.pack(">HHI", orientation, 0, 0)


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


def test_damaged_exif_turns_nothing():
    data = cv2.imencode(".jpg", SMOOTH)[1].tobytes()
    for body in (b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", exif(6)[:-5]):
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        assert read_header(data[:2] + segment + data[2:], "jpeg").orientation == 1


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


@pytest.mark.parametrize(("size", "target"), [((60, 4), (12, 12)), ((4, 60), (12, 12))])
def test_a_side_that_shrinks_is_averaged_while_the_other_grows(size, target):
    image = np.random.default_rng(3).integers(0, 256, size, np.uint8)
    long = int(size[1] > size[0])
    means = image.reshape(12, 5, 4).mean(1) if not long else image.reshape(4, 12, 5).mean(2)
    expected = cv2.resize(means, target, interpolation=cv2.INTER_LINEAR)
    assert np.abs(fit(image, target) - expected).max() <= 1.01  # rounded twice


def test_threads_share_a_budget_and_the_largest_gets_in_alone():
    budget = MemoryBudget(10)
    held, most, lock = [0], [0], threading.Lock()

    def work(share):
        with budget.hold(share):
            with lock:
                held[0] += min(share, 10)
                most[0] = max(most[0], held[0])
            time.sleep(0.001)
            with lock:
                held[0] -= min(share, 10)

    threads = [threading.Thread(target=work, args=(share,)) for share in (3, 4, 25, 6, 10, 1) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most[0] <= 10
    with budget.hold(10):  # everything was given back
        pass


def test_largest_films_of_one_value_fit_the_pixel_cap():
    header = read_header(
        tiff(np.zeros((1, 1), np.uint8), t256=8_000, t257=MAX_PIXELS // 8_000), "tiff"
    )
    assert header.num_bytes == MAX_PIXELS
