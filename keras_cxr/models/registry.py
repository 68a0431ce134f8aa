"""The zoo as data: one row for each model, and the functions that read it."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models import alexnet, lenet5, lmap3, vgg19


@dataclass(frozen=True)
class ModelInfo:
    """What the registry knows about a model.

    Attributes:
        name: the name `build` takes.
        builder: the function that builds it.
        input_shape: `(height, width, channels)` by default.
        smallest_size: smallest height and width in pixels.
        parameters: number of parameters with the default arguments.
        reference: the paper it comes from.
    """

    name: str
    builder: Callable[..., keras.Model]
    input_shape: tuple[int, int, int]
    smallest_size: int
    parameters: int
    reference: str

    @property
    def color_mode(self) -> str:
        """The `color_mode` of `make_datasets` that the default input needs."""
        return "rgb" if self.input_shape[-1] == 3 else "grayscale"


_GREY = (224, 224, 1)
_ROWS = (
    ModelInfo(
        "alexnet",
        alexnet.build_alexnet,
        _GREY,
        alexnet.smallest_size(),
        21_574_344,
        "Krizhevsky et al. 2012, as the study changed it",
    ),
    ModelInfo(
        "lenet5",
        lenet5.build_lenet5,
        _GREY,
        lenet5.SMALLEST_SIZE,
        5_406_476,
        "LeCun et al. 1998",
    ),
    ModelInfo(
        "lmap3", lmap3.build_lmap3, _GREY, lmap3.SMALLEST_SIZE, 287_688, "the study's own network"
    ),
    ModelInfo(
        "vgg19",
        vgg19.build_vgg19,
        (224, 224, 3),
        vgg19.SMALLEST_SIZE,
        20_026_448,
        "Simonyan & Zisserman 2015, ImageNet weights",
    ),
)
MODELS = {row.name: row for row in _ROWS}


def list_models() -> list[str]:
    """Names of the models that `build` knows, sorted.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.list_models()
        ['alexnet', 'lenet5', 'lmap3', 'vgg19']
    """
    return sorted(MODELS)


def model_info(name: str) -> ModelInfo:
    """The registry's row for a model.

    Raises:
        InvalidArgumentError: (a ValueError) no model has this name; near names are given.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(str(name).lower(), MODELS, n=1, cutoff=0.7)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidArgumentError(
            f"No model is called {name!r}.{hint} Known models: {', '.join(list_models())}."
        )
    return MODELS[name]


def build(name: str, /, **arguments: Any) -> keras.Model:
    """A model by its name in the registry, uncompiled.

    Args:
        name: one of `list_models()`.
        **arguments: passed on to the model's builder: `input_shape`, `num_classes`, …. The
            model's own `name=` can be given here too.

    Returns:
        The Keras model, as `build_lmap3` and its siblings return it.

    Raises:
        InvalidArgumentError: (a ValueError) no model has this name.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build("lmap3", num_classes=2).output_shape
        (None, 2)
    """
    return model_info(name).builder(**arguments)
