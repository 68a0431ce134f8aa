"""The models that GradCAM must explain on every backend; free of TensorFlow."""

import tempfile
from functools import partial
from pathlib import Path

import keras
from keras import layers

from keras_cxr import build_alexnet, build_lenet5, build_lmap3, build_vgg19

SIZE, CLASSES = 64, 4
GREY, COLOUR = (SIZE, SIZE, 1), (SIZE, SIZE, 3)


def _convolutions(prefix=""):
    return [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(6, 3, activation="relu", name=f"{prefix}conv_a"),
        layers.MaxPooling2D(2),
        layers.Conv2D(8, 3, name=f"{prefix}conv_b"),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def _head():
    return [layers.GlobalAveragePooling2D(), layers.Dense(CLASSES, activation="softmax")]


def _sequential(*steps, name):
    return keras.Sequential([keras.Input(GREY), *steps], name=name)


def sequential():
    return _sequential(*_convolutions(), layers.MaxPooling2D(2), *_head(), name="plain"), None


def three_deep():
    core = _sequential(*_convolutions("core_"), name="core")
    return _sequential(_sequential(core, name="middle"), *_head(), name="outer"), None


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A model whose graph only its own code knows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = [*_convolutions(), *_head()]

    def call(self, x, training=None):
        for step in self.steps:
            x = (
                step(x, training=training)
                if isinstance(step, layers.BatchNormalization)
                else step(x)
            )
        return x


def subclassed():
    model = Subclassed()
    model(keras.ops.zeros((1, *GREY)))
    return model, None


def reloaded():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        three_deep()[0].save(path)
        return keras.saving.load_model(path), None


def shared_layer():
    shared = layers.Conv2D(8, 3, padding="same", activation="relu", name="shared")
    inputs = keras.Input(GREY)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    for step in [shared, shared, *_head()]:
        x = step(x)
    return keras.Model(inputs, x), None


def two_outputs():
    x = inputs = keras.Input(GREY)
    for step in _convolutions():
        x = step(x)
    pooled = layers.GlobalAveragePooling2D()(x)
    view = layers.Dense(2, activation="softmax", name="view")(pooled)
    finding = layers.Dense(CLASSES, activation="softmax", name="finding")(pooled)
    return keras.Model(inputs, {"view": view, "finding": finding}), None


def augmented():
    """What must rest when the model is explained."""
    front = [layers.RandomRotation(0.2), layers.RandomBrightness(0.2), layers.RandomInvert()]
    return _sequential(*front, *_convolutions(), *_head(), name="augmented"), None


def dense_head():
    """The network of `numpy_reference`."""
    steps = [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(5, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dense(CLASSES, activation="softmax"),
    ]
    return _sequential(*steps, name="dense_head"), None


def channels_first():
    first = {"data_format": "channels_first"}
    steps = [
        layers.Conv2D(6, 3, activation="relu", **first),
        layers.MaxPooling2D(2, **first),
        layers.Conv2D(8, 3, activation="relu", **first),
        layers.GlobalAveragePooling2D(**first),
        layers.Dense(CLASSES, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((1, SIZE, SIZE - 8)), *steps]), None


def study(build):
    # VGG19's and AlexNet's many strides need the study's own size
    return lambda: (build(), None)


def application(build, **options):
    return lambda: (
        build(weights=None, input_shape=COLOUR, classes=CLASSES, **options),
        None,
    )


OUTPUTS = {"two outputs": "finding"}
ZOO = {
    "sequential": sequential,
    "model in a model in a model": three_deep,
    "subclassed": subclassed,
    "reloaded": reloaded,
    "shared layer": shared_layer,
    "two outputs": two_outputs,
    "augmented": augmented,
    "dense head": dense_head,
    "channels first": channels_first,
    "LeNet-5": study(build_lenet5),
    "LMAP3": study(build_lmap3),
    "AlexNet": study(build_alexnet),
    "VGG19, nested": study(partial(build_vgg19, weights=None)),
    "MobileNetV3": application(keras.applications.MobileNetV3Small),
    "ResNet50": application(keras.applications.ResNet50),
    "DenseNet121": application(keras.applications.DenseNet121),
    "EfficientNetV2B0": application(keras.applications.EfficientNetV2B0),
    "ConvNeXtTiny": application(keras.applications.ConvNeXtTiny),
}
