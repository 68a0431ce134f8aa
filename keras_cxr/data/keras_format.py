"""The format without TensorFlow: a `keras.utils.PyDataset` that every backend's `fit` takes."""

import keras

from keras_cxr.data.batches import Batch, Batches


class BatchDataset(keras.utils.PyDataset):
    """The batches of one part as a Keras data set.

    Keras draws the order of a PyDataset's batches from Python's global generator unless `fit`
    is called with `shuffle=False`, as `keras_cxr.train` does. Within the batches nothing
    changes.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__(workers=2)
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Batch:
        return self._batches[index]
