"""What the processes of `tests/forked.py` need not do again; importing it does it."""

import keras  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import tensorflow  # noqa: F401

import keras_cxr.explain
import keras_cxr.study  # noqa: F401
from keras_cxr.audit.of_data.flags.orientation_model import drawn

drawn()
