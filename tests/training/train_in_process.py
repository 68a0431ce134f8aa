"""Trains in a process of its own, to be killed: run_dir, model name, precision, epochs, place.

`place` is "EPOCH:BATCH" where the process kills itself (SIGKILL), "int" to be interrupted from
outside, or "free".
"""

import os
import signal
import sys

import keras

from keras_cxr.data import make_datasets
from keras_cxr.models import build
from keras_cxr.training import train
from tests.training.conftest import KillAt, bright_squares

SIZES = {"lenet5": 32, "lmap3": 94, "alexnet": 73}


def make(name, seed):
    """A model with new random weights and dropout seeds, and shuffled, augmented data for it."""
    size = SIZES[name]
    keras.utils.set_random_seed(seed)
    datasets = make_datasets(
        bright_squares(40, size), image_size=(size, size), batch_size=8, seed=1
    )
    return build(name, input_shape=(size, size, 1)), datasets


class Kill(KillAt):
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    run_dir, name, precision, epochs, place = sys.argv[1:6]
    callbacks = [Kill(*map(int, place.split(":")))] if ":" in place else []
    model, datasets = make(name, seed=int(sys.argv[6]) if len(sys.argv) > 6 else 11)
    train(
        model,
        datasets,
        epochs=int(epochs),
        run_dir=run_dir,
        precision=precision,
        callbacks=callbacks,
        verbose=2,
    )


if __name__ == "__main__":
    main()
