"""Grad-CAM for any Keras model of images."""

from typing import final

from keras_cxr.explain.backends import Floats
from keras_cxr.explain.engine.maps import weighted_map
from keras_cxr.explain.methods.layer_method import LayerMethod


@final
class GradCAM(LayerMethod):
    """Heat maps of where a convolution's features raised the score of a class.

    Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization", equations 1 and 2) in nine steps: choose a layer; run the model;
    take the gradient of the class's score BEFORE softmax with respect to the layer's output;
    average it over the map, which weighs the channels; add the weighted channels; drop what is
    negative; stretch to the image's size (bilinear, half-pixel centres); divide by the image's
    own maximum; lay it over the image (`keras_cxr.overlay`).

    A map shows where features that raise the score lie, as coarsely as the layer sees (10 x 10
    cells for LMAP3). It does not show that a finding is there, nor that the model is right. Heat
    may also lie where the ABSENCE of something speaks for a class (clean lung). Since each map is
    divided by its own maximum, maps of two images cannot be compared in strength.

    Step seven moves heat outwards in networks whose convolutions do not pad: LMAP3's outermost
    cells look at places 38 pixels inside a 224-pixel image and are drawn 11 pixels inside.
    `placement="receptive_field"` draws each cell at the centre of what it looks at. For VGG19,
    which pads, both are the same.

    The model is not changed: weights, training flags, graph, random state. Weights are read at
    every call, so training on and calling again gives the new maps. Layers added afterwards are
    not seen; make a new GradCAM then. One object may be used by several threads.

    Args:
        model: a built keras.Model with one input (images) and scores of classes (batch, classes)
            as an output; nested, subclassed, loaded and mixed-precision models too.
        layer: layer, name or path ("vgg19/block5_conv4") of a layer with a four-dimensional
            output. None: the deepest output larger than 1 x 1 that is not from pooling, dropout
            or reshaping, after its activation.
        output: of a model with several outputs, the name or number of the one to explain.
        call_index: of a layer that the model calls several times, which call to explain,
            counted from 0; -1 is the last.
        placement: "stretch": the map covers the whole image, as in the paper and every other
            library. "receptive_field": cells lie at the centres of their receptive fields
            (Araujo et al. 2019), zero where none looks; for graphs of known layers.
        normalize: divide each heat map by its own maximum. False keeps the strength, so that maps
            of one model can be compared.

    Raises:
        InvalidArgumentError: (a ValueError) the layer or output does not exist, is ambiguous or
            gives no map; the model is not built, has several inputs, or no convolution.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import GradCAM, build_lmap3
        >>> explain = GradCAM(build_lmap3())
        >>> explain(np.zeros((2, 224, 224, 1), "uint8")).shape
        (2, 224, 224)
    """

    name, title = "gradcam", "Grad-CAM"

    def combine(self, activations: Floats, gradients: Floats) -> Floats:
        """Return sum over k of alpha(k) A(k), alpha(k) the mean of d S / d A(k) over the map."""
        return weighted_map(activations, gradients)
