from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

import keras_cxr.data.steps as steps
from keras_cxr.data.options import check_options
from keras_cxr.errors import DataError
from tests.data.test_options import DEFAULTS


def options(cache_dir, **changes):
    changes = {"color_mode": "grayscale", "group_patients": "auto", **changes}
    return check_options(**{**DEFAULTS, "image_size": (16, 16), "cache_dir": cache_dir, **changes})


def test_the_steps_one_by_one_make_what_make_datasets_makes(make, films, cache):
    files = [path.relative_to(films).as_posix() for path in films.glob("COVID/images/*")]
    audit = pd.DataFrame({"file": files[:1], "action": "drop"})
    chosen = options(cache, audit=audit)
    plan = steps.find(films, chosen)
    assert (len(plan.catalog.entries), plan.arrays, plan.actions) == (40, None, None)
    joined = steps.join_tables(plan, films, chosen)
    assert len(joined.rows) == 40
    assert joined.actions.dropped
    carried = steps.carry_out_actions(joined, chosen)
    assert len(carried.rows) == len(carried.chosen.entries) == 39
    pixels = steps.read_pixels(carried, chosen)
    assert len(pixels.records) == 40
    assert pixels.folder.parent == cache
    assert not pixels.in_memory
    assert steps.find_lungs(carried, pixels, chosen) is pixels
    usable = steps.keep_usable(carried, pixels, chosen)
    assert usable.rows == carried.rows
    split = steps.assign_parts(usable, carried, chosen)
    assert set(split.parts) == {"train", "val", "test"}
    assert split.copies is None
    divided = steps.look_for_copies(split, usable, carried, pixels, chosen)
    assert divided.parts == split.parts
    assert any(note.startswith("audit: 1 images dropped") for note in divided.notes)
    datasets = steps.batch(divided, usable, pixels, chosen)
    made = make(audit=audit)
    assert datasets.fingerprint == made.fingerprint
    assert datasets.table.equals(made.table)
    assert datasets.summary == made.summary
    for value in (plan, usable, split, pixels):
        with pytest.raises(FrozenInstanceError, match="cannot assign"):
            value.notes = ()


def test_what_cannot_be_divided_is_refused_before_anything_is_read(films, tmp_path):
    chosen = options(
        tmp_path / "cache",
        split=(0.9, 0.05, 0.05),
        groups=dict.fromkeys(
            [f"COVID/images/COVID-{number}.png" for number in range(1, 12)], "one"
        ),
    )
    plan = steps.join_tables(steps.find(films, chosen), films, chosen)
    with pytest.raises(DataError, match="Class 'COVID' has 11 image"):
        steps.carry_out_actions(plan, chosen)
    assert not (tmp_path / "cache").exists()


def test_arrays_are_read_without_a_folder(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (12, 16, 16), np.uint8)
    chosen = options(tmp_path / "cache")
    plan = steps.find((pictures, np.arange(12) % 2), chosen)
    pixels = steps.read_pixels(plan, chosen)
    assert pixels.in_memory
    assert pixels.folder is None
    np.testing.assert_array_equal(pixels.store.image(3), pictures[3])
    assert len({record.checksum for record in pixels.records}) == 12
    assert not (tmp_path / "cache").exists()
