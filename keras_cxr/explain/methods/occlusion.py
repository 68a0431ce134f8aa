"""Occlusion: cover a part of the image and see how far the score falls."""

from typing import final

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats, ScoreGradients
from keras_cxr.explain.methods.method import Part
from keras_cxr.explain.methods.pixel_method import PixelMethod


@final
class Occlusion(PixelMethod):
    """Maps of how far the class's score falls where a part of the image is covered.

    Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2:
    a square of `window` pixels is moved over the image in steps of `stride`; each pixel gets the
    mean fall of the score before the softmax, S(x) - S(covered x), over the squares that cover
    it. No gradient is taken. Costs one forward pass for each position: 169 for 224 x 224 pixels
    and the default values.

    A covered image is unlike those that the model was trained on, and the edge of the square is a
    feature itself: part of what is measured is how the model takes that.

    Args:
        model: As for `GradCAM`.
        layer: None, always: for the signature that all methods share.
        window: side of the square in pixels.
        stride: pixels from position to position, at most `window`.
        fill: value of the square: a number in [0, 255], or None for the image's own mean.
        output: of a model with several outputs, the name or number of the one to explain.
        normalize: divide each heat map by its own maximum.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be explained, a layer was given, or
            an argument is out of its range.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import Occlusion
        >>> occlude = Occlusion(build_lmap3(), window=112, stride=56)
        >>> occlude(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "occlusion", "Occlusion"

    def __init__(
        self,
        model: keras.Model,
        layer: None = None,
        *,
        window: int = 32,
        stride: int = 16,
        fill: float | None = None,
        output: int | str | None = None,
        normalize: bool = True,
    ) -> None:
        check_integer("window", window, least=1)
        check_integer("stride", stride, least=1)
        if fill is not None and not (isinstance(fill, int | float) and 0 <= fill <= 255):
            raise InvalidArgumentError(
                f"fill must be None (the image's own mean) or a number in [0, 255]; received "
                f"{fill!r}."
            )
        if stride > window:
            raise InvalidArgumentError(
                "stride must be from 1 to window, so that every pixel is covered; received "
                f"window {window!r} and stride {stride!r}."
            )
        self._window, self._stride, self._fill = window, stride, fill
        super().__init__(
            model,
            layer,
            output=output,
            normalize=normalize,
            settings={"window": window, "stride": stride, "fill": fill},
            differentiate=False,
        )

    def _explain_part(self, images: Floats, class_index: NDArray[np.int32], *, first: int) -> Part:
        scores = self._engine.scores(images)
        chosen = np.where(class_index < 0, scores.argmax(axis=1), class_index).astype(np.int32)
        found = ScoreGradients(scores, chosen, images, np.zeros_like(images))
        raw_map, _ = self.attribute(images, found, first=first)
        return Part(np.maximum(raw_map, 0), raw_map, scores, chosen)

    def attribute(
        self, images: Floats, found: ScoreGradients, *, first: int
    ) -> tuple[Floats, None]:
        """Return the mean fall of the score over the squares that cover each pixel."""
        height, width = self._engine.size(images)
        fill = images.mean(axis=(1, 2, 3), keepdims=True) if self._fill is None else self._fill
        number = np.arange(len(images))
        before = found.scores[number, found.class_index]
        falls = np.zeros((len(images), height, width), np.float32)
        counts = np.zeros((height, width), np.float32)
        for top in self._positions(height):
            for left in self._positions(width):
                place = np.s_[top : top + self._window, left : left + self._window]
                where = (..., *place) if self._engine.channels_first else (np.s_[:], *place)
                covered = images.copy()
                covered[where] = fill
                after = self._engine.scores(covered)[number, found.class_index]
                falls[:, *place] += (before - after)[:, None, None]
                counts[place] += 1
        return falls / counts, None

    def _positions(self, length: int) -> list[int]:
        """First pixels of the squares along one side; the last square ends at the border."""
        last = max(length - self._window, 0)
        return [*range(0, last, self._stride), last]
