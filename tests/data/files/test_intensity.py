"""How stored values become grey, by one rule for all formats."""

import hashlib
import json

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_cxr.data import list_caches, make_datasets, read_image
from keras_cxr.data.caching.cache import cache_folder
from keras_cxr.data.files.intensity import is_narrow, limits
from keras_cxr.data.finding.find import find_images
from keras_cxr.errors import InvalidArgumentError
from tests.data.helpers import OPTIONS, make, only, picture, plain, same, write

FILM = np.random.default_rng(0).normal(2000, 400, (60, 70)).clip(0, 4095).astype(np.uint16)


def expected(values):
    values = values.astype(float)
    low, high = np.percentile(values, (0.5, 99.5), method="inverted_cdf")
    return np.rint(255.0 * np.clip((values - low) / (high - low), 0, 1))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_percentiles_of_picture_files(tmp_path, suffix, kind):
    values = (FILM // 16 if kind is np.uint8 else FILM).astype(kind)
    path = write(tmp_path / f"a{suffix}", values)
    found = read_image(path, intensity="percentiles")[..., 0]
    np.testing.assert_allclose(found, expected(values), atol=1)
    stored = read_image(path)[..., 0]
    assert stored.max() == (values.max() if kind is np.uint8 else (int(values.max()) + 128) // 257)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_percentiles_of_dicom_leave_padding_out_and_take_the_windows_place(tmp_path, photometric):
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from tests.data.dicom_files import film

    padded = FILM.copy()
    padded[:20] = 60_000
    tags = {"PixelPaddingValue": 60_000, "photometric": photometric}
    tags |= {"WindowCenter": 5, "WindowWidth": 2, "RescaleSlope": "-2", "RescaleIntercept": "9"}
    path = film(tmp_path / "a.dcm", padded, **tags)
    found = read_image(path, intensity="percentiles")[..., 0]
    assert (found[:20] == 0).all()
    negative = photometric == "MONOCHROME2"  # since the slope is
    wanted = expected(FILM[20:] * (-1.0 if negative else 1.0))
    np.testing.assert_allclose(found[20:], wanted, atol=2)


def test_limits_by_counts_are_those_of_the_values():
    values = np.random.default_rng(1).integers(-50, 50, 3000)
    held, counts = np.unique(values, return_counts=True)
    order = np.random.default_rng(2).permutation(len(held))
    by_hand = tuple(np.percentile(values, (0.5, 99.5), method="inverted_cdf"))
    assert limits(held[order], counts[order]) == by_hand
    assert limits(values.astype(float)) == by_hand
    assert limits((values + 50).astype(np.uint8)) == tuple(one + 50 for one in by_hand)


@pytest.mark.parametrize(
    ("top", "narrow"), [(0, False), (1, True), (16, True), (24, True), (40, False), (255, False)]
)
def test_narrow_films(top, narrow):
    ramp = np.linspace(0, top, 900).round().astype(np.uint8).reshape(30, 30)
    assert is_narrow(ramp) == narrow


@pytest.fixture
def dark(tmp_path):
    """Two classes of 12-bit values in 16-bit files, and one film that fills its range."""
    for label in ("a", "b"):
        for number in range(5):
            values = picture(ord(label) + number).astype(np.uint16) * 16
            write(tmp_path / "films" / label / f"{number}.png", values)
    write(tmp_path / "films" / "b" / "bright.png", picture(3))
    return tmp_path / "films"


@pytest.mark.parametrize("cached", [True, False])
def test_narrow_films_are_counted_with_the_option_that_helps(tmp_path, dark, cached):
    for _ in range(2):  # the second time from the cache
        datasets = make(dark, tmp_path / "cache", cache=cached)
        (note,) = [note for note in datasets.notes if "range" in note]
        assert "10 of 11 images use less than 10% of their range" in note
        assert 'such as a/0.png: intensity="percentiles" spreads each film' in note
        assert sorted(datasets.load("train")[0].max(axis=(1, 2, 3)))[0] < 16
    spread = make(dark, tmp_path / "cache", cache=cached, intensity="percentiles")
    assert spread.intensity == "percentiles"
    assert not [note for note in spread.notes if "range" in note]
    assert all(image.max() > 240 for image in spread.load("train")[0])
    assert spread.fingerprint != datasets.fingerprint


def test_each_intensity_has_a_cache_of_its_own(tmp_path, dark):
    catalog = find_images(dark)
    folders = {cache_folder(catalog, (16, 16), intensity=one) for one in ("stored", "percentiles")}
    assert len(folders) == 2
    one = make(dark, tmp_path, intensity="percentiles")
    same(one, make(dark, tmp_path, intensity="percentiles", cache=False))
    with pytest.raises(InvalidArgumentError, match="intensity must be one of 'stored'"):
        make(dark, tmp_path, intensity="window")
    with pytest.raises(InvalidArgumentError, match="intensity must be one of 'stored'"):
        read_image(dark / "b" / "bright.png", intensity="window")


def test_a_cache_of_an_earlier_release_is_read_anew_without_a_word(tmp_path, caplog):
    films = plain(tmp_path / "films")
    first = make(films, tmp_path / "cache")
    index = only(tmp_path / "cache") / "index.json"
    content = json.loads(index.read_bytes().partition(b"\n")[2])
    content["schema_version"] = 1
    content["records"] = [record[:5] for record in content["records"]]
    body = json.dumps(content, separators=(",", ":")).encode()
    index.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert [info.source for info in list_caches(tmp_path / "cache")] == ["(earlier release)"]
    same(first, make(films, tmp_path / "cache"))
    assert not caplog.records
    assert json.loads(index.read_bytes().partition(b"\n")[2])["schema_version"] == 2


def test_arrays_and_tables_take_it_too(dark):
    frame = {"file": [str(path) for path in dark.rglob("*.png")]}
    table = pd.DataFrame(frame | {"label": [path.split("/")[-2] for path in frame["file"]]})
    spread = make_datasets(table, **OPTIONS, cache=False, intensity="percentiles")
    assert spread.load("train")[0].max(axis=(1, 2, 3)).min() > 240
    images, labels = spread.load("train")
    again = make_datasets((images, labels), **OPTIONS, intensity="percentiles", split=(1, 0, 0))
    np.testing.assert_array_equal(again.load("train")[0], images)


def test_jpeg_with_little_range_is_spread(tmp_path):
    values = (picture(4, (80, 96)) // 16).astype(np.uint8)
    path = tmp_path / "a.jpg"
    path.write_bytes(cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes())
    assert read_image(path).max() < 20
    assert read_image(path, intensity="percentiles").max() == 255
