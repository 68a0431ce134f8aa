"""Find the layer to explain: by itself, by name, by path, or the default rule."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.hidden import hidden_calls
from keras_cxr.keras_graph.unpublished import graph_of
from keras_cxr.keras_graph.walk import Trail, calls, calls_before

# Parts of class names of what adds no feature to the map that it receives; of what has a kernel,
# as Conv2DTranspose has, the name says nothing.
_PASSED_OVER = (
    "Pool", "Dropout", "Reshape", "Flatten", "Permute", "Transpose", "Squeeze", "ExpandDims",
    "Pad", "Cropping", "UpSampling", "Resiz", "Softmax", "Einsum", "Matmul",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Site:
    """An operation of a model and where it lies.

    Attributes:
        path: names from the outermost model inwards, such as "vgg19/block5_conv4".
        operation: the layer or operation.
        shape: its output's shape with the batch in front, None where that is not known.
        hidden: it lies in a layer or model whose `call` is the author's own code.
        channels_first: its output has the channels before height and width.
        trail: the nodes from the outermost graph inwards to this call; empty where hidden.
        leads_out: the model's chosen output is made from it, as far as the graph tells.
    """

    path: str
    operation: Any
    shape: tuple[int | None, ...] | None
    hidden: bool
    channels_first: bool
    trail: Trail = ()
    leads_out: bool = True

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


def list_sites(model: Any, output: int | str | None = None) -> list[Site]:
    """List every operation of a model from the input to the output, nested models included.

    Operations that do not say where they keep the channels (activations) follow the model's
    first layer that does.

    Args:
        model: the model.
        output: the number of the output that sites may lead to; None for any.
    """
    graph = graph_of(model)
    outputs = [] if graph is None else graph.outputs
    chosen = outputs[output : output + 1] if isinstance(output, int) else outputs
    used = {
        call.trail[:depth]
        for call, _ in calls_before(chosen, ends=lambda operation: False)
        for depth in range(1, len(call.trail) + 1)
    }
    found = list(_places(model, used))
    formats = [getattr(place[1], "data_format", None) for place in found]
    usual = next(filter(None, formats), keras.config.image_data_format())
    return [
        Site(path, operation, shape, hidden, (own or usual) == "channels_first", trail, leads_out)
        for (path, operation, shape, hidden, trail, leads_out), own in zip(
            found, formats, strict=True
        )
    ]


def _places(model: Any, used: set[Trail]) -> Iterator[tuple[Any, ...]]:
    """Yield path, operation, shape, hidden, trail, leads_out; `used` are trails that lead out."""
    if graph_of(model) is None:
        for path, layer, shape in hidden_calls(model, "", None):
            yield path, layer, shape, True, (), True
    for call in calls(model):
        leads_out = call.trail in used
        if graph_of(call.operation) is None:
            for path, layer, shape in hidden_calls(call.operation, f"{call.path}/", call.node):
                yield path, layer, shape, True, (), leads_out
        outputs = call.node.outputs
        shape = tuple(outputs[0].shape) if len(outputs) == 1 else None
        yield call.path, call.operation, shape, False, call.trail, leads_out


def default_site(model: Any, output: int | str | None = None) -> Site:
    """Return the deepest operation whose output is a map that is worth looking at.

    That is the last four-dimensional output larger than 1 x 1 on the way to the model's output
    which no pooling, dropout, reshaping or attention made, and before which a layer with a kernel
    (rank two or more) has seen the image. An activation layer after a convolution is thereby
    taken instead of the convolution. Behind tokens, (batch, tokens, channels), four dimensions
    are a map again after the next convolution.

    Raises:
        InvalidArgumentError: There is none, or the model's own `call` cannot be followed.
    """
    chosen, has_kernel, tokens = None, False, False
    sites = list_sites(model, output)
    for site in sites:
        if graph_of(site.operation) is not None or not site.leads_out:
            continue
        has_kernel = has_kernel or _has_kernel(site.operation)
        tokens = len(site.shape or ()) == 3 or (
            tokens and not (site.map_size and hasattr(site.operation, "kernel_size"))
        )
        is_map = site.map_size and site.map_size != (1, 1)
        if has_kernel and is_map and not tokens and not _is_passed_over(site.operation):
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
        f"1 x 1, after a convolution): {_reason(sites)}"
    )


def _has_kernel(operation: Any) -> bool:
    if type(operation).__name__ in ("Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv"):
        return True  # keras.ops, which are handed their kernel
    return any(len(weight.shape) >= 2 for weight in getattr(operation, "weights", ()))


def _is_passed_over(operation: Any) -> bool:
    kinds = [kind.__name__ for kind in type(operation).__mro__]
    named = any(part in kind for kind in kinds for part in _PASSED_OVER)
    return named and not _has_kernel(operation)


def _reason(sites: list[Site]) -> str:
    """Why there is no map, in words that are true of the model."""
    convolutions = [
        site
        for site in sites
        if site.shape
        and len(site.shape) in (3, 4, 5)
        and _has_kernel(site.operation)
        and graph_of(site.operation) is None
    ]
    if not convolutions:
        return "Grad-CAM needs a convolutional model."
    last = convolutions[-1]
    return (
        f"its last layer with a kernel, {last.path!r} ({type(last.operation).__name__}), gives "
        f"{_shape(last.shape or ())}. Saliency, IntegratedGradients and Occlusion need no map."
    )


def resolve_site(
    model: Any, layer: Any | None, *, output: int | str | None = None, call_index: int = -1
) -> Site:
    """Return the site of a layer, a name, or a path such as "backbone/block5_conv4".

    A name finds a nested layer too when no other layer bears it; so does the end of a path.

    Args:
        model: the model.
        layer: layer, name or path; None for the default.
        output: the output that the layer must lead to, as `find_output` returns it.
        call_index: of a layer that is called several times, which call is meant.

    Raises:
        InvalidArgumentError: There is no such layer or call, several match, its output is no map,
            or the model's output does not depend on it.
    """
    if layer is None and call_index == -1:
        return default_site(model, output)
    sites = list_sites(model, output)
    site = default_site(model, output) if layer is None else _found(model, layer, sites)
    calls = [s for s in sites if s.path == site.path and s.operation is site.operation]
    if not site.hidden:  # how often a hidden one is called is known once the model has run
        if not -len(calls) <= call_index < len(calls):
            raise InvalidArgumentError(
                f"layer {site.path!r} is called {len(calls)} times by model {model.name!r}: "
                f"call_index is in [-{len(calls)}, {len(calls) - 1}]; received {call_index!r}."
            )
        site = calls[call_index]
    if site.shape is not None and site.map_size is None:
        raise InvalidArgumentError(
            f"layer {site.path!r} gives {_shape(site.shape)}, which is no map with height and "
            f"width; choose one with four dimensions{_suggestion(model, output)}."
        )
    if not site.leads_out:
        raise InvalidArgumentError(
            f"layer {site.path!r} has no way to the explained output of model {model.name!r}; "
            f"choose another layer{_suggestion(model, output)}."
        )
    return site


def _found(model: Any, layer: Any, sites: list[Site]) -> Site:
    if isinstance(layer, str):
        return _by_name(model, layer, sites)
    found = [site for site in sites if site.operation is layer]
    if not found:
        raise InvalidArgumentError(
            f"layer {getattr(layer, 'name', layer)!r} is not part of model {model.name!r}; "
            f"it has {_listing(sites)}."
        )
    return found[-1]


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
    if len({id(site.operation) for site in found}) > 1:
        raise InvalidArgumentError(
            f"several layers of model {model.name!r} have the path {paths[0]!r}; pass the layer "
            "itself, or give them names of their own."
        )
    if found:
        return found[-1]
    last = name.rsplit("/", 1)[-1]
    for site in sites:
        if getattr(getattr(site.operation, "layer", None), "name", None) == last:
            raise InvalidArgumentError(
                f"layer {last!r} of model {model.name!r} lies inside the wrapper {site.path!r} "
                f"({type(site.operation).__name__}), which calls it: choose {site.path!r}."
            )
    close = difflib.get_close_matches(last, {site.name: None for site in sites}, n=4)
    near = list(dict.fromkeys(s.path for match in close for s in sites if s.name == match))
    hint = f"Did you mean {' or '.join(map(repr, near[:4]))}?" if near else "It has "
    raise InvalidArgumentError(
        f"model {model.name!r} has no layer {name!r}. {hint}{'' if near else _listing(sites) + '.'}"
    )


def _listing(sites: list[Site]) -> str:
    paths = list(dict.fromkeys(repr(site.path) for site in sites))
    return ", ".join(paths if len(paths) <= 12 else [*paths[:4], "…", *paths[-8:]])


def _suggestion(model: Any, output: int | str | None) -> str:
    try:
        return f", such as {default_site(model, output).path!r}"
    except InvalidArgumentError:
        return ""


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("batch" if i == 0 else str(n) for i, n in enumerate(shape)) + ")"
