import json
import os

import numpy as np
import pytest

from keras_cxr.data import clear_caches, list_caches
from keras_cxr.data.caching.index import INDEX_NAME, create_array
from keras_cxr.errors import DataError, OutputError
from tests.data.helpers import kaggle, make, only, picture, plain, same, write


@pytest.mark.parametrize("region", ["full", "lungs", "outside"])
def test_cached_and_uncached_batches_are_the_same(tmp_path, region):
    folder = kaggle(tmp_path / "films")
    first = make(folder, tmp_path / "cache", region=region)
    again = make(folder, tmp_path / "cache", region=region)
    without = make(folder, tmp_path / "cache", region=region, cache=False)
    same(first, again)
    same(first, without)


def test_what_lies_on_disk(tmp_path):
    make(kaggle(tmp_path / "films"), tmp_path / "cache")
    folder = only(tmp_path / "cache")
    names = sorted(file.name.split("-")[0] for file in folder.iterdir())
    assert names == [INDEX_NAME, "lock", "masks", "pixels"]
    (pixels,) = folder.glob("pixels-*")
    assert pixels.stat().st_size == 14 * 16 * 16
    (masks,) = folder.glob("masks-*")
    assert masks.stat().st_size == 14 * 16 * 16 // 8
    content = json.loads((folder / INDEX_NAME).read_bytes().partition(b"\n")[2])
    assert content["schema_version"] == 2
    make(plain(tmp_path / "plain"), tmp_path / "other")
    assert not list(only(tmp_path / "other").glob("masks*"))


def test_options_share_a_cache_and_nothing_is_written_again(tmp_path):
    folder = kaggle(tmp_path / "films")
    make(folder, tmp_path / "cache")
    before = {file: file.stat().st_mtime_ns for file in only(tmp_path / "cache").iterdir()}
    make(folder, tmp_path / "cache", region="lungs", color_mode="rgb", seed=3, batch_size=2)
    make(folder, tmp_path / "cache", split=(0.5, 0.25, 0.25), augment=False)
    assert {file: file.stat().st_mtime_ns for file in only(tmp_path / "cache").iterdir()} == before
    make(folder, tmp_path / "cache", image_size=(8, 8))
    assert len(list((tmp_path / "cache").iterdir())) == 2


def damage_index(folder):
    path = folder / INDEX_NAME
    path.write_bytes(path.read_bytes().replace(b"Normal-1.png", b"Normal-9.png"))


def damage_version(folder):
    import hashlib

    body = (folder / INDEX_NAME).read_bytes().partition(b"\n")[2]
    body = body.replace(b'"schema_version":2', b'"schema_version":9')
    digest = hashlib.sha256(body).hexdigest().encode()
    (folder / INDEX_NAME).write_bytes(digest + b"\n" + body)


def damage_rows(folder):
    import hashlib

    body = (folder / INDEX_NAME).read_bytes().partition(b"\n")[2]
    content = json.loads(body)
    content["records"][0][3] = "checksum"
    body = json.dumps(content).encode()
    digest = hashlib.sha256(body).hexdigest().encode()
    (folder / INDEX_NAME).write_bytes(digest + b"\n" + body)


def damage_length(folder):
    (path,) = folder.glob("pixels-*")
    os.truncate(path, 100)


def damage_masks(folder):
    (path,) = folder.glob("masks-*")
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_index, "does not match its checksum"),
        (damage_version, "has schema version 9, this release reads 2"),
        (damage_rows, "its index has rows of another form"),
        (damage_length, "has 100 bytes instead of 3,584"),
        (damage_masks, "is missing"),
        (lambda folder: (folder / INDEX_NAME).write_bytes(b""), "does not match its checksum"),
    ],
)
def test_a_damaged_cache_is_rebuilt_with_a_message(tmp_path, caplog, damage, reason):
    folder = kaggle(tmp_path / "films")
    good = make(folder, tmp_path / "cache", cache=False)
    make(folder, tmp_path / "cache")
    damage(only(tmp_path / "cache"))
    again = make(folder, tmp_path / "cache")
    assert "is damaged" in caplog.text
    assert reason in caplog.text
    same(good, again)
    caplog.clear()
    same(good, make(folder, tmp_path / "cache"))
    assert caplog.text == ""
    assert len(list(only(tmp_path / "cache").iterdir())) == 4


@pytest.mark.parametrize("kind", ["pixels", "masks"])
def test_changed_bytes_are_noticed_when_they_are_read(tmp_path, caplog, kind):
    folder = kaggle(tmp_path / "films")
    good = make(folder, tmp_path / "cache", cache=False, region="lungs")
    make(folder, tmp_path / "cache")
    (path,) = only(tmp_path / "cache").glob(f"{kind}-*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :: 7] = bytes(len(content[len(content) // 2 :: 7]))
    path.write_bytes(content)
    same(good, make(folder, tmp_path / "cache", region="lungs"))
    assert caplog.text.count("the files are read instead") == 1
    assert not (only(tmp_path / "cache") / INDEX_NAME).exists()
    caplog.clear()
    same(good, make(folder, tmp_path / "cache", region="lungs"))
    assert caplog.text == ""


def test_a_stale_cache_is_rebuilt_with_a_message(tmp_path, caplog):
    folder = kaggle(tmp_path / "films")
    make(folder, tmp_path / "cache")
    write(folder / "COVID" / "images" / "COVID-2.png", picture(999, (30, 30)))
    (folder / "Normal" / "images" / "Normal-3.png").unlink()
    write(folder / "Normal" / "images" / "Normal-99.png", picture(3))
    write(folder / "Normal" / "masks" / "Normal-1.png", np.eye(16, dtype=np.uint8) * 255)
    again = make(folder, tmp_path / "cache")
    assert "is stale (3 of 14 files are new or changed)" in caplog.text
    same(make(folder, tmp_path / "cache", cache=False), again)
    assert len(list(only(tmp_path / "cache").iterdir())) == 4


def test_damage_is_not_carried_over_from_a_stale_cache(tmp_path):
    folder = kaggle(tmp_path / "films")
    make(folder, tmp_path / "cache")
    for kind in ("pixels", "masks"):
        (path,) = only(tmp_path / "cache").glob(f"{kind}-*")
        path.write_bytes(bytes(path.stat().st_size))
    write(folder / "COVID" / "images" / "COVID-99.png", picture(5))
    same(make(folder, tmp_path / "cache", cache=False), make(folder, tmp_path / "cache"))


def test_bad_files_are_remembered_until_they_change(tmp_path, caplog):
    folder = kaggle(tmp_path / "films")
    bad = folder / "COVID" / "images" / "COVID-1.png"
    bad.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(DataError, match="1 of 14 images cannot be used"):
            make(folder, tmp_path / "cache")
    assert len(make(folder, tmp_path / "cache", on_error="skip").table) == 13
    write(folder / "COVID" / "images" / "COVID-77.png", picture(5))
    assert len(make(folder, tmp_path / "cache", on_error="skip").table) == 14
    write(bad, picture(1))
    assert len(make(folder, tmp_path / "cache").table) == 15


def test_a_file_that_may_be_read_again_is_read_again(tmp_path, monkeypatch):
    # rights do not bind the superuser who runs tests in a container, so the refusal is played
    import keras_cxr.data.caching.reading as reading

    folder = kaggle(tmp_path / "films")
    real = reading.file_bytes

    def refuse(path):
        if str(path).endswith("COVID-1.png"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(reading, "file_bytes", refuse)
    with pytest.raises(DataError, match=r"COVID-1\.png: cannot be read \(Permission denied\)"):
        make(folder, tmp_path / "cache")
    monkeypatch.setattr(reading, "file_bytes", real)
    assert len(make(folder, tmp_path / "cache").table) == 14


def test_listing_and_clearing(tmp_path, monkeypatch):
    folder = kaggle(tmp_path / "films")
    cache = tmp_path / "cache"
    assert list_caches(cache) == []
    make(folder, cache)
    make(folder, cache, image_size=(8, 10))
    sizes = {info.image_size: info for info in list_caches(cache)}
    assert set(sizes) == {(16, 16), (8, 10)}
    info = sizes[16, 16]
    assert info.source == str(folder.resolve())
    assert info.num_images == 14
    assert info.num_bytes > 14 * 16 * 16
    (info.path / INDEX_NAME).unlink()
    (cache / "images-notes.txt").write_text("not a cache")
    (cache / "mine").mkdir()
    assert {one.source for one in list_caches(cache)} == {"(damaged)", str(folder.resolve())}
    monkeypatch.setenv("KERAS_CXR_CACHE", str(cache))
    assert len(clear_caches()) == 2
    assert list_caches() == []
    assert sorted(path.name for path in cache.iterdir()) == ["images-notes.txt", "mine"]


def test_a_cache_folder_that_cannot_be_written(tmp_path):
    folder = kaggle(tmp_path / "films")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot be written .* or pass cache=False"):
        make(folder, tmp_path / "file")
    make(folder, tmp_path / "file", cache=False)


def test_a_full_disk_is_an_error_before_anything_is_read(tmp_path):
    with pytest.raises(OSError, match=r"."):
        create_array(tmp_path / "huge", (2**40, 2**10))


def test_frames_of_one_folder_do_not_share_a_cache(tmp_path):
    import pandas as pd

    folder = plain(tmp_path / "films", counts={"a": 8, "b": 8})
    names = [f"{label}/{number}.png" for label in "ab" for number in range(8)]
    frame = pd.DataFrame({"file": names, "label": [name[0] for name in names]})
    make(frame, tmp_path / "cache", root=folder)
    make(frame.iloc[2:], tmp_path / "cache", root=folder)
    assert len(list_caches(tmp_path / "cache")) == 2
