"""Live comparison with tf-keras-vis, which upsamples with aligned corners: compared before that."""

import keras
import numpy as np
import pytest

from keras_cxr import GradCAM, build_lmap3
from tests.explain.models import body, dense, functional, images, sequential, tail

gradcam = pytest.importorskip("tf_keras_vis.gradcam", reason="tf-keras-vis is not installed")


@pytest.mark.parametrize("kind", ["functional", "sequential", "logits", "lmap3"])
def test_maps_equal_those_of_tf_keras_vis(kind):
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    keras.utils.set_random_seed(5)
    pictures = images(4, 96 if kind == "lmap3" else 24).astype("float32")
    if kind == "lmap3":
        model = build_lmap3((96, 96, 1))
    elif kind == "sequential":
        model = sequential(body(), tail(), dense())
    else:
        model = functional(*body(), *tail(), dense(None if kind == "logits" else "softmax"))
    explain = GradCAM(model)
    result = explain.explain(pictures, [0, 1, 2, 1])
    graph = keras.Model(model.inputs, model.outputs)  # it cannot read a Keras 3 Sequential
    peer = gradcam.Gradcam(graph, model_modifier=ReplaceToLinear(), clone=True)
    theirs = peer(
        CategoricalScore([0, 1, 2, 1]),
        pictures,
        penultimate_layer=explain.layer,
        expand_cam=False,
        normalize_cam=False,
    )
    assert np.max(theirs) > 0
    np.testing.assert_allclose(
        np.maximum(result.raw_map, 0), theirs, atol=1e-4 * np.max(theirs), rtol=1e-3
    )
