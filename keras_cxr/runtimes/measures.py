"""What was measured before an export reached its folder: `Parity` and `Speed`."""

from dataclasses import dataclass

from keras_cxr._support.disk.documents import COUNT, SHARE, Range

PARITY_FORM = {
    "pictures": str,
    "num_images": COUNT,
    "tolerance": Range(0),
    "least_equal?": SHARE,  # since version 2
    "largest_difference": Range(0),
    "equal_answers": SHARE,
}
"""What `export.json` holds of a `Parity`."""

SPEED_FORM = {
    "batch_size": COUNT,
    "cores": COUNT,
    "images_per_second": Range(0),
    "beside_keras": Range(0),
}
"""What it holds of a `Speed`."""


@dataclass(frozen=True)
class Parity:
    """How an export answered beside Keras, before it was put into its folder.

    Attributes:
        pictures: what both were asked about.
        num_images: how many there were.
        tolerance: the largest difference that was let pass.
        largest_difference: between any two probabilities of the same picture and class, or of the
            same pixel.
        equal_answers: share of pictures with the same most probable class, or of pixels on the
            same side of 0.5, in [0, 1].
        least_equal: the smallest such share that was let pass.
    """

    pictures: str
    num_images: int
    tolerance: float
    largest_difference: float
    equal_answers: float
    least_equal: float = 0.0


@dataclass(frozen=True)
class Speed:
    """How many images a second an export answered for, beside Keras in the same minute.

    The ratio is worth more than the number, which depends on the machine and on what else it did.

    Attributes:
        batch_size: how many images were asked about at once.
        cores: that the process was allowed to use.
        images_per_second: of the export in its own runtime, from arrays in memory.
        beside_keras: that number divided by Keras' own: 2 is twice as fast. Both took turns; it is
            the median over the rounds.
    """

    batch_size: int
    cores: int
    images_per_second: float
    beside_keras: float
