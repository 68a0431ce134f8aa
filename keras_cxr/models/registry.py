"""The registry: what is known of each network by its name, our own and those of users.

Nothing else in the package knows a network's name: whoever builds one asks here what it takes.
"""

import difflib
import importlib
import inspect
import operator
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, overload

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models.zoo import _BUILDERS, _ROWS

ENTRY_POINTS = "keras_cxr.models"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_Builder = TypeVar("_Builder", bound=Callable[..., Any])


@dataclass(frozen=True)
class ModelInfo:
    """What the registry knows about a model.

    Attributes:
        name: the name `build` takes.
        builder: the function that builds it.
        input_shape: `(height, width, channels)` by default.
        smallest_size: smallest height and width in pixels; `None` where it is not known.
        parameters: number of parameters with the default arguments; `None` where not known.
        reference: the paper it comes from, or what it is.
        channels: numbers of channels that it takes with the default arguments; `None` where any
            will do, or where that is not known.
    """

    name: str
    builder: Callable[..., keras.Model]
    input_shape: tuple[int, int, int]
    smallest_size: int | None
    parameters: int | None
    reference: str
    channels: tuple[int, ...] | None = None

    @property
    def color_mode(self) -> str:
        """The `color_mode` of `make_datasets` that the default input needs."""
        return "rgb" if self.input_shape[-1] == 3 else "grayscale"

    @property
    def takes_weights(self) -> bool:
        """Whether the builder has `weights=`: "imagenet", the path of a file, or `None`."""
        return "weights" in inspect.signature(self.builder).parameters


def list_models() -> list[str]:
    """Return the names of the models that `build` knows, sorted.

    Those that installed packages offer are among them; see `register_model`.

    Examples:
        >>> import keras_cxr
        >>> "lmap3" in keras_cxr.list_models()
        True
    """
    offered = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    for name in sorted(_ROWS.keys() & offered):
        warnings.warn(
            f"{_package(offered[name])} offers a model called {name!r}, as one of keras-cxr is: "
            "it is left out. Give it another name in that package.",
            stacklevel=2,
        )
    return sorted({*MODELS, *offered})


def model_info(name: str) -> ModelInfo:
    """Return the registry's row for a model.

    Raises:
        InvalidArgumentError: (a ValueError) no model has this name; near names are given. Or an
            installed package offers one that cannot be imported.
    """
    if name in MODELS:
        return MODELS[name]
    offers = [point for point in entry_points(group=ENTRY_POINTS) if point.name == name]
    if not offers:
        known = list_models()
        near = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.7)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidArgumentError(
            f"No model is called {name!r}.{hint} Known models: {', '.join(known)}."
        )
    if len(offers) > 1:
        raise InvalidArgumentError(
            f"{' and '.join(sorted(map(_package, offers)))} each offer a model called {name!r}: "
            "uninstall all but one."
        )
    return _load(offers[0])


def build(name: str, /, **arguments: Any) -> keras.Model:
    """Return a model by its name in the registry, uncompiled.

    Args:
        name: one of `list_models()`.
        **arguments: passed on to the model's builder: `input_shape`, `num_classes`, …. The
            model's own `name=` can be given here too.

    Returns:
        The Keras model, as `build_lmap3` and its siblings return it.

    Raises:
        InvalidArgumentError: (a ValueError) no model has this name, or a builder that a user has
            registered returns something else than a Keras model.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build("lmap3", num_classes=2).output_shape
        (None, 2)
    """
    model = model_info(name).builder(**arguments)
    if not isinstance(model, keras.Model):
        raise InvalidArgumentError(
            f"The builder of {name!r} must return a Keras model, not {type(model).__name__}."
        )
    return model


@overload
def register_model(
    name: str, builder: None = None, *, description: str | None = None, replace: bool = False
) -> Callable[[_Builder], _Builder]: ...


@overload
def register_model(
    name: str, builder: _Builder, *, description: str | None = None, replace: bool = False
) -> _Builder: ...


def register_model(
    name: str,
    builder: Callable[..., Any] | None = None,
    *,
    description: str | None = None,
    replace: bool = False,
) -> Any:
    """Return the builder of a network of your own, once the registry knows it by name.

    From then on `build`, `list_models` and `model_info` know it in this process; without a
    `builder` this is a decorator. A package makes its network known to every process, the command
    line's included, by an entry point of the group "keras_cxr.models" that leads to its builder.

    Args:
        name: the name to know it by: letters, digits, "_", "-" and ".".
        builder: a function that returns an uncompiled Keras model. It takes `input_shape`, with a
            default `(height, width, channels)`, and `num_classes`, both by name; images come in
            [0, 255]. Where it has `weights` too, that is "imagenet", the path of a file or `None`.
        description: a line for the list of models; by default the first of the docstring.
        replace: whether it may take the place of another registered model of this name, as when
            a cell of a notebook runs again. The zoo's own models stay.

    Raises:
        InvalidArgumentError: (a ValueError) the name is taken or cannot be used, or the builder
            is no function that takes these arguments.

    Examples:
        >>> import keras
        >>> import keras_cxr
        >>> @keras_cxr.register_model("linear", replace=True)
        ... def build_linear(input_shape=(32, 32, 1), num_classes=4):
        ...     "One weight for each pixel and class."
        ...     images = keras.Input(input_shape)
        ...     x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
        ...     x = keras.layers.Dense(num_classes, activation="softmax", name="predictions")(x)
        ...     return keras.Model(images, x, name="linear")
        >>> keras_cxr.build("linear", num_classes=2).count_params()
        2050
    """
    if builder is None:
        return lambda function: register_model(
            name, function, description=description, replace=replace
        )
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            f'register_model: name must be letters, digits, "_", "-" and ".", not {name!r}.'
        )
    if name in _ROWS or (name in MODELS and not replace):
        other = "" if name in _ROWS else ", or pass replace=True to put this one in its place"
        raise InvalidArgumentError(
            f"register_model: a model called {name!r} is registered already: choose another "
            f"name{other}."
        )
    input_shape = _default_input_shape(name, builder)
    if description is None:
        lines = (inspect.getdoc(builder) or "").splitlines() if inspect.isroutine(builder) else []
        description = lines[0] if lines else ""
    MODELS[name] = ModelInfo(name, builder, input_shape, None, None, description)
    return builder


def _default_input_shape(name: str, builder: Any) -> tuple[int, int, int]:
    """Return a builder's default `(height, width, channels)`."""
    example = "such as def build_mine(input_shape=(224, 224, 1), num_classes=4)"
    try:
        takes = inspect.signature(builder).parameters
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"register_model: the builder of {name!r} must be a function that can be asked for "
            f"its arguments, {example}, not {builder!r}."
        ) from error
    by_name = [
        p.name for p in takes.values() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    any_name = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    if "input_shape" not in by_name or not (any_name or "num_classes" in by_name):
        raise InvalidArgumentError(
            f"register_model: the builder of {name!r} must take input_shape and num_classes by "
            f"name, {example}; it takes {', '.join(takes) or 'nothing'}."
        )
    shape = takes["input_shape"].default
    try:
        height, width, channels = map(operator.index, shape)
    except (TypeError, ValueError):
        given = "none" if shape is inspect.Parameter.empty else repr(shape)
        raise InvalidArgumentError(
            f"register_model: input_shape of the builder of {name!r} needs a default of three "
            f"whole numbers (height, width, channels), {example}; it has {given}."
        ) from None
    return height, width, channels


def _load(point: EntryPoint) -> ModelInfo:
    """Import what an installed package offers: a builder, or a module that registers it."""
    try:
        found = point.load()
    except Exception as error:  # somebody else's code runs
        raise InvalidArgumentError(
            f"The model {point.name!r} of {_package(point)} cannot be imported from "
            f"{point.value} ({type(error).__name__}: {error}). Repair or uninstall that package."
        ) from error
    if point.name not in MODELS:
        register_model(point.name, found)
    return MODELS[point.name]


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else "a package"


def _own(name: str) -> ModelInfo:
    builder = getattr(importlib.import_module(_BUILDERS[f"build_{name}"]), f"build_{name}")
    shape = _default_input_shape(name, builder)
    return ModelInfo(name, builder, shape, **_ROWS[name]._asdict())


MODELS = {name: _own(name) for name in _ROWS}
