"""Gradients of the score with respect to the pixels: as they are, of noisy copies, along a way."""

from typing import Any, final

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats, ScoreGradients
from keras_cxr.explain.methods.pixel_method import PixelMethod


@final
class Saliency(PixelMethod):
    """Maps of how strongly the class's score changes with each pixel.

    Simonyan et al. 2014, "Deep Inside Convolutional Networks: Visualising Image Classification
    Models and Saliency Maps", section 3: the largest |d S / d x| over the channels, S the score
    before the softmax. It shows what the score is sensitive to, not what it is made of: a pixel
    that would lower the score is as hot as one that would raise it.

    Args:
        model: As for `GradCAM`.
        layer: None, always: for the signature that all methods share.
        output: of a model with several outputs, the name or number of the one to explain.
        normalize: divide each heat map by its own maximum.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be explained, or a layer was given.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import Saliency
        >>> Saliency(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "saliency", "Saliency"

    def attribute(
        self, images: Floats, found: ScoreGradients, *, first: int
    ) -> tuple[Floats, None]:
        """Return |d S / d x|, the largest over the channels."""
        return self._over_channels(np.abs(found.gradients), np.max), None


@final
class SmoothGrad(PixelMethod):
    """Saliency of the mean gradient over noisy copies of the image.

    Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise": the gradient d S / d x is
    averaged over `num_samples` copies with Gaussian noise whose standard deviation is
    `noise_level` times the range of the image's own values; then the largest absolute value over
    the channels. The signed gradients are averaged, as in the paper; to average absolute values
    would show other maps. Costs `num_samples` gradients for each image.

    Args:
        model: As for `GradCAM`.
        layer: None, always: for the signature that all methods share.
        num_samples: number of noisy copies, at least 1.
        noise_level: standard deviation of the noise, as a share of the range of the image's
            values; the paper finds 0.1 to 0.2 good.
        seed: of the noise. The same image gets the same map, alone or in a batch.
        output: of a model with several outputs, the name or number of the one to explain.
        normalize: divide each heat map by its own maximum.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be explained, a layer was given, or
            an argument is out of its range.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import SmoothGrad
        >>> smooth = SmoothGrad(build_lmap3(), num_samples=2)
        >>> smooth(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "smoothgrad", "SmoothGrad"

    def __init__(
        self,
        model: keras.Model,
        layer: None = None,
        *,
        num_samples: int = 25,
        noise_level: float = 0.15,
        seed: int = 0,
        output: int | str | None = None,
        normalize: bool = True,
    ) -> None:
        check_integer("num_samples", num_samples, least=1)
        check_integer("seed", seed, least=0)
        if not (isinstance(noise_level, int | float) and 0 <= noise_level <= 10):
            raise InvalidArgumentError(
                f"noise_level must be a number from 0 to 10; received {noise_level!r}."
            )
        self._num_samples, self._noise_level, self._seed = num_samples, noise_level, seed
        super().__init__(
            model,
            layer,
            output=output,
            normalize=normalize,
            settings={"num_samples": num_samples, "noise_level": noise_level, "seed": seed},
        )

    def attribute(
        self, images: Floats, found: ScoreGradients, *, first: int
    ) -> tuple[Floats, None]:
        """Return the size of the mean gradient over noisy copies, the largest over the channels."""
        generator = np.random.default_rng(self._seed)
        axes = (1, 2, 3)
        spread = images.max(axis=axes, keepdims=True) - images.min(axis=axes, keepdims=True)
        total = np.zeros_like(images)
        for _ in range(self._num_samples):
            noise = generator.standard_normal(images.shape[1:], np.float32)
            noisy = images + self._noise_level * spread * noise
            total += self._gradients(noisy.astype(np.float32), found.class_index, first).gradients
        return self._over_channels(np.abs(total / self._num_samples), np.max), None


@final
class IntegratedGradients(PixelMethod):
    """Maps that divide the score's rise from a baseline image among the pixels.

    Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", equation 1: the
    attribution of a pixel is (x - x0) times the mean of d S / d x on the straight way from the
    baseline x0 to the image x, added over the channels. The mean is taken at `num_steps` points
    of Gauss and Legendre. `raw_map` holds the signed attributions; the heat map shows those that
    speak for the class.

    Completeness: the attributions add up to S(x) - S(x0). How far they miss it is reported for
    each image as `explain(...).convergence_delta`, in units of the score; compare it with the
    difference of the scores, and raise `num_steps` where it is large. Pixels that equal the
    baseline get nothing, whatever they mean: with a black baseline the black ground of an X-ray.

    Args:
        model: As for `GradCAM`.
        layer: None, always: for the signature that all methods share.
        baseline: the image without information: a number in [0, 255] for all pixels, or an array
            (height, width, channels) in the model's own layout.
        num_steps: number of gradients for each image, at least 1.
        output: of a model with several outputs, the name or number of the one to explain.
        normalize: divide each heat map by its own maximum.

    Raises:
        InvalidArgumentError: (a ValueError) the model cannot be explained, a layer was given, or
            an argument is out of its range.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import IntegratedGradients
        >>> explain = IntegratedGradients(build_lmap3(), num_steps=4)
        >>> explain.explain(np.full((2, 224, 224, 1), 9, "uint8")).convergence_delta.shape
        (2,)
    """

    name, title = "integrated-gradients", "Integrated gradients"

    def __init__(
        self,
        model: keras.Model,
        layer: None = None,
        *,
        baseline: float | NDArray[Any] = 0.0,
        num_steps: int = 32,
        output: int | str | None = None,
        normalize: bool = True,
    ) -> None:
        check_integer("num_steps", num_steps, least=1)
        values = np.asarray(baseline)
        if values.dtype.kind not in "buif":
            raise InvalidArgumentError(f"baseline must hold numbers; received {baseline!r}.")
        values = values.astype(np.float32)
        if values.ndim not in (0, 3) or not np.isfinite(values).all():
            raise InvalidArgumentError(
                "baseline must be a number or an array (height, width, channels) without NaN; "
                f"received shape {values.shape}."
            )
        self._baseline, self._num_steps = values, num_steps
        super().__init__(
            model,
            layer,
            output=output,
            normalize=normalize,
            settings={"baseline": baseline, "num_steps": num_steps},
        )

    def attribute(
        self, images: Floats, found: ScoreGradients, *, first: int
    ) -> tuple[Floats, Floats]:
        """Return (x - x0) times the mean gradient on the way, and how far its sum is off."""
        if self._baseline.ndim and self._baseline.shape != images.shape[1:]:
            raise InvalidArgumentError(
                f"baseline must be a number or have the images' shape {images.shape[1:]}; "
                f"received {self._baseline.shape}."
            )
        start = np.broadcast_to(self._baseline, images.shape)
        way = images - start
        points, weights = np.polynomial.legendre.leggauss(self._num_steps)
        mean = np.zeros_like(images)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            between = (start + np.float32(point) * way).astype(np.float32)
            mean += (
                np.float32(weight) * self._gradients(between, found.class_index, first).gradients
            )
        attributions = way * mean
        rise = found.scores - self._engine.scores(np.ascontiguousarray(start))
        expected = np.take_along_axis(rise, found.class_index[:, None], axis=1)[:, 0]
        delta = attributions.sum(axis=(1, 2, 3), dtype=np.float64) - expected
        return self._over_channels(attributions, np.sum), delta.astype(np.float32)
