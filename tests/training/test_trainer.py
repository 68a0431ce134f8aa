import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.data import make_datasets
from keras_cxr.errors import DataError, InvalidArgumentError, OutputError, TrainingError
from keras_cxr.training import load_run, train
from tests.training.conftest import bright_squares, build_small

QUIET = {"verbose": 0, "precision": "float32"}


class Sees(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []
        self.functions = set()

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.functions.add(id(self.model.train_function))

    def on_train_end(self, logs=None):
        self.calls.append("end")


def test_the_recipe(squares):
    keras.utils.set_random_seed(0)
    model, sees = build_small(dropout=0.0), Sees()
    run = train(model, squares, epochs=12, callbacks=[sees], **QUIET)
    assert run.model is model
    assert set(run.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(values) for values in run.history.values()} == {12}
    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]
    assert run.best_epoch == int(np.argmin(run.history["val_loss"]))
    assert len(run.seconds_per_epoch) == len(run.validation_seconds) == 12
    assert min(run.seconds_per_epoch + run.validation_seconds) > 0
    assert (run.epochs_trained, run.interrupted, run.run_dir) == (12, False, None)
    assert run.best_path is None
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert "12 epochs in float32" in run.summary
    assert f"best epoch {run.best_epoch + 1}: " in run.summary
    # callbacks see one training, and one compiled function serves all epochs
    assert sees.calls == ["begin", *range(12), "end"]
    assert len(sees.functions) == 1


def test_two_runs_are_equal(squares):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        model = build_small()
        train(model, squares, epochs=2, **QUIET)
        weights.append(b"".join(v.numpy().tobytes() for v in model.variables))
    assert weights[0] == weights[1]


def test_mixed_precision_leaves_a_float32_model(squares):
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    model = build_small()
    images = squares.load("test")[0]
    model.predict(images, verbose=0)
    inside = []

    class Looks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            inside.append(self.model.layers[1].compute_dtype)

    run = train(
        model, squares, epochs=1, precision="mixed_bfloat16", callbacks=[Looks()], verbose=0
    )
    assert run.precision == "mixed_bfloat16"
    assert set(inside) == {"bfloat16"}
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy() is policy
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    predicted = model.predict(images, verbose=0)
    np.testing.assert_array_equal(predicted, copy.predict(images, verbose=0))
    model.fit(squares.train, verbose=0, shuffle=False)  # compiled anew, in float32


def test_policies_return_after_an_error(squares):
    model = build_small()

    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        train(model, squares, epochs=1, precision="mixed_bfloat16", callbacks=[Fails()], verbose=0)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert model.train_function is None


@pytest.mark.parametrize(
    ("activation", "class_weight"),
    [
        ("softmax", "balanced"),
        ("softmax", None),
        (None, "balanced"),
        (None, {0: 0.5, 1: 3.0, 2: 1.0, 3: 0.0}),
    ],
)
def test_loss_and_class_weights_are_those_computed_by_hand(activation, class_weight):
    """One batch, no dropout, a learning rate of 0: the loss is that of the first weights."""
    images, labels = bright_squares(24)
    labels = np.where(np.arange(24) < 12, 0, labels)  # unbalanced
    datasets = make_datasets(
        (images, labels), image_size=(32, 32), batch_size=64, split=(1, 0, 0), augment=False
    )
    keras.utils.set_random_seed(0)
    model = build_small(dropout=0.0, activation=activation)
    pixels, classes = datasets.load("train")
    # batch normalization computes with the batch's own statistics in training
    scores = np.asarray(model(pixels, training=True), "float64")
    if activation is None:
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    losses = -np.log(scores[np.arange(24), classes])
    weights = {None: {i: 1.0 for i in range(4)}, "balanced": datasets.class_weight}.get(
        class_weight if not isinstance(class_weight, dict) else "", class_weight
    )
    expected = np.mean([weights[int(c)] * loss for c, loss in zip(classes, losses, strict=True)])
    run = train(
        model,
        datasets,
        epochs=1,
        optimizer=keras.optimizers.SGD(0.0),
        class_weight=class_weight,
        **QUIET,
    )
    assert run.history["loss"][0] == pytest.approx(expected, rel=1e-4)
    assert set(run.history) == {"loss", "accuracy"}
    assert run.validation_seconds == [0.0]
    if class_weight == "balanced":
        assert len(set(datasets.class_weight.values())) > 1


def test_without_validation_the_best_epoch_is_that_of_the_training_loss():
    datasets = make_datasets(bright_squares(16), image_size=(32, 32), split=(1, 0, 0))
    run = train(build_small(), datasets, epochs=3, **QUIET)
    assert run.best_epoch == int(np.argmin(run.history["loss"]))


def test_the_tensorflow_free_format_trains_too(tmp_path):
    datasets = make_datasets(bright_squares(24), image_size=(32, 32), batch_size=8, format="keras")
    run = train(build_small(), datasets, epochs=2, run_dir=tmp_path, **QUIET)
    assert run.epochs_trained == 2


def test_nan_stops_and_keeps_the_last_good_epoch(tmp_path, squares):
    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.layers[-1].bias.assign([np.nan] * 4)

    model = build_small()
    with pytest.raises(
        TrainingError, match=r"loss became nan at batch 1 of epoch 3.*learning rate.*Epoch 2 of 5"
    ):
        train(model, squares, epochs=5, run_dir=tmp_path, callbacks=[Poison()], **QUIET)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    run = train(build_small(), squares, epochs=3, run_dir=tmp_path, **QUIET)
    assert run.epochs_trained == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"optimizer": "adamm"}, "optimizer must be a Keras optimizer"),
        ({"class_weight": "balance"}, 'class_weight must be "recipe", "balanced"'),
        ({"class_weight": {0: 1.0}}, "each class index 0 to 3"),
        ({"class_weight": {0: 1.0, 1: -1.0, 2: 1.0, 3: 1.0}}, "not negative"),
        ({"precision": "half"}, "precision must be"),
        ({"callbacks": ["EarlyStopping"]}, "callbacks must be keras.callbacks.Callback"),
        ({"verbose": "loud"}, "verbose must be"),
    ],
)
def test_arguments_that_cannot_work(tmp_path, squares, arguments, words):
    with pytest.raises(InvalidArgumentError, match=words):
        train(build_small(), squares, run_dir=tmp_path / "run", **{**QUIET, **arguments})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (build_small(size=48), r"image_size=\(48, 48\)"),
        (build_small(classes=3), "num_classes=4"),
        (build_small(activation="sigmoid"), "its head is 'sigmoid'"),
    ],
)
def test_models_that_do_not_fit(squares, model, words):
    with pytest.raises(InvalidArgumentError, match=words):
        train(model, squares, **QUIET)


def test_rgb_mend(squares):
    images = keras.Input((32, 32, 3))
    x = layers.Dense(4, activation="softmax")(layers.Flatten()(images))
    with pytest.raises(InvalidArgumentError, match='color_mode="rgb"'):
        train(keras.Model(images, x), squares, **QUIET)


def test_folders_that_cannot_be_used(tmp_path, squares):
    (tmp_path / "photo.png").touch()
    with pytest.raises(OutputError, match=r"not a run's \(photo.png\)"):
        train(build_small(), squares, run_dir=tmp_path, **QUIET)
    with pytest.raises(OutputError, match="Choose another run_dir"):
        train(build_small(), squares, run_dir=tmp_path / "photo.png" / "run", **QUIET)


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


def test_a_model_that_will_not_be_read_back_is_told_before_the_first_epoch(tmp_path, squares):
    def own():
        x = inputs = keras.Input((32, 32, 1))
        for step in (Doubled(), layers.Flatten(), layers.Dense(4, activation="softmax")):
            x = step(x)
        return keras.Model(inputs, x, name="own")

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise ZeroDivisionError

    match = r"'own' can be trained, but its files in .* 'Doubled'.*custom_objects"
    with pytest.warns(UserWarning, match=match), pytest.raises(ZeroDivisionError):
        train(own(), squares, epochs=1, run_dir=tmp_path / "stopped", callbacks=[Stop()], **QUIET)
    train(own(), squares, epochs=1, **QUIET)  # which writes nothing
    with pytest.warns(UserWarning, match=match):
        run = train(own(), squares, epochs=1, run_dir=tmp_path / "run", **QUIET)
    with pytest.raises(DataError, match=r'custom_objects=\{"Doubled": Doubled\}'):
        load_run(tmp_path / "run")
    read = load_run(tmp_path / "run", custom_objects={"Doubled": Doubled})
    for one, two in zip(read.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_layer_that_does_not_say_how_it_was_made_is_refused(tmp_path, squares):
    class Secretive(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)
            self.thing = thing

        def call(self, x):
            return x

    inputs = keras.Input((32, 32, 1))
    head = layers.Dense(4, activation="softmax")
    model = keras.Model(inputs, head(layers.Flatten()(Secretive(object())(inputs))))
    with pytest.raises(InvalidArgumentError, match=r"cannot be written to a file.*get_config\(\)"):
        train(model, squares, epochs=1, run_dir=tmp_path, **QUIET)
