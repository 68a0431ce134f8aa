import warnings

import numpy as np
import pytest

from tests.data.helpers import read_all


def test_both_formats_give_the_same_batches(make):
    import tensorflow as tf

    for options in ({}, {"color_mode": "rgb", "region": "lungs", "batch_size": 7}):
        one, other = make(format="tf", **options), make(format="keras", **options)
        assert isinstance(one.train, tf.data.Dataset)
        assert one.fingerprint == other.fingerprint
        batch = (None, *one.input_shape)
        images, labels = one.train.element_spec
        assert tuple(images.shape) == batch
        assert tuple(labels.shape) == (None, 3)
        for epoch in (0, 2):
            for part in ("train", "val", "test"):
                left, right = (
                    getattr(one.at_epoch(epoch), part),
                    getattr(other.at_epoch(epoch), part),
                )
                assert len(left) == len(right) == int(left.cardinality())
                for (images, labels), (images2, labels2) in zip(left, right, strict=True):
                    np.testing.assert_array_equal(images.numpy(), images2)
                    np.testing.assert_array_equal(labels.numpy(), labels2)


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_fit_takes_both_formats(make, kind):
    import keras

    datasets = make(format=kind)
    model = keras.Sequential(
        [
            keras.Input(datasets.input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(datasets.num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        datasets.train,
        validation_data=datasets.val,
        class_weight=datasets.class_weight,
        epochs=2,
        shuffle=False,  # Keras 3.15 warns of every tf.data set otherwise
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 2
    for epoch in range(2):
        model.fit(datasets.at_epoch(epoch).train, shuffle=False, verbose=0)
    predicted = model.predict(datasets.test, verbose=0)
    assert predicted.shape == (len(datasets.files("test")), 3)
    np.testing.assert_allclose(
        predicted, model.predict_on_batch(datasets.load("test")[0]), rtol=1e-4, atol=1e-5
    )


def test_an_iterator_may_be_dropped_half_way(make):
    for kind in ("tf", "keras"):
        iterator = iter(make(format=kind, batch_size=2).train)
        next(iterator)
        del iterator


def test_no_warning_of_any_kind(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_all(make(seed=9).train)
