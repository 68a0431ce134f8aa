"""`python -m tests.inference.on_backend PRESET FILMS.npy ANSWERS.npy`, on Keras' backend."""

import sys

import numpy as np

from keras_cxr.inference import Classifier

if __name__ == "__main__":
    np.save(sys.argv[3], Classifier.from_preset(sys.argv[1]).predict(np.load(sys.argv[2])))
