"""A finished model on masked pictures."""

import json

import keras

from keras_cxr.audit.of_model.questions.masked import measure_masked

KEYS = ["full", "outside", "lungs", "border", "thumbnail", "shuffled"]


def test_a_model_that_does_not_look_scores_the_same_on_every_view(datasets):
    inputs = keras.Input((32, 32, 1))
    grey = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(4, activation="softmax", kernel_initializer="zeros")(grey)
    constant = keras.Model(inputs, outputs)
    found = measure_masked(constant, datasets)
    assert list(found.scores) == KEYS[:-1]
    assert {score.balanced_accuracy.value for score in found.scores.values()} == {0.25}
    assert found.chance == 0.25
    assert found.findings[0].value == 0.25
    assert "with the lungs blacked out, the model as it is reaches a balanced accuracy of 0.25" in (
        str(found.findings[0])
    )
    json.dumps(found.to_dict(), allow_nan=False)
    lungs = measure_masked(constant, datasets.altered(region="lungs"))
    assert "reduced to the outline of the lungs, the model as it is reaches" in str(
        lungs.findings[0]
    )
    assert "on the images as it was trained to see them 0.25" in str(lungs.findings[0])
