"""LeNet-5, the seven-layer network of LeCun et al. 1998."""

import keras
from keras import layers

from keras_cxr.models.arguments import (
    check_arguments,
    check_choice,
    pool,
    smallest_input,
    window_output,
)

FILTERS = (6, 16)
DENSE_UNITS = (120, 84)
SUBSAMPLING = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}


def build_lenet5(
    input_shape: tuple[int, int, int] = (224, 224, 1),
    num_classes: int = 4,
    *,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    pooling: str | None = None,
    activation: str = "tanh",
    subsampling: str = "average",
    name: str | None = None,
) -> keras.Model:
    """LeNet-5: two convolutions, two poolings, three dense layers, uncompiled.

    61,706 parameters at 32 x 32 x 1 with 10 classes, 5,406,476 at 224 x 224 x 1 with 4. After
    LeCun et al. 1998, "Gradient-based learning applied to document recognition", with full
    connections between the maps and a softmax in place of radial basis functions. A division
    by 255 (no parameters) stands in front, since tanh saturates on raw grey values.

    Args:
        input_shape: `(height, width, channels)`, at least 16 x 16 pixels; float32 in [0, 255].
        num_classes: number of classes, at least 1.
        classifier_activation: activation of the last layer; `None` returns logits.
        include_top: False leaves out all behind the second subsampling: hidden dense layers and
            classifier; `num_classes` and `classifier_activation` are then without effect.
        pooling: with `include_top=False`, "avg" or "max" over height and width, or `None` for maps.
        activation: activation of the convolutions and hidden dense layers. The study does not
            print it; tanh is the paper's.
        subsampling: what halves the maps behind each convolution: "average" (the paper's) or "max".
        name: name of the model, "lenet5" by default.

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation. With
        `include_top=False` to features: `(batch, height, width, 16)` or pooled `(batch, 16)`.

    Raises:
        InvalidArgumentError: (a ValueError) the input is too small or an argument is invalid.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build_lenet5((32, 32, 1), 10).count_params()
        61706
    """
    check_choice("lenet5", "subsampling", subsampling, tuple(SUBSAMPLING))
    shape, num_classes = check_arguments(
        "lenet5",
        input_shape,
        num_classes,
        smallest_size=SMALLEST_SIZE,
        include_top=include_top,
        pooling=pooling,
        pooling_remedy="What follows each convolution is subsampling='average' or 'max'.",
    )
    x = images = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(x)
    for number, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 5, activation=activation, name=f"conv_{number}")(x)
        x = SUBSAMPLING[subsampling](2, name=f"pool_{number}")(x)
    if not include_top:
        return keras.Model(images, pool(x, pooling), name=name or "lenet5")
    x = layers.Flatten()(x)
    for units in DENSE_UNITS:
        x = layers.Dense(units, activation=activation)(x)
    x = layers.Dense(num_classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(images, x, name=name or "lenet5")


def _map_size(size: int) -> int:
    for _ in FILTERS:
        size = window_output(window_output(size, 5), 2, 2)
    return size


SMALLEST_SIZE = smallest_input(_map_size)
