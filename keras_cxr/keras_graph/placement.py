"""Where in the image the cells of a map belong: stretched, or where their fields of view centre.

A map is usually stretched over the whole image. That is right for networks that pad: their
outermost cells look at the border. Convolutions without padding cut the border off, so that the
outermost cell of the study's LMAP3 looks at a place 38 pixels inside a 224-pixel image, and a
stretched map shows it 11 pixels inside. The arithmetic is that of Araujo, Norris and Sim 2019,
"Computing Receptive Fields of Convolutional Neural Networks", Distill, section 3: each
operation changes the first centre, the distance between centres and their number.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.layers import Site
from keras_cxr.keras_graph.unpublished import graph_of, nodes_of
from keras_cxr.keras_graph.walk import Trail

PLACEMENTS = ("stretch", "receptive_field")
_ADVICE = 'pass placement="stretch", which lays the map over the whole image.'
# What computes each place of a map from the same place of its inputs.
_POINTWISE = frozenset({
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "BatchNormalization",
    "Cast", "Clip", "Concatenate", "Divide", "Dropout", "ELU", "Elu", "Gelu", "GaussianDropout",
    "GaussianNoise", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardswish", "Identity",
    "LayerNormalization", "LayerScale", "LeakyReLU", "LeakyRelu", "Maximum", "Minimum", "Multiply",
    "Normalization", "PReLU", "ReLU", "Relu", "Relu6", "Rescaling", "SeLU", "Selu", "Sigmoid",
    "Silu", "Softmax", "Softplus", "SpatialDropout2D", "StochasticDepth", "Subtract", "Swish",
    "Tanh", "TrueDivide", "UnitNormalization",
})  # fmt: skip
_WINDOWS = frozenset({
    "AveragePooling2D", "Conv2D", "DepthwiseConv2D", "MaxPooling2D", "SeparableConv2D",
})  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """Where a map's cells lie along one axis of the image: cell i at pixel `first + step * i`.

    Pixels are counted by their centres, from 0.

    Attributes:
        first: place of the first cell in pixels.
        step: pixels from cell to cell.
        count: number of cells.
    """

    first: float
    step: float
    count: int

    def window(self, size: int, stride: int, dilation: int, padding: str) -> "Axis":
        """Return the axis after a convolution or pooling with such a window."""
        reach = (size - 1) * dilation
        if padding == "same":
            count = -(-self.count // stride)
            before = max((count - 1) * stride + reach + 1 - self.count, 0) // 2
        else:
            count, before = (self.count - reach - 1) // stride + 1, 0
        return Axis(self.first + (reach / 2 - before) * self.step, self.step * stride, count)

    def padded(self, before: int, after: int) -> "Axis":
        """Return the axis with cells added before and after, or cut off where negative."""
        return replace(
            self, first=self.first - before * self.step, count=self.count + before + after
        )

    def repeated(self, times: int) -> "Axis":
        """Return the axis with each cell divided into several."""
        step = self.step / times
        return Axis(self.first - (self.step - step) / 2, step, self.count * times)


Axes = tuple[Axis, Axis]
# A string stands for axes that are not known and says why; None for what is no map.
Place = Axes | str | None


def stretched(map_size: tuple[int, int], size: tuple[int, int]) -> Axes:
    """Rows and columns of a map that covers the whole image, each cell an equal part of it."""
    rows, columns = (
        Axis((pixels / count - 1) / 2, pixels / count, count)
        for count, pixels in zip(map_size, size, strict=True)
    )
    return rows, columns


def receptive_fields(model: Any, site: Site, size: tuple[int, int]) -> Axes:
    """Rows and columns at the centres of what the layer's cells look at.

    Args:
        model: the model.
        site: the layer, and which of its calls.
        size: height and width of the image.

    Raises:
        InvalidArgumentError: An operation on the way moves places in a way that is not known.
    """
    image = Axis(0.0, 1.0, size[0]), Axis(0.0, 1.0, size[1])
    found: dict[Trail, Place] = {}
    _walk(model, (), [image], found)
    axes = found.get(site.trail)
    if isinstance(axes, tuple):
        return axes
    where = f"where in the image the cells of layer {site.path!r} look"
    if isinstance(axes, str):
        raise InvalidArgumentError(f"{where} is not known, because of {axes}: {_ADVICE}")
    raise InvalidArgumentError(f"{where} cannot be read from the model's graph: {_ADVICE}")


def _walk(model: Any, trail: Trail, entries: list[Place], found: dict[Trail, Place]) -> list[Place]:
    """Follow the graph; note each call's axes by its trail and return those of the outputs."""
    graph = graph_of(model)
    if graph is None:
        return []
    known = {id(tensor): entry for tensor, entry in zip(graph.inputs, entries, strict=False)}
    for node in nodes_of(graph):
        operation, here = node.operation, (*trail, node)
        inputs = [known.get(id(tensor)) for tensor in node.input_tensors]
        if graph_of(operation) is not None:
            after = _walk(operation, here, inputs, found)
        elif len(node.outputs) > 1:
            reason = f"the operation {operation.name!r}, which has several outputs"
            after = [reason] * len(node.outputs)
        else:
            after = [_after(operation, inputs)]
        found[here] = after[0]
        known.update(zip(map(id, node.outputs), after, strict=True))
    return [known.get(id(tensor)) for tensor in graph.outputs]


def _after(operation: Any, inputs: list[Place]) -> Place:
    reasons = [axes for axes in inputs if isinstance(axes, str)]
    if reasons:
        return reasons[0]
    maps = [axes for axes in inputs if isinstance(axes, tuple)]
    kind = type(operation).__name__
    if not maps or kind.startswith("Global"):
        return None
    rows, columns = maps[0]
    if kind in _WINDOWS:
        sizes = getattr(operation, "kernel_size", None) or operation.pool_size
        dilations = getattr(operation, "dilation_rate", (1, 1))
        windows = list(zip(sizes, operation.strides, dilations, strict=True))
        padding = operation.padding
        return rows.window(*windows[0], padding), columns.window(*windows[1], padding)
    if kind == "ZeroPadding2D":
        (top, bottom), (left, right) = operation.padding
        return rows.padded(top, bottom), columns.padded(left, right)
    if kind == "Cropping2D":
        (top, bottom), (left, right) = operation.cropping
        return rows.padded(-top, -bottom), columns.padded(-left, -right)
    if kind == "UpSampling2D":
        return rows.repeated(operation.size[0]), columns.repeated(operation.size[1])
    reason = f"the operation {operation.name!r} ({kind})"
    is_pointwise = kind in _POINTWISE or kind.startswith("Random")  # which rest at inference
    last = keras.config.image_data_format() == "channels_last"
    if kind == "Dense":  # over the last axis: the channels, unless they come first
        is_pointwise = last
    elif kind == "Concatenate":
        is_pointwise = operation.axis in ((-1, 3) if last else (1, -3))
    return (_merged(maps) or reason) if is_pointwise else reason


def _merged(maps: list[Axes]) -> Axes | None:
    """Where branches meet: the mean of their places, if they have equally many cells."""
    merged = []
    for axes in zip(*maps, strict=True):
        if len({(axis.step, axis.count) for axis in axes}) > 1:
            return None
        merged.append(replace(axes[0], first=sum(axis.first for axis in axes) / len(axes)))
    return merged[0], merged[1]
