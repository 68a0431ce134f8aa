"""The two forms in which `fit` takes batches; both make them ahead in threads of their own."""

from collections.abc import Callable
from functools import cache
from typing import Any

from keras_cxr._support.threads import num_workers
from keras_cxr.data.batching.batches import Batch, Batches


def as_tf_dataset(batches: Batches) -> Any:
    """Return the batches as a `tf.data.Dataset`."""
    import tensorflow as tf

    def load(index: Any) -> Any:
        images, labels = tf.numpy_function(
            lambda number: batches[int(number)], [index], (tf.float32, tf.float32)
        )
        images.set_shape((None, *batches.image_size, batches.channels))
        labels.set_shape((None, batches.num_classes))
        return images, labels

    as_it_is = tf.autograph.experimental.do_not_convert(load)  # converting it takes 0.1 s
    numbers = tf.data.Dataset.range(len(batches))
    return numbers.map(as_it_is, num_parallel_calls=num_workers()).prefetch(2)


def as_keras_dataset(batches: Batches) -> Any:
    """Return the batches as a `keras.utils.PyDataset`, which every backend's `fit` takes.

    Keras draws the order of a PyDataset's batches from Python's global generator unless `fit`
    is called with `shuffle=False`, as `keras_cxr.train` does. Within the batches nothing
    changes.

    Why not Grain: `fit` of LMAP3 on two cores took 125 images/s from this, 128 from Grain and
    127 from `tf.data` (4,800, 5,400 and 4,300 under a model that costs nothing), but Keras
    3.15 refuses `class_weight` for Grain and does not know its length.
    """
    return _keras_class()(batches)


@cache
def _keras_class() -> Any:
    import keras

    class BatchDataset(keras.utils.PyDataset):
        """The batches of one part."""

        def __init__(self, batches: Batches) -> None:
            super().__init__(workers=num_workers())
            self._batches = batches

        def __len__(self) -> int:
            return len(self._batches)

        def __getitem__(self, index: int) -> Batch:
            return self._batches[index]

    return BatchDataset


FORMATS: dict[str, Callable[[Batches], Any]] = {"tf": as_tf_dataset, "keras": as_keras_dataset}
"""By `format` of `make_datasets`."""
