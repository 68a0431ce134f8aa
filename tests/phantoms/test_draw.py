import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr import make_phantoms
from keras_cxr.phantoms import draw as module
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

SICK = [name for name in CLASS_NAMES if name != "Normal"]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def content(folder):
    return {name: (folder / name).read_bytes() for name in files(folder)}


@pytest.fixture(scope="module")
def many():
    return {
        name: [draw_phantom(name, number, image_size=96) for number in range(40)]
        for name in CLASS_NAMES
    }


def test_the_layout_is_the_kaggle_databases(tmp_path):
    folder = make_phantoms(tmp_path / "new" / "database", images_per_class=2, image_size=64)
    assert folder == tmp_path / "new" / "database"
    assert files(folder) == sorted(
        [
            *(
                f"{name}/{part}/{name}-{number}.png"
                for name in CLASS_NAMES
                for part in ("images", "lesions", "masks")
                for number in (1, 2)
            ),
            "phantoms.json",
        ]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["database"]
    drawn = draw_phantom("COVID", 2, image_size=64)
    for part, expected in (
        ("images", drawn.image),
        ("masks", drawn.lungs * np.uint8(255)),
        ("lesions", drawn.lesions * np.uint8(255)),
    ):
        path = folder / "COVID" / part / "COVID-2.png"
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), expected)
    manifest = json.loads((folder / "phantoms.json").read_text())
    assert manifest["schema_version"] == 1
    assert (manifest["seed"], manifest["image_size"]) == (0, [64, 64])


def test_the_seed_decides_and_more_images_change_none(tmp_path):
    first = content(make_phantoms(tmp_path / "a", images_per_class=1, image_size=48, seed=4))
    more = content(make_phantoms(tmp_path / "b", images_per_class=2, image_size=48, seed=4))
    other = content(make_phantoms(tmp_path / "c", images_per_class=1, image_size=48, seed=5))
    for name in first:
        if name.endswith(".png"):
            assert more[name] == first[name]
            assert "images" not in name or other[name] != first[name]


@settings(max_examples=15)
@given(
    st.sampled_from(CLASS_NAMES),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.tuples(st.integers(32, 120), st.integers(32, 120)),
)
def test_every_phantom_is_well_formed(name, number, seed, size):
    phantom = draw_phantom(name, number, image_size=size, seed=seed)
    assert phantom.image.shape == phantom.lungs.shape == phantom.lesions.shape == size
    assert phantom.image.dtype == np.uint8
    assert phantom.lungs.dtype == phantom.lesions.dtype == bool
    assert 0.04 < phantom.lungs.mean() < 0.5
    assert not (phantom.lesions & ~phantom.lungs).any()
    assert phantom.lesions.any() == (name != "Normal")
    again = draw_phantom(name, number, image_size=size, seed=seed)
    np.testing.assert_array_equal(phantom.image, again.image)


def test_anatomy_lungs_are_dark_and_two(many):
    for phantom in many["Normal"]:
        lungs, image = phantom.lungs, phantom.image
        count, _, statistics, _ = cv2.connectedComponentsWithStats(lungs.astype(np.uint8))
        areas = np.sort(statistics[1:, cv2.CC_STAT_AREA])[::-1]
        assert count >= 3
        assert areas[1] > 0.4 * areas[0]
        around = cv2.dilate(lungs.astype(np.uint8), np.ones((9, 9))).astype(bool) & ~lungs
        assert image[lungs].mean() < image[around].mean() - 25


def test_lesions_are_brighter_and_where_their_class_has_them(many):
    def sides(phantom):
        halves = phantom.lesions[:, :48].sum(), phantom.lesions[:, 48:].sum()
        return min(halves) / max(sum(halves), 1)

    for name in SICK:
        contrast = [
            p.image[p.lesions].mean() - p.image[p.lungs & ~p.lesions].mean() for p in many[name]
        ]
        assert np.mean(contrast) > 12
        share = np.mean([p.lesions.sum() / p.lungs.sum() for p in many[name]])
        assert 0.15 < share < 0.6
    assert np.mean([sides(p) > 0.15 for p in many["COVID"]]) > 0.9
    assert np.mean([sides(p) > 0.15 for p in many["Viral Pneumonia"]]) > 0.9
    assert np.mean([sides(p) < 0.05 for p in many["Lung_Opacity"]]) > 0.4
    rows = np.arange(96)[:, None]
    low = {n: np.mean([(p.lesions * rows).sum() / p.lesions.sum() for p in many[n]]) for n in SICK}
    assert low["COVID"] > low["Viral Pneumonia"] + 1


def test_classes_differ_by_nothing_but_lesions(many):
    """Corners, borders, pose and exposure alone tell no class: no shortcut is planted."""

    def nuisances(phantom):
        image, lungs = phantom.image.astype(float), phantom.lungs
        y, x = np.nonzero(lungs)
        border = np.concatenate([image[:14].ravel(), image[-14:].ravel()])
        return [
            border.mean(),
            border.std(),
            image[:14, :14].max(),
            lungs.mean(),
            x.mean(),
            y.mean(),
        ]

    values = {name: np.array([nuisances(p) for p in many[name]]) for name in CLASS_NAMES}
    for first in CLASS_NAMES:
        for second in CLASS_NAMES:
            a, b = values[first], values[second]
            spread = np.sqrt((a.var(0) + b.var(0)) / 40)
            assert (np.abs(a.mean(0) - b.mean(0)) < 4 * spread).all()


def test_the_same_folder_is_used_again(tmp_path):
    arguments = {"images_per_class": 1, "image_size": 48}
    folder = make_phantoms(tmp_path / "database", **arguments)
    times = {name: (folder / name).stat().st_mtime_ns for name in files(folder)}
    assert make_phantoms(folder, **arguments) == folder
    assert {name: (folder / name).stat().st_mtime_ns for name in files(folder)} == times


def test_an_empty_folder_is_filled_and_a_relative_path_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "database").mkdir()
    folder = make_phantoms("database", images_per_class=1, image_size=32)
    assert len(files(folder)) == 13


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "other settings .*seed 0 instead of 1"),
        ({"images_per_class": 2}, "images_per_class 1 instead of 2"),
        ({"image_size": (48, 64)}, "image_size"),
    ],
)
def test_other_settings_are_refused(tmp_path, change, message):
    arguments = {"images_per_class": 1, "image_size": 48}
    folder = make_phantoms(tmp_path / "database", **arguments)
    before = content(folder)
    with pytest.raises(OSError, match=message):
        make_phantoms(folder, **{**arguments, **change})
    assert content(folder) == before


def test_foreign_and_damaged_folders_are_refused(tmp_path):
    arguments = {"images_per_class": 1, "image_size": 48}
    foreign = tmp_path / "foreign"
    (foreign / "COVID").mkdir(parents=True)
    with pytest.raises(OSError, match=r"not empty and holds no phantoms\.json"):
        make_phantoms(foreign, **arguments)
    (foreign / "phantoms.json").write_text("{")
    with pytest.raises(OSError, match="unreadable"):
        make_phantoms(foreign, **arguments)
    folder = make_phantoms(tmp_path / "database", **arguments)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OSError, match=r"notes\.txt does not belong there \(differing files: 1\)"):
        make_phantoms(folder, **arguments)
    (folder / "notes.txt").unlink()
    (folder / "Normal" / "masks" / "Normal-1.png").unlink()
    with pytest.raises(OSError, match=r"Normal-1\.png is missing"):
        make_phantoms(folder, **arguments)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="is a file"):
        make_phantoms(tmp_path / "file", **arguments)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Cannot write phantoms to"):
        make_phantoms(tmp_path / "file" / "database", images_per_class=1)


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    drawn = []

    def interrupted(*args, **kwargs):
        drawn.append(args)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw_phantom(*args, **kwargs)

    monkeypatch.setattr(module, "draw_phantom", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_phantoms(tmp_path / "database", images_per_class=2, image_size=32)
    assert list(tmp_path.iterdir()) == []


def test_a_quicker_process_wins(tmp_path, monkeypatch):
    def overtaken(*args, **kwargs):
        monkeypatch.undo()
        make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
        return draw_phantom(*args, **kwargs)

    monkeypatch.setattr(module, "draw_phantom", overtaken)
    folder = make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["database"]
    assert len(files(folder)) == 13


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images_per_class": 0}, "images_per_class must be an integer from 1, received 0"),
        ({"images_per_class": 2.5}, "images_per_class must be"),
        ({"images_per_class": True}, "images_per_class must be"),
        ({"seed": -1}, "seed must be an integer from 0"),
        ({"image_size": 31}, "from 32 to 4096 pixels; received 31"),
        ({"image_size": (64, 5000)}, "image_size must be"),
        ({"image_size": (64, 64, 1)}, "image_size must be"),
        ({"image_size": 64.0}, "image_size must be"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_phantoms(tmp_path / "database", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_bad_class_names():
    with pytest.raises(ValueError, match="one of COVID, Lung_Opacity, Normal, Viral Pneumonia"):
        draw_phantom("Covid", 1)
    with pytest.raises(ValueError, match="number must be an integer"):
        draw_phantom("COVID", -1)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path):
    code = (
        "import sys, time; from keras_cxr.phantoms import draw as module; "
        "module._write = lambda *_: (print('drawing', flush=True), time.sleep(60)); "
        "module.make_phantoms(sys.argv[1], images_per_class=1, image_size=32)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "database")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "drawing\n"
        (living,) = tmp_path.iterdir()
        make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
        assert living.is_dir()
        process.kill()
    assert living.is_dir()
    shutil.rmtree(tmp_path / "database")
    make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["database"]


def test_what_an_earlier_release_left_is_removed_after_a_day(tmp_path):
    left = tmp_path / f".database-{'0' * 32}"
    (left / "COVID").mkdir(parents=True)
    (tmp_path / ".database-notes").mkdir()
    make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
    assert left.is_dir()  # it may be being written
    os.utime(left, (0, 0))
    shutil.rmtree(tmp_path / "database")
    make_phantoms(tmp_path / "database", images_per_class=1, image_size=32)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".database-notes", "database"]
