"""Phantoms whose truth is known, and the small network that learns it: a lesion, or a mark."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_cxr.phantoms.draw import draw_phantom

SIDE = 96
MARK = 11  # pixels a side, 1.3 % of the picture
CORNER = 4  # where the mark's box begins, in pixels from the top and the left
CONTRAST = 140  # grey values, as bright as the letters of lead that say left and right
CLASSES = ("Normal", "Lung_Opacity")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Phantoms with their truth.

    Attributes:
        images: (count, side, side, 1) float32 in [0, 255].
        labels: (count,) int64, 0 or 1.
        masks: "lungs", "lesions" and, where one was planted, "mark": (count, side, side) bool.
    """

    images: Any
    labels: Any
    masks: dict[str, Any]

    def part(self, chosen: Any) -> "Pictures":
        """Some of the pictures, by a slice, numbers or a bool for each."""
        masks = {name: mask[chosen] for name, mask in self.masks.items()}
        return Pictures(self.images[chosen], self.labels[chosen], masks)


def with_lesions(count: int, *, seed: int) -> Pictures:
    """Half of the phantoms have consolidations, and that is the label."""
    labels = np.arange(count) % 2
    drawn = [
        draw_phantom(CLASSES[label], number, image_size=SIDE, seed=seed)
        for number, label in enumerate(labels)
    ]
    return Pictures(
        np.stack([phantom.image for phantom in drawn]).astype(np.float32)[..., np.newaxis],
        labels,
        {
            "lungs": np.stack([phantom.lungs for phantom in drawn]),
            "lesions": np.stack([phantom.lesions for phantom in drawn]),
        },
    )


def with_marks(count: int, *, seed: int) -> Pictures:
    """The same phantoms with a mark in the upper left corner, whose shape alone is the label.

    A ring for class 0, a cross for class 1, a coin decides which: whether there is a lesion says
    nothing about the label.
    """
    plain = with_lesions(count, seed=seed)
    labels = np.random.default_rng([seed, 1]).integers(0, 2, count)
    reach = np.arange(MARK) - MARK // 2
    distance = np.hypot(reach[:, np.newaxis], reach)
    ring = np.abs(distance - MARK / 3) < 1.2
    cross = np.minimum(np.abs(reach[:, np.newaxis]), np.abs(reach)) < 1.5
    shapes = (ring, cross)
    images = plain.images.copy()
    box = slice(CORNER, CORNER + MARK)
    for image, label in zip(images, labels, strict=True):
        image[box, box, 0] += CONTRAST * shapes[label]
    mark = np.zeros(images.shape[:3], bool)
    mark[:, box, box] = True
    return Pictures(np.clip(images, 0, 255), labels, {**plain.masks, "mark": mark})


def averaging_network(side: int, num_classes: int) -> keras.Sequential:
    """Four padded convolutions, the last map averaged: 1/8 of the side, 32 channels."""
    model = keras.Sequential([keras.Input((side, side, 1)), layers.Rescaling(1 / 128, offset=-1)])
    for filters in (12, 24, 32):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Conv2D(32, 3, padding="same", activation="relu"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(num_classes, activation="softmax"))
    return model


def trained(pictures: Pictures, *, epochs: int, seed: int) -> keras.Model:
    """The averaging network, trained: its last map has 12 x 12 cells.

    Every picture is shown a second time mirrored, but for marks, which have a side.
    """
    keras.utils.set_random_seed(seed)
    model = averaging_network(SIDE, 2)
    images, labels = pictures.images, pictures.labels
    if "mark" not in pictures.masks:
        images, labels = np.concatenate([images, images[:, :, ::-1]]), np.tile(labels, 2)
    # the rate falls to zero, so that the last steps do not decide how good the model is
    falling = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(images) // 16))
    model.compile(
        keras.optimizers.Adam(falling), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, labels, batch_size=16, epochs=epochs, verbose=0)
    return model
