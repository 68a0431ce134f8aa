"""Find the layer to explain: by itself, by name, by path, or the default rule."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.graphs import graph_of, nodes_of
from keras_cxr.explain.hidden import hidden_calls

# Parts of class names of what adds no feature to the map that it receives.
_PASSED_OVER = (
    "Pool", "Dropout", "Reshape", "Flatten", "Permute", "Transpose", "Squeeze", "ExpandDims",
    "ZeroPadding", "Cropping", "UpSampling", "Resizing",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Site:
    """An operation of a model and where it lies.

    Attributes:
        path: Names from the outermost model inwards, such as "vgg19/block5_conv4".
        operation: The layer or operation.
        shape: Its output's shape with the batch in front, None where that is not known.
        hidden: It lies in a layer or model whose `call` is the author's own code.
        channels_first: Its output has the channels before height and width.
    """

    path: str
    operation: Any
    shape: tuple[int | None, ...] | None
    hidden: bool
    channels_first: bool

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def map_size(self) -> tuple[int | None, int | None] | None:
        """Height and width of its output, None unless that is known to have four dimensions."""
        if self.shape is None or len(self.shape) != 4:
            return None
        return self.shape[2:] if self.channels_first else self.shape[1:3]


def list_sites(model: Any) -> list[Site]:
    """List every operation of a model from the input to the output, nested models included.

    Operations that do not say where they keep the channels (activations) follow the model's
    first layer that does.
    """
    found = list(_walk(model, ""))
    formats = [getattr(operation, "data_format", None) for _, operation, _, _ in found]
    usual = next(filter(None, formats), keras.config.image_data_format())
    return [
        Site(path, operation, shape, hidden, (own or usual) == "channels_first")
        for (path, operation, shape, hidden), own in zip(found, formats, strict=True)
    ]


def _walk(model: Any, prefix: str, node: Any | None = None) -> Iterator[tuple[Any, ...]]:
    graph = graph_of(model)
    if graph is None:
        for path, layer, shape in hidden_calls(model, prefix, node):
            yield path, layer, shape, True
        return
    for inner in nodes_of(graph):
        path = prefix + inner.operation.name
        yield from _walk(inner.operation, f"{path}/", inner)
        yield path, inner.operation, tuple(inner.outputs[0].shape), False


def default_site(model: Any) -> Site:
    """Return the deepest operation whose output is a map that is worth looking at.

    That is the last four-dimensional output larger than 1 x 1 which no pooling, dropout or
    reshaping layer made, and before which a layer with a kernel (rank two or more) has seen the
    image. An activation layer after a convolution is thereby taken instead of the convolution.

    Raises:
        InvalidArgumentError: There is none, or the model's own `call` cannot be followed.
    """
    chosen, has_kernel = None, False
    sites = list_sites(model)
    for site in sites:
        if graph_of(site.operation) is not None:
            continue
        weights = getattr(site.operation, "weights", ())
        has_kernel = has_kernel or any(len(weight.shape) >= 2 for weight in weights)
        passed_over = any(part in type(site.operation).__name__ for part in _PASSED_OVER)
        if has_kernel and not passed_over and site.map_size and site.map_size != (1, 1):
            chosen = site
    if chosen is not None:
        return chosen
    if all(site.shape is None for site in sites):
        raise InvalidArgumentError(
            f"model {model.name!r} is subclassed and its code cannot be run without values: the "
            f"order of its layers is not known. Name the layer to explain: layer= one of "
            f"{_listing(sites)}."
        )
    raise InvalidArgumentError(
        f"model {model.name!r} has no layer whose output is a map (four dimensions, larger than "
        "1 x 1, after a convolution): Grad-CAM needs a convolutional model."
    )


def resolve_site(model: Any, layer: Any | None) -> Site:
    """Return the site of a layer, a name, or a path such as "backbone/block5_conv4".

    A name finds a nested layer too when no other layer bears it; so does the end of a path. Of
    a layer that is called several times the last call is meant.

    Raises:
        InvalidArgumentError: There is no such layer, several match, or its output is no map.
    """
    if layer is None:
        return default_site(model)
    sites = list_sites(model)
    if isinstance(layer, str):
        site = _by_name(model, layer, sites)
    else:
        found = [site for site in sites if site.operation is layer]
        if not found:
            raise InvalidArgumentError(
                f"layer {getattr(layer, 'name', layer)!r} is not part of model {model.name!r}; "
                f"it has {_listing(sites)}."
            )
        site = found[-1]
    if site.shape is not None and site.map_size is None:
        raise InvalidArgumentError(
            f"layer {site.path!r} gives {_shape(site.shape)}, which is no map with height and "
            f"width; choose one with four dimensions{_suggestion(model)}."
        )
    return site


def _by_name(model: Any, name: str, sites: list[Site]) -> Site:
    name = name.strip("/").removeprefix(f"{model.name}/")
    exact = [site for site in sites if site.path == name]
    found = exact or [site for site in sites if site.path.endswith(f"/{name}")]
    paths = list(dict.fromkeys(site.path for site in found))
    if len(paths) > 1:
        raise InvalidArgumentError(
            f"layer {name!r} is ambiguous in model {model.name!r}; give a path: "
            f"{', '.join(map(repr, paths))}."
        )
    if found:
        return found[-1]
    last = name.rsplit("/", 1)[-1]
    close = difflib.get_close_matches(last, {site.name: None for site in sites}, n=4)
    near = list(dict.fromkeys(s.path for match in close for s in sites if s.name == match))
    hint = f"Did you mean {' or '.join(map(repr, near[:4]))}?" if near else "It has "
    raise InvalidArgumentError(
        f"model {model.name!r} has no layer {name!r}. {hint}{'' if near else _listing(sites) + '.'}"
    )


def _listing(sites: list[Site]) -> str:
    paths = list(dict.fromkeys(repr(site.path) for site in sites))
    return ", ".join(paths if len(paths) <= 12 else [*paths[:4], "…", *paths[-8:]])


def _suggestion(model: Any) -> str:
    try:
        return f", such as {default_site(model).path!r}"
    except InvalidArgumentError:
        return ""


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("batch" if i == 0 else str(n) for i, n in enumerate(shape)) + ")"
