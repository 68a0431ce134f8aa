"""What GradCAM takes: images of any form, number type and size, and classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cxr import GradCAM
from tests.explain import models
from tests.explain.models import body, dense, functional, images, logits_of, tail


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
def test_any_number_type(small, dtype):
    pictures = images().astype("uint8")
    expected = GradCAM(small)(pictures.astype("float32"))
    np.testing.assert_array_equal(GradCAM(small)(pictures.astype(dtype)), expected)


def test_any_form_of_images(small):
    explain, pictures = GradCAM(small), images()
    expected = explain(pictures)
    np.testing.assert_array_equal(explain(pictures[..., 0]), expected)
    np.testing.assert_array_equal(explain(tf.constant(pictures)), expected)
    for single in (pictures[0], pictures[0, ..., 0]):
        np.testing.assert_allclose(explain(single), expected[:1], atol=1e-5)


def test_batches_do_not_matter(small):
    pictures = np.concatenate([images(5, seed=seed) for seed in range(14)])
    explain = GradCAM(small)
    together = explain(pictures)
    assert together.shape == (70, 24, 24)
    alone = np.concatenate([explain(picture[None]) for picture in pictures[28:40]])
    np.testing.assert_allclose(together[28:40], alone, atol=1e-4)


def test_a_fixed_batch_size():
    front, back, head = body(), tail(), dense()
    inputs = keras.Input(batch_shape=(4, 24, 24, 1))
    x = inputs
    for layer in [*front, *back, head]:
        x = layer(x)
    raw, _, _ = models.reference(front, [*back, logits_of(head)], images(), 2)
    found = GradCAM(keras.Model(inputs, x)).explain(images(), 2).raw_map
    np.testing.assert_allclose(found, raw, atol=1e-4 * np.abs(raw).max())


def test_any_image_size_when_the_model_takes_it():
    model = functional(
        layers.Conv2D(4, 3, name="conv"),
        layers.GlobalAveragePooling2D(),
        dense(),
        shape=(None, None, 1),
    )
    explain = GradCAM(model)
    assert explain(images(2)).shape == (2, 24, 24)
    assert explain(images(2, 30)[:, :26]).shape == (2, 26, 30)
    with pytest.warns(UserWarning, match="maps of 1 x 1"):
        assert explain(np.ones((1, 3, 3, 1))).shape == (1, 3, 3)
    explain(np.ones((1, 3, 3, 1)))  # warned once


def test_class_index_forms(small):
    explain = GradCAM(small)
    predicted = explain.explain(images())
    assert (predicted.class_index == predicted.scores.argmax(-1)).all()
    np.testing.assert_array_equal(
        predicted.heatmap, explain(images(), predicted.class_index.tolist())
    )
    every = explain(images(), np.int64(2))
    np.testing.assert_array_equal(every, explain(images(), [2] * 5))


@pytest.mark.parametrize(
    ("class_index", "message"),
    [
        (3, "0 to 2, the model's 3 classes; received 3"),
        (-1, "received -1"),
        ([0, 1, 2, 0, 7], "received 7"),
        ([0, 1], "one integer for each of the 5 images"),
        (1.0, "received float64"),
        (True, "received bool"),
        ("COVID", "class_index must be None"),
    ],
)
def test_bad_class_index(small, class_index, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(small)(images(), class_index)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 24, 24, 3)), 'color_mode="grayscale"'),
        (np.zeros((2, 20, 24, 1)), r"received \(batch, 20, 24, 1\). Resize"),
        (np.zeros((2, 3, 24, 24, 1)), "with at least one image"),
        (np.zeros((0, 24, 24, 1)), "with at least one image"),
        (np.zeros(24), "images must be"),
        (np.array(["a"]), "numbers in"),
        (np.full((2, 24, 24, 1), np.nan), r"images\[0\] holds NaN"),
    ],
)
def test_bad_images(small, pictures, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(small)(pictures)


def test_grey_images_for_a_colour_model():
    model = functional(layers.Conv2D(4, 3), layers.Flatten(), dense(), shape=(24, 24, 3))
    with pytest.raises(ValueError, match=r"numpy\.repeat\(images, 3, axis=3\)"):
        GradCAM(model)(images())
    with pytest.raises(ValueError, match=r"numpy\.repeat"):
        GradCAM(model)(images()[..., 0])


def test_nan_in_a_later_image(small):
    pictures = images()
    pictures[3, 2, 2] = np.inf
    with pytest.raises(ValueError, match=r"images\[3\] holds NaN or infinite"):
        GradCAM(small)(pictures)
