"""AlexNet as the study built it: large strides everywhere, so its last maps are 1 x 1."""

import functools

import keras
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models.arguments import check_arguments, pool, smallest_input, window_output

# filters, kernel, whether a 3 x 3 maximum pooling follows
CONVOLUTIONS = (
    (96, 11, True),
    (256, 5, True),
    (384, 3, False),
    (384, 3, False),
    (256, 3, False),
)
DENSE_UNITS = (4096, 4096)


def build_alexnet(
    input_shape: tuple[int, int, int] = (224, 224, 1),
    num_classes: int = 4,
    *,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    pooling: str | None = None,
    activation: str = "relu",
    strides: tuple[int, int, int, int, int] = (4, 4, 4, 4, 4),
    dropout: float = 0.5,
    name: str | None = None,
) -> keras.Model:
    """AlexNet of the study: 21,574,344 parameters at 224 x 224 x 1 with 4 classes, uncompiled.

    Layers and counts are those of the study's table "AlexNet", after Krizhevsky et al. 2012
    but with a batch normalization in front, no local response normalization and stride 4 in
    every convolution: the maps shrink to 7 x 7 after the second convolution and to 1 x 1 from
    the third on, which leaves its last three convolutions no place to point at.

    Args:
        input_shape: `(height, width, channels)`, at least 73 x 73 pixels with the default
            strides. Images are float32 in [0, 255]; the batch normalization scales them.
        num_classes: number of classes, at least 1.
        classifier_activation: activation of the last layer; `None` returns logits.
        include_top: False leaves out all behind the last convolution and its activation: hidden
            dense layers with their dropout and classifier; `num_classes` and
            `classifier_activation` are then without effect.
        pooling: with `include_top=False`, "avg" or "max" over height and width, or `None` for maps.
        activation: activation of the convolutions and hidden dense layers.
        strides: of the five convolutions. The study prints the map sizes alone; 4 throughout
            gives them. Smaller strides in the last two give the same table at 224 x 224.
        dropout: share of units dropped after each hidden dense layer, in [0, 1). The study
            does not print it; 0.5 is the default, as in Krizhevsky et al. 2012.
        name: name of the model, "alexnet" by default.

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation. With
        `include_top=False` to features: `(batch, height, width, 256)` or pooled `(batch, 256)`.

    Raises:
        InvalidArgumentError: (a ValueError) the input is too small or an argument is invalid.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build_alexnet().count_params()
        21574344
    """
    if len(strides) != len(CONVOLUTIONS) or min(strides) < 1:
        raise InvalidArgumentError(
            f"build_alexnet: strides must be {len(CONVOLUTIONS)} numbers of at least 1, "
            f"one for each convolution, not {strides!r}."
        )
    shape, num_classes = check_arguments(
        "alexnet",
        input_shape,
        num_classes,
        smallest_size=smallest_size(tuple(strides)),
        include_top=include_top,
        pooling=pooling,
    )
    x = images = keras.Input(shape)
    x = layers.BatchNormalization()(x)
    rows = zip(CONVOLUTIONS, strides, strict=True)
    for number, ((filters, kernel, pooled), stride) in enumerate(rows, start=1):
        conv = f"conv_{number}"
        x = layers.Conv2D(filters, kernel, strides=stride, padding="same", name=conv)(x)
        x = layers.Activation(activation, name=f"{conv}_activation")(x)
        if pooled:
            x = layers.MaxPooling2D(3, strides=2, name=f"pool_{number}")(x)
    if not include_top:
        return keras.Model(images, pool(x, pooling), name=name or "alexnet")
    x = layers.Flatten()(x)
    for units in DENSE_UNITS:
        x = layers.Dense(units, activation=activation)(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(num_classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(images, x, name=name or "alexnet")


@functools.cache
def smallest_size(strides: tuple[int, ...] = (4, 4, 4, 4, 4)) -> int:
    """Return the smallest height and width in pixels for these strides."""

    def map_size(size: int) -> int:
        for (_, kernel, pooled), stride in zip(CONVOLUTIONS, strides, strict=True):
            size = window_output(size, kernel, stride, padding="same")
            if pooled:
                size = window_output(size, 3, 2)
        return size

    return smallest_input(map_size)
