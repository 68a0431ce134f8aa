"""Grad-CAM's relatives: other ways to weigh the channels of a layer.

Throughout, A(i, j, k) is the layer's output at row i, column j, channel k; S the class's score
before the softmax; G = d S / d A. Constructor, calls and errors are those of `GradCAM`.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.backends import Floats
from keras_cxr.explain.methods.layer_method import LayerMethod

Array = NDArray[Any]


@final
class GradCAMPlusPlus(LayerMethod):
    """Heat maps that also count several separate places of one finding.

    Grad-CAM++ (Chattopadhay et al. 2018, "Grad-CAM++: Generalized Gradient-based Visual
    Explanations for Deep Convolutional Networks"), for Y = exp(S): the weight of channel k is

        w(k) = sum over i, j of a(i, j, k) ReLU(G(i, j, k)),
        a = G^2 / (2 G^2 + G^3 sum over a, b of A(a, b, k)),

    equation 19, in which exp(S) cancels, and a = 0 where its denominator is 0. The map is the sum
    over k of w(k) A(k).

    Libraries differ: tf-keras-vis also divides a by its sum over the map; torchcam puts G^3
    inside the sum, beside A; both deviate from equation 19, which is taken here as it stands
    (pytorch-grad-cam's is the same but for a small constant). The factor exp(S) of equation 11 is
    left out: it scales a whole map, which is divided by its maximum, and overflows for sure
    answers.

    The derivation holds for scores that are linear in the layer's output but for ReLUs; with
    other activations the weights are a heuristic. What a Grad-CAM map does not show, this one does
    not either.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import GradCAMPlusPlus
        >>> GradCAMPlusPlus(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "gradcam++", "Grad-CAM++"

    def combine(self, activations: Floats, gradients: Floats) -> Array:
        """Return the map of the class's formula."""
        # in units of the largest gradient, so that squares and cubes stay in float32's range
        largest = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
        unit = divided(gradients, largest)
        total = activations.sum(axis=(1, 2), keepdims=True) * largest
        shares = divided(np.ones_like(unit), 2 + unit * total) * (unit != 0)
        weights = (shares * np.maximum(gradients, 0)).sum(axis=(1, 2))
        return np.einsum("bijk,bk->bij", activations, weights, optimize=True)


@final
class XGradCAM(LayerMethod):
    """Heat maps whose channels are weighed where they are active.

    XGrad-CAM (Fu et al. 2020, "Axiom-based Grad-CAM: Towards Accurate Visualization and
    Explanation of CNNs", equation 8): the weight of channel k is

        w(k) = sum over i, j of G(i, j, k) A(i, j, k) / sum over i, j of A(i, j, k),

    0 where the channel's sum is 0; the map is the sum over k of w(k) A(k). Its sum over the map
    is the sum of G A: for scores that are linear in the layer's output it is the part of the
    score that is owed to the layer. Meant for outputs of ReLUs: where A takes both signs its sum
    may come near to 0, and a weight far too large.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import XGradCAM
        >>> XGradCAM(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "xgradcam", "XGrad-CAM"

    def combine(self, activations: Floats, gradients: Floats) -> Array:
        """Return the map of the class's formula."""
        owed = np.einsum("bijk,bijk->bk", activations, gradients)
        weights = divided(owed, activations.sum(axis=(1, 2)))
        return np.einsum("bijk,bk->bij", activations, weights, optimize=True)


@final
class LayerCAM(LayerMethod):
    """Heat maps weighed at each place by itself, for early layers too.

    LayerCAM (Jiang et al. 2021, "LayerCAM: Exploring Hierarchical Class Activation Maps for
    Localization", equations 5 and 6): the sum over k of ReLU(G(i, j, k)) A(i, j, k). Since no
    gradient is averaged over the map, layers with fine maps give fine heat maps, and noisy ones.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import LayerCAM
        >>> LayerCAM(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "layercam", "LayerCAM"

    def combine(self, activations: Floats, gradients: Floats) -> Array:
        """Return the map of the class's formula."""
        return np.einsum("bijk,bijk->bij", activations, np.maximum(gradients, 0))


@final
class HiResCAM(LayerMethod):
    """Heat maps that are the layer's exact share of the score where the head is linear.

    HiResCAM (Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations
    of convolutional neural networks", equation 5): the sum over k of G(i, j, k) A(i, j, k). Where
    one dense layer follows the explained one (LMAP3: Flatten, then Dense layers), Grad-CAM's
    averaging mixes places that count for and against; this map does not. For a head of global
    average pooling and one dense layer it equals Grad-CAM.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import build_lmap3
        >>> from keras_cxr.explain import HiResCAM
        >>> HiResCAM(build_lmap3())(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "hirescam", "HiResCAM"

    def combine(self, activations: Floats, gradients: Floats) -> Array:
        """Return the map of the class's formula."""
        return np.einsum("bijk,bijk->bij", activations, gradients)


def divided(numerator: Array, denominator: Array) -> Array:
    """Return the quotient, 0 where the denominator is 0."""
    nothing = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=nothing, where=denominator != 0)
