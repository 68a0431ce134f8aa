"""The zoo's table. A network's name stands here, in its own file and nowhere else in the code.

Keras is not imported here: `models/NAME.py` is, once `build_NAME` is first used.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # what type checkers know of `keras_cxr.build_NAME`
    from keras_cxr.models.alexnet import build_alexnet as build_alexnet
    from keras_cxr.models.densenet121 import build_densenet121 as build_densenet121
    from keras_cxr.models.lenet5 import build_lenet5 as build_lenet5
    from keras_cxr.models.lmap3 import build_lmap3 as build_lmap3
    from keras_cxr.models.vgg19 import build_vgg19 as build_vgg19


class _Row(NamedTuple):
    """What the registry tells of a network at its default arguments, as `ModelInfo` has it."""

    smallest_size: int
    parameters: int
    channels: tuple[int, ...] | None
    reference: str


_ROWS = {
    "alexnet": _Row(73, 21_574_344, None, "Krizhevsky et al. 2012, as the study changed it"),
    "densenet121": _Row(32, 7_041_604, (1, 3), "Huang et al. 2017, CheXNet's; ImageNet weights"),
    "lenet5": _Row(16, 5_406_476, None, "LeCun et al. 1998"),
    "lmap3": _Row(94, 287_688, None, "the study's own network"),
    "vgg19": _Row(32, 20_026_448, (3,), "Simonyan & Zisserman 2015, ImageNet weights"),
}
_BUILDERS = {f"build_{name}": f"keras_cxr.models.{name}" for name in _ROWS}
