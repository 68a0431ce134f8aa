from dataclasses import FrozenInstanceError, fields

import pytest

from keras_cxr.data.options import Options, check_options
from keras_cxr.errors import InvalidArgumentError

DEFAULTS = {
    "image_size": (16, 17),
    "batch_size": 4,
    "split": (0.8, 0.1, 0.1),
    "augment": True,
    "rotation": 18.0,
    "zoom": 0.05,
    "horizontal_flip": True,
    "fill_mode": "reflect",
    "region": "full",
    "masks": "auto",
    "color_mode": "rgb",
    "intensity": "stored",
    "seed": 0,
    "format": "keras",
    "on_error": "raise",
    "cache": True,
    "cache_dir": None,
    "groups": None,
    "group_column": None,
    "group_duplicates": "auto",
    "group_patients": 1,
    "audit": None,
    "split_by": None,
    "root": None,
    "class_names": None,
    "verbose": False,
}


def test_options_are_one_frozen_value():
    options = check_options(**DEFAULTS)
    assert (options.image_size, options.channels, options.shares) == ((16, 17), 3, (0.8, 0.1, 0.1))
    assert options.augmentation.rotation == 18.0
    assert options.group_patients is True
    assert check_options(**DEFAULTS | {"augment": False}).augmentation is None
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        options.seed = 3


WRONG = {
    "rotation": -1, "zoom": 2, "fill_mode": "x", "image_size": (0, 1), "color_mode": "x",
    "format": "x", "group_duplicates": "x", "group_patients": "x", "intensity": "x",
    "masks": "x", "on_error": "x", "region": "x", "batch_size": 0, "seed": -1, "split": (0, 1, 0),
    "group_column": "x",
}  # fmt: skip


def test_the_first_of_several_wrong_options_is_named_in_a_fixed_order():
    wrong = list(WRONG)
    for place, name in enumerate(wrong):
        changes = {other: WRONG[other] for other in wrong[place:]}
        with pytest.raises(InvalidArgumentError, match=f"^{name}"):
            check_options(**DEFAULTS | changes)


def test_every_option_of_make_datasets_is_one_of_them():
    import inspect

    from keras_cxr.data import make_datasets

    taken = set(inspect.signature(make_datasets).parameters) - {"data"}
    assert taken == set(DEFAULTS)
    moved = {"rotation", "zoom", "horizontal_flip", "fill_mode", "augment"}
    held = {field.name for field in fields(Options)}
    assert held == taken - moved - {"split"} | {"shares", "augmentation"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"image_size": 224}, r"image_size must be \(height, width\)"),
        ({"image_size": (0, 5)}, "image_size must be positive"),
        ({"batch_size": 0}, "batch_size must be an integer from 1"),
        ({"seed": -1}, "seed must be an integer from 0"),
        ({"region": "lung"}, "region must be one of 'full', 'lungs', 'outside', received 'lung'"),
        ({"color_mode": "gray"}, "color_mode must be one of"),
        ({"format": "torch"}, "format must be one of 'tf', 'keras'"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"split": (0.5, 0.5)}, "split must be three shares"),
        ({"rotation": 200}, "rotation must be"),
    ],
)
def test_refused_options(make, options, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        make(**options)
