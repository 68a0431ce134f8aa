"""One model of each kind: the model, its layers before and after the map, the layer's path."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.explain import models
from tests.explain.models import body, dense, functional, logits_of, sequential, tail


def kind_sequential():
    front, back, head = body(), tail(), dense()
    return sequential(front, back, head), front, [*back, logits_of(head)], None


def kind_functional():
    front, back, head = body(), tail(), dense()
    return functional(*front, *back, head), front, [*back, logits_of(head)], None


def kind_branches():
    front, back, head = body(), tail(), dense()
    side = layers.Conv2D(6, 1, name="side")
    inputs = keras.Input((24, 24, 1))
    x = inputs
    for layer in front:
        x = layer(x)
    y = keras.ops.relu(layers.Add(name="sum")([x, side(x)]))
    outputs = y
    for layer in [*back, head]:
        outputs = layer(outputs)

    def joined(x):
        return tf.nn.relu(x + side(x))

    return keras.Model(inputs, outputs), [*front, joined], [*back, logits_of(head)], None


def kind_nested_backbone():
    front, head = body(), dense()
    backbone = functional(*front, layers.GlobalAveragePooling2D(name="gap"), name="backbone")
    model = functional(layers.BatchNormalization(), backbone, head)
    after = [layers.GlobalAveragePooling2D(), logits_of(head)]
    return model, [model.layers[1], *front], after, "backbone/conv_b"


def kind_wrapped_whole():
    front, back, head = body(), tail(), dense()
    inner = functional(*front, *back, head, name="inner")
    model = keras.Sequential([keras.Input((24, 24, 1)), layers.Rescaling(0.5), inner])
    return model, [lambda x: x * 0.5, *front], [*back, logits_of(head)], "inner/conv_b"


def kind_three_deep():
    front, back, head = body(), tail(), dense()
    core = functional(*front, name="core")
    middle = keras.Sequential([keras.Input((24, 24, 1)), core, *back], name="middle")
    return functional(middle, head), front, [*back, logits_of(head)], "middle/core/conv_b"


def kind_nested_head():
    front, back, head = body(), tail(), dense()
    hidden = layers.Dense(8, activation="relu", name="hidden")
    top = keras.Sequential([hidden, layers.Dropout(0.5), head], name="top")
    return functional(*front, *back, top), front, [*back, hidden, logits_of(head)], None


def kind_softmax_layer():
    front, back, head = body(), tail(), dense(None)
    return sequential(front, back, head, layers.Softmax()), front, [*back, logits_of(head)], None


def kind_softmax_activation_layer():
    front, back, head = body(), tail(), dense(None)
    model = functional(*front, *back, head, layers.Activation("softmax"), layers.Identity())
    return model, front, [*back, logits_of(head)], None


def kind_softmax_operation():
    front, back, head = body(), tail(), dense(None)
    return functional(*front, *back, head, keras.ops.softmax), front, [*back, head], None


def kind_softmax_layer_in_nested_head():
    front, back, head = body(), tail(), dense(None)
    top = keras.Sequential([head, layers.Softmax()], name="top")
    return functional(*front, *back, top), front, [*back, head], None


def kind_activation_object():
    front, back, head = body(), tail(), dense(layers.Softmax())
    return sequential(front, back, head), front, [*back, logits_of(head)], None


def kind_logits():
    front, back, head = body(), tail(), dense(None)
    return sequential(front, back, head), front, [*back, head], None


def kind_linear_activation_layer():
    front, back, head = body(), tail(), dense(None)
    model = functional(*front, *back, head, layers.Activation("linear"))
    return model, front, [*back, head], None


def kind_sigmoid():
    front, back, head = body(), tail(), dense("sigmoid")
    return functional(*front, *back, head), front, [*back, logits_of(head)], None


def kind_convolutional_head():
    front, head = body(), layers.Conv2D(3, 10, activation="softmax", name="predictions")
    model = functional(*front, head, layers.Reshape((3,)), layers.Softmax())
    return model, front, [head, lambda x: x[:, 0, 0]], None


def kind_subclassed():
    model = models.Subclassed()
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model, model.front, [*model.back, logits_of(model.head)], "conv_b"


def kind_subclassed_with_function():
    model = models.Subclassed("function")
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model, model.front, [*model.back, model.head], "conv_b"


def kind_layer_in_a_layer():
    front, back, head, block = body()[:-1], tail(), dense(), models.Block(name="block")
    model = functional(*front, block, *back, head)
    after = [lambda x: x * 0.5, *back, logits_of(head)]
    return model, [*front, block.inner], after, "block/inner"


KINDS = {
    name.removeprefix("kind_"): maker
    for name, maker in list(globals().items())
    if name.startswith("kind_")
}
