import cv2
import numpy as np
import pytest

from keras_cxr._support.resampling import fit
from keras_cxr.data import read_image
from keras_cxr.data.files.images import lung_mask
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from tests.data.helpers import lungs, picture, write
from tests.data.picture_files import jpeg, png, png_header


def test_grey_rgb_rgba_and_16_bit_give_the_same_grey(tmp_path):
    grey = picture(3)
    for name, pixels in {
        "grey": grey,
        "rgb": cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR),
        "rgba": np.dstack([grey, grey, grey, np.full_like(grey, 7)]),
        "deep": grey.astype(np.uint16) * 257,
        "deep rgb": cv2.cvtColor(grey.astype(np.uint16) * 257, cv2.COLOR_GRAY2BGR),
    }.items():
        image = read_image(write(tmp_path / f"{name}.png", pixels))
        assert image.dtype == np.uint8, name
        assert image.shape == (*grey.shape, 1), name
        np.testing.assert_array_equal(image[..., 0], grey, err_msg=name)


def test_16_bit_is_divided_by_257_and_rounded(tmp_path):
    deep = np.array([[0, 128, 129, 385, 386, 65535, 65406, 65407]], np.uint16)
    image = read_image(write(tmp_path / "deep.png", deep))
    assert image[0, :, 0].tolist() == [0, 0, 1, 1, 2, 255, 254, 255]


def test_colours_become_grey_by_the_stated_weights(tmp_path):
    blue_green_red = np.zeros((1, 3, 3), np.uint8)
    blue_green_red[0, [0, 1, 2], [0, 1, 2]] = 200
    image = read_image(write(tmp_path / "colours.png", blue_green_red))
    expected = np.rint(200 * np.array([0.114, 0.587, 0.299]))
    np.testing.assert_allclose(image[0, :, 0], expected, atol=1)


def test_jpeg_named_png_is_read_by_its_content(tmp_path):
    (tmp_path / "film.png").write_bytes(jpeg(picture(1)))
    assert read_image(tmp_path / "film.png").shape == (20, 24, 1)


def test_size_and_colour_mode(tmp_path):
    path = write(tmp_path / "film.png", picture(1))
    image = read_image(path, (8, 10), "rgb")
    assert image.shape == (8, 10, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    with pytest.raises(InvalidArgumentError, match="color_mode must be"):
        read_image(path, color_mode="bgr")


def test_shrinking_averages_areas():
    blocks = np.kron(np.array([[10, 20], [30, 40]], np.uint8), np.ones((3, 3), np.uint8))
    np.testing.assert_array_equal(fit(blocks, (2, 2)), [[10, 20], [30, 40]])
    assert fit(blocks, (12, 12)).shape == (12, 12)


def covered(length, count):
    """How much of each of `length` pixels lies under each of `count` equal cells."""
    edges = np.arange(count + 1) * length / count
    starts = np.arange(length)
    low = np.maximum(edges[:-1, None], starts)
    high = np.minimum(edges[1:, None], starts + 1)
    return np.maximum(high - low, 0) * count / length


@pytest.mark.parametrize(("size", "target"), [((299, 299), (224, 224)), ((61, 90), (17, 64))])
def test_shrinking_agrees_with_a_slow_plain_reference(size, target):
    image = np.random.default_rng(3).integers(0, 256, size, np.uint8)
    exact = covered(size[0], target[0]) @ image.astype(float) @ covered(size[1], target[1]).T
    assert np.abs(fit(image, target) - exact).max() <= 0.51  # rounding to whole grey values


def test_missing_file(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no file .*none\.png"):
        read_image(tmp_path / "none.png")


def test_folder_instead_of_a_file(tmp_path):
    with pytest.raises(DataError, match="it is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"hello, I am a text", r"not a PNG, JPEG, TIFF, BMP, WebP[\w, ]* or DICOM image"),
        (png(picture(1))[:-20], "truncated"),
        (png(picture(1))[:15], "truncated"),
        (jpeg(picture(1))[:-20], "truncated"),
        (jpeg(picture(1))[:30], "truncated"),
        (png_header(60_000, 60_000), "too large: 60000 x 60000"),
        (png_header(0, 5), "0 x 5 pixels"),
        (png_header(5, 5), "holds no pixels"),
        (png(picture(1))[:8] + png(picture(1))[33:], "has no header"),
        (b"\xff\xd8\xff\xe0\x00\x04ab\x00\x00\x00\x00", "do not follow one another"),
        (b"\xff\xd8\xff\xda\x00\x04ab\xff\xd9\xff\xd9", "no frame header"),
        (b"\xff\xd8\xff\xff\x01\xff\xc0\x00\x0b\x08\xff\xff\xff\xff", "too large"),
    ],
)
def test_bad_files_are_named_with_their_reason(tmp_path, content, problem):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"bad\.png: .*{problem}"):
        read_image(path)


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_masks_of_any_brightness_and_size_mean_the_same(tmp_path, top):
    mask = lungs((40, 48)).astype(np.uint16) // 255 * top
    kind = np.uint16 if top > 255 else np.uint8
    path = write(tmp_path / "mask.png", mask.astype(kind))
    np.testing.assert_array_equal(lung_mask(path, (40, 48)), mask > 0)
    share = (mask > 0).reshape(20, 2, 24, 2).mean(axis=(1, 3))
    np.testing.assert_array_equal(lung_mask(path, (20, 24)), share >= 0.5)


def test_empty_and_wrong_masks(tmp_path):
    with pytest.raises(DataError, match="mask is empty"):
        lung_mask(write(tmp_path / "none.png", np.zeros((5, 5), np.uint8)), (5, 5))
    (tmp_path / "mask.png").write_bytes(b"\x00" * 128 + b"DICM")
    with pytest.raises(DataError, match="a mask must be a picture file"):
        lung_mask(tmp_path / "mask.png", (5, 5))


@pytest.mark.parametrize(("size", "target"), [((60, 4), (12, 12)), ((4, 60), (12, 12))])
def test_a_side_that_shrinks_is_averaged_while_the_other_grows(size, target):
    image = np.random.default_rng(3).integers(0, 256, size, np.uint8)
    long = int(size[1] > size[0])
    means = image.reshape(12, 5, 4).mean(1) if not long else image.reshape(4, 12, 5).mean(2)
    expected = cv2.resize(means, target, interpolation=cv2.INTER_LINEAR)
    assert np.abs(fit(image, target) - expected).max() <= 1.01  # rounded twice
