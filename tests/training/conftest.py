import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.data import make_datasets


def bright_squares(count=48, size=32, seed=0):
    """Noise with a bright square in one of four corners, and which corner."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (count, size, size), dtype=np.uint8)
    labels = np.arange(count) % 4
    half = size // 2
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[top * half : (top + 1) * half, left * half : (left + 1) * half] += 100
    return images, labels


def build_small(*, size=32, dropout=0.3, activation="softmax", classes=4, filters=8):
    """Two convolutions, two dropouts: small, but with every kind of state."""
    model = keras.Sequential(name="small")
    model.add(keras.Input((size, size, 1)))
    model.add(layers.BatchNormalization())
    for _ in range(2):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(dropout))
    model.add(layers.Dense(16, activation="relu"))
    model.add(layers.Dropout(dropout))
    model.add(layers.Dense(classes, activation=activation, name="predictions"))
    return model


def state_of(model):
    """Every number that decides how training goes on."""
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assert_same_state(one, other):
    assert len(one) == len(other) > 0
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


class Killed(BaseException):
    """Ends training as a kill would: nothing in the package expects it."""


class KillAt(keras.callbacks.Callback):
    def __init__(self, epoch, batch=1, error=Killed):
        super().__init__()
        self.place = (epoch, batch)
        self.error = error

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise self.error

    def get_state(self):
        return None

    def set_state(self, state):
        pass


@pytest.fixture(scope="session")
def squares():
    """Shuffled and augmented, four classes, batches of 8 with a partial one at the end."""
    return make_datasets(bright_squares(50), image_size=(32, 32), batch_size=8, seed=3)
