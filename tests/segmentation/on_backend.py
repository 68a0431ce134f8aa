"""`python -m tests.segmentation.on_backend FILMS.npy MAPS.npy`: the lungs, on Keras' backend."""

import sys

import numpy as np

from keras_cxr.segmentation import segment_lungs

if __name__ == "__main__":
    np.save(sys.argv[2], segment_lungs(np.load(sys.argv[1])))
