"""Live comparison with tf-keras-vis, which upsamples with aligned corners: compared before that."""

import keras
import numpy as np
import pytest

from keras_cxr import build_lmap3
from keras_cxr.explain import GradCAM, GradCAMPlusPlus, LayerCAM, LayerMethod
from tests.explain.models import body, dense, functional, images, sequential, tail

layercam = pytest.importorskip("tf_keras_vis.layercam", reason="tf-keras-vis is not installed")
gradcam = pytest.importorskip("tf_keras_vis.gradcam", reason="tf-keras-vis is not installed")


@pytest.mark.parametrize("clone", [True, False], ids=["cloned", "itself"])
def test_tf_keras_vis_reads_our_models_as_they_are(clone):
    from tf_keras_vis.utils.scores import CategoricalScore

    model = build_lmap3((96, 96, 1), classifier_activation=None)
    pictures = images(2, 96).astype("float32")
    peer = gradcam.Gradcam(model, clone=clone)
    maps = peer(CategoricalScore([0, 1]), pictures, penultimate_layer="conv_5")
    assert np.asarray(maps).shape == (2, 96, 96)


@pytest.mark.parametrize("kind", ["functional", "sequential", "logits", "lmap3"])
@pytest.mark.parametrize("method", [GradCAM, LayerCAM])
def test_maps_equal_those_of_tf_keras_vis(method, kind):
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    keras.utils.set_random_seed(5)
    pictures = images(4, 96 if kind == "lmap3" else 24).astype("float32")
    if kind == "lmap3":
        graph = model = build_lmap3((96, 96, 1))  # as it was built
    elif kind == "sequential":
        model = sequential(body(), tail(), dense())
        graph = keras.Model(model.inputs, model.outputs)  # it cannot read a Keras 3 Sequential
    else:
        graph = functional(*body(), *tail(), dense(None if kind == "logits" else "softmax"))
        model = graph
    explain = method(model)
    result = explain.explain(pictures, [0, 1, 2, 1])
    peer = {GradCAM: gradcam.Gradcam, LayerCAM: layercam.Layercam}[method](
        graph, model_modifier=ReplaceToLinear(), clone=True
    )
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


def test_grad_cam_plus_plus_differs_as_its_docstring_says():
    """tf-keras-vis divides the shares by their sum over the map; ours does not, as the paper."""
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    keras.utils.set_random_seed(5)
    pictures = images(4).astype("float32")
    model = functional(*body(), *tail(), dense())
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 0.3, bias])  # their exp(score) may be infinite otherwise
    explain = GradCAMPlusPlus(model)
    peer = GradcamPlusPlus(
        keras.Model(model.inputs, model.outputs), model_modifier=ReplaceToLinear(), clone=True
    )
    theirs = np.asarray(
        peer(
            CategoricalScore([0, 1, 2, 1]),
            pictures,
            penultimate_layer=explain.layer,
            expand_cam=False,
            normalize_cam=False,
        )
    )
    ours = np.maximum(explain.explain(pictures, [0, 1, 2, 1]).raw_map, 0)
    assert np.isfinite(theirs).all()
    assert theirs.max() > 0
    with_sums = SummingToOne(model).explain(pictures, [0, 1, 2, 1])
    scale = np.exp(np.take_along_axis(with_sums.scores, np.array([[0], [1], [2], [1]]), 1))
    np.testing.assert_allclose(
        np.maximum(with_sums.raw_map, 0) * scale[..., None], theirs, atol=1e-3 * theirs.max()
    )
    assert np.abs(ours * scale[..., None] - theirs).max() > 0.01 * theirs.max()


class SummingToOne(LayerMethod):
    """Equation 19 of Grad-CAM++ with the shares divided by their sum over the map."""

    name, title = "summing", "Grad-CAM++ as in tf-keras-vis"

    def combine(self, activations, gradients):
        g, total = gradients, activations.sum((1, 2), keepdims=True)
        shares = np.divide(
            g**2, 2 * g**2 + g**3 * total, out=np.zeros_like(g), where=2 * g**2 + g**3 * total != 0
        )
        sums = shares.sum((1, 2), keepdims=True)
        shares = np.divide(shares, sums, out=shares, where=sums != 0)
        weights = (shares * np.maximum(g, 0)).sum((1, 2))
        return np.einsum("bijk,bk->bij", activations, weights)
