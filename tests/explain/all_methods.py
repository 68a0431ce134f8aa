"""Methods of our own and a model whose answers are known by hand, for tests of faithfulness."""

import keras
import numpy as np
from keras import layers

from keras_cxr.explain import PixelMethod
from keras_cxr.explain.faithfulness.controls import edges


class Given(PixelMethod):
    """Maps that were given, whatever the model says."""

    name, title = "given", "Given"

    def __init__(self, model, layer=None, *, maps, output=None, normalize=True):
        self.maps = np.asarray(maps, "float32")
        super().__init__(model, layer, output=output, normalize=normalize, settings={"maps": maps})

    def attribute(self, images, found, *, first):
        return self.maps[first : first + len(images)], None


class Edges(PixelMethod):
    """An edge map: it looks like an explanation and has never seen the model."""

    name, title = "edge-map", "Edge map"

    def attribute(self, images, found, *, first):
        return edges(images), None


def reader(weights):
    """A model of two classes whose score for class 1 is the weighted sum of the pixels.

    With the last number of `weights` for the bias: score 1 = sum(weights * pixels) + bias, score
    0 = 0, so that the probability of class 1 is the sigmoid of its score.
    """
    places, bias = np.asarray(weights[0], "float32"), weights[1]
    model = keras.Sequential(
        [
            keras.Input((*places.shape, 1)),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    kernel = np.zeros((places.size, 2), "float32")
    kernel[:, 1] = places.ravel()
    model.layers[-1].set_weights([kernel, np.array([0, bias], "float32")])
    return model
