"""What every explanation method returns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Explanation:
    """Heat maps with what they were made from.

    Attributes:
        heatmap: (batch, height, width) float32, what spoke for the class, not negative. With
            `normalize=True` in [0, 1], each divided by its own maximum. All zero where nothing
            spoke for the class.
        raw_map: float32 of any sign, before ReLU, upsampling and division. Methods of layers:
            (batch, map height, map width), the layer's own resolution. Methods of pixels:
            (batch, height, width).
        scores: (batch, classes) float32, the model's scores before softmax or sigmoid.
        probabilities: (batch, classes) float32 in [0, 1], softmax or sigmoid of the scores, as in
            the model; for a model that returns scores, their softmax.
        class_index: (batch,) int32, the class that each map explains.
        layer: Path of the layer, such as "vgg19/block5_conv4"; "input" for methods of pixels.
        convergence_delta: Of `IntegratedGradients` alone: (batch,) float32, the sum of the
            attributions less the difference of scores that it should be; otherwise None.
    """

    heatmap: NDArray[np.float32]
    raw_map: NDArray[np.float32]
    scores: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    class_index: NDArray[np.int32]
    layer: str
    convergence_delta: NDArray[np.float32] | None = None

    @property
    def no_positive_evidence(self) -> NDArray[np.bool_]:
        """(batch,) bool: the map is zero everywhere, nothing spoke for the class."""
        return np.asarray(self.heatmap.max(axis=(1, 2)) == 0)
