"""LMAP3, the study's own small network: five convolutions and two dense layers."""

import keras
from keras import layers

from keras_cxr.models.arguments import check_arguments, pool, smallest_input, window_output

FILTERS = (32, 32, 32, 64, 64)
DENSE_UNITS = (128, 64)


def build_lmap3(
    input_shape: tuple[int, int, int] = (224, 224, 1),
    num_classes: int = 4,
    *,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    pooling: str | None = None,
    activation: str = "relu",
    dropout: float = 0.5,
    name: str | None = None,
) -> keras.Model:
    """LMAP3: 287,688 parameters at 224 x 224 x 1 with 4 classes, uncompiled.

    Layers and counts are those of the study's table "LMAP3": a batch normalization of the
    raw grey values, five times a 3 x 3 "valid" convolution followed by 2 x 2 maximum pooling,
    dropout, two dense layers, dropout and the classifier.

    Args:
        input_shape: `(height, width, channels)`, at least 94 x 94 pixels. Images are float32
            in [0, 255]; the batch normalization in front takes care of their scale.
        num_classes: number of classes, at least 1.
        classifier_activation: activation of the last layer; `None` returns logits.
        include_top: False leaves out all behind the last pooling: dropout, hidden dense layers and
            classifier; `num_classes` and `classifier_activation` are then without effect.
        pooling: with `include_top=False`, "avg" or "max" over height and width, or `None` for maps.
        activation: activation of the convolutions and hidden dense layers. The study does not
            print it; ReLU is the default.
        dropout: share of units dropped by both dropout layers, in [0, 1). The study does not
            print it; 0.5 is the default, the rate of Srivastava et al. 2014.
        name: name of the model, "lmap3" by default.

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation. With
        `include_top=False` to features: `(batch, height, width, 64)` or pooled `(batch, 64)`.

    Raises:
        InvalidArgumentError: (a ValueError) the input is too small or an argument is invalid.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build_lmap3().count_params()
        287688
    """
    shape, num_classes = check_arguments(
        "lmap3",
        input_shape,
        num_classes,
        smallest_size=SMALLEST_SIZE,
        include_top=include_top,
        pooling=pooling,
    )
    x = images = keras.Input(shape)
    x = layers.BatchNormalization()(x)
    for number, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, activation=activation, name=f"conv_{number}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
    if not include_top:
        return keras.Model(images, pool(x, pooling), name=name or "lmap3")
    x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    for units in DENSE_UNITS:
        x = layers.Dense(units, activation=activation)(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(num_classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(images, x, name=name or "lmap3")


def _map_size(size: int) -> int:
    for _ in FILTERS:
        size = window_output(window_output(size, 3), 2, 2)
    return size


SMALLEST_SIZE = smallest_input(_map_size)
