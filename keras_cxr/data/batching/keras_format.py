"""The format without TensorFlow: a `keras.utils.PyDataset` that every backend's `fit` takes."""

import keras

from keras_cxr._support.threads import num_workers
from keras_cxr.data.batching.batches import Batch, Batches


class BatchDataset(keras.utils.PyDataset):
    """The batches of one part as a Keras data set, two or more of them made ahead in threads.

    Keras draws the order of a PyDataset's batches from Python's global generator unless `fit`
    is called with `shuffle=False`, as `keras_cxr.train` does. Within the batches nothing
    changes.

    Why not Grain: `fit` of LMAP3 on two cores took 125 images/s from this, 128 from Grain and
    127 from `tf.data` (4,800, 5,400 and 4,300 under a model that costs nothing), but Keras
    3.15 refuses `class_weight` for Grain and does not know its length.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__(workers=num_workers())
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Batch:
        return self._batches[index]
