"""What a user writes who follows Keras' own guides, without keras-cxr."""

from pathlib import Path
from typing import Any

import keras


def plain_dataset(folder: Path, *, size: int = 224, augment: bool = False) -> Any:
    """Batches as in keras.io's "Image classification from scratch".

    A directory loader, three augmentation layers in `map`, `prefetch`.
    """
    import tensorflow as tf

    dataset = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        color_mode="grayscale",
        image_size=(size, size),
        batch_size=32,
        seed=0,
        verbose=False,
    )
    if augment:
        moves = [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(18 / 360),
            keras.layers.RandomZoom(0.05),
        ]

        def move(images: Any, labels: Any) -> Any:
            for layer in moves:
                images = layer(images, training=True)
            return images, labels

        dataset = dataset.map(move, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)
