"""A model whose maps are known by hand, and all methods with few steps."""

import numpy as np
from keras import layers

from keras_cxr.explain import METHODS
from tests.explain.models import functional

# few enough steps for tests
QUICK = {
    "smoothgrad": {"num_samples": 3},
    "integrated-gradients": {"num_steps": 4},
    "occlusion": {"window": 12, "stride": 6},
}


def make(name, model, *args, **kwargs):
    return METHODS[name](model, *args, **QUICK.get(name, {}), **kwargs)


def known():
    """Channel 0 is the image, channel 1 its negative; scores (3 m0 + m1, m0 + 2 m1) of means."""
    convolution = layers.Conv2D(2, 1, use_bias=False, name="conv")
    head = layers.Dense(2, use_bias=False, activation="softmax")
    model = functional(convolution, layers.GlobalAveragePooling2D(), head, shape=(2, 4, 1))
    convolution.set_weights([np.array([[[[1.0, -1.0]]]], "float32")])
    head.set_weights([np.array([[3.0, 1.0], [1.0, 2.0]], "float32")])
    return model  # score 0 is the mean of 2 x, score 1 the mean of -x


PICTURE = np.array([[0.0, 4.0, 8.0, 2.0], [1.0, 1.0, 6.0, 2.0]], "float32")
