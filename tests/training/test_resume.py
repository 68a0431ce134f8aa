import json

import keras
import numpy as np
import pytest

from keras_cxr.errors import InvalidArgumentError, NotFoundError, TrainingError
from keras_cxr.training import load_run, train
from tests.training.conftest import (
    KillAt,
    Killed,
    assert_same_state,
    build_small,
    state_of,
)

QUIET = {"verbose": 0, "precision": "float32"}


def small(seed, **options):
    keras.utils.set_random_seed(seed)
    return build_small(**options)


def every_state():
    """What has a memory of its own: a schedule, momentum, and callbacks that look back."""
    return [
        keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
    ]


def killed(model, datasets, place, **options):
    callbacks = [*options.pop("callbacks", []), KillAt(*place)]
    with pytest.raises(Killed):
        train(model, datasets, callbacks=callbacks, **{**QUIET, **options})


@pytest.mark.parametrize("place", [(0, 2), (3, 4)])
def test_resumed_equals_uninterrupted(tmp_path, squares, place):
    whole = small(1)
    run = train(whole, squares, epochs=5, callbacks=[*every_state(), KillAt(99)], **QUIET)
    first, second = small(1), small(2)
    options = {"epochs": 5, "run_dir": tmp_path}
    killed(first, squares, place, callbacks=every_state(), **options)
    resumed = train(second, squares, callbacks=[*every_state(), KillAt(99)], **options, **QUIET)
    assert resumed.history == run.history
    assert (resumed.best_epoch, resumed.epochs_trained) == (run.best_epoch, run.epochs_trained)
    assert len(resumed.seconds_per_epoch) == len(resumed.validation_seconds) == run.epochs_trained
    assert resumed.stopped_early == run.stopped_early
    assert_same_state(state_of(second), state_of(whole))
    assert second.history.history == run.history


def test_early_stopping_counts_over_a_kill(tmp_path, squares):
    """A wait of 2 epochs that begins again with the process would never end."""

    def stopping():
        return [keras.callbacks.EarlyStopping(patience=2, min_delta=100.0), KillAt(99)]

    killed(small(1), squares, (2, 0), epochs=9, run_dir=tmp_path, callbacks=stopping()[:1])
    run = train(small(2), squares, epochs=9, run_dir=tmp_path, callbacks=stopping(), **QUIET)
    assert run.epochs_trained == 3
    assert run.stopped_early
    again = train(small(3), squares, epochs=50, run_dir=tmp_path, callbacks=stopping(), **QUIET)
    assert again.epochs_trained == 3


def test_schedules_go_on(tmp_path, squares):
    def adam():
        return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 18))

    whole = small(1)
    train(whole, squares, epochs=3, optimizer=adam(), **QUIET)
    killed(small(1), squares, (1, 3), epochs=3, optimizer=adam(), run_dir=tmp_path)
    resumed = small(2)
    train(
        resumed,
        squares,
        epochs=3,
        optimizer=adam(),
        run_dir=tmp_path,
        callbacks=[KillAt(99)],
        **QUIET,
    )
    assert_same_state(state_of(resumed), state_of(whole))
    assert int(resumed.optimizer.iterations) == 3 * len(squares.train)


def test_moving_averages_replace_the_weights_only_at_the_end(tmp_path, squares):
    """As in one `fit` over all epochs."""

    def adam():
        return keras.optimizers.Adam(use_ema=True, ema_momentum=0.9)

    by_fit = small(1)
    by_fit.compile(adam(), "categorical_crossentropy", metrics=["accuracy"])
    batches = [squares.at_epoch(e).train for e in range(2)]
    together = batches[0].concatenate(batches[1])
    by_fit.fit(together, epochs=1, shuffle=False, verbose=0)
    whole = small(1)
    train(whole, squares, epochs=2, optimizer=adam(), class_weight=None, **QUIET)
    assert_same_state(state_of(whole), state_of(by_fit))
    options = {"epochs": 2, "class_weight": None, "run_dir": tmp_path}
    killed(small(1), squares, (1, 1), optimizer=adam(), **options)
    resumed = small(2)
    train(resumed, squares, optimizer=adam(), callbacks=[KillAt(99)], **options, **QUIET)
    assert_same_state(state_of(resumed), state_of(whole))
    again = small(3)
    train(again, squares, optimizer=adam(), **options, **QUIET)
    for one, two in zip(again.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_finished_run_returns_at_once_and_can_be_made_longer(tmp_path, squares):
    whole = small(1)
    run = train(whole, squares, epochs=4, **QUIET)
    short = small(1)
    train(short, squares, epochs=2, run_dir=tmp_path, **QUIET)
    again = small(2)
    stamp = (tmp_path / "run.json").stat().st_mtime_ns
    done = train(again, squares, epochs=2, run_dir=tmp_path, callbacks=[KillAt(0, 0)], **QUIET)
    assert done.epochs_trained == 2
    assert not done.interrupted
    assert (tmp_path / "run.json").stat().st_mtime_ns == stamp
    assert_same_state(state_of(again), state_of(short))
    longer = small(3)
    more = train(longer, squares, epochs=4, run_dir=tmp_path, **QUIET)
    assert more.history == run.history
    assert_same_state(state_of(longer), state_of(whole))


def test_a_run_of_a_sequential_model_goes_on_with_the_same_layers_as_a_graph(tmp_path, squares):
    """As the zoo's models are now; runs that began before go on, bit for bit."""

    def as_graph(model):
        inputs = x = keras.Input((32, 32, 1))
        for layer in model.layers:
            x = layer(x)
        return keras.Model(inputs, x, name=model.name)

    whole = small(1)
    run = train(whole, squares, epochs=3, **QUIET)
    killed(small(1), squares, (1, 2), epochs=3, run_dir=tmp_path)
    graph = as_graph(small(2))
    resumed = train(graph, squares, epochs=3, run_dir=tmp_path, callbacks=[KillAt(99)], **QUIET)
    assert resumed.history == run.history
    assert_same_state(state_of(graph), state_of(whole))


def test_best_and_last_are_the_models_of_those_epochs(tmp_path, squares):
    model = small(1)
    run = train(model, squares, epochs=4, run_dir=tmp_path, **QUIET)
    assert run.best_epoch == int(np.argmin(run.history["val_loss"]))
    for path, epoch in ((run.best_path, run.best_epoch), (tmp_path / "last.keras", 3)):
        loaded = keras.saving.load_model(path)
        assert not loaded.compiled
        loaded.compile(loss="categorical_crossentropy", metrics=["accuracy"])
        loss, accuracy = loaded.evaluate(squares.val, verbose=0)
        assert loss == pytest.approx(run.history["val_loss"][epoch], rel=1e-5)
        assert accuracy == pytest.approx(run.history["val_accuracy"][epoch])


def test_saved_models_keep_their_own_policies(tmp_path, squares):
    saved = keras.callbacks.ModelCheckpoint(tmp_path / "own.keras")
    train(
        small(1),
        squares,
        epochs=1,
        run_dir=tmp_path / "run",
        precision="mixed_bfloat16",
        callbacks=[saved],
        verbose=0,
    )
    for path in (tmp_path / "own.keras", tmp_path / "run/best.keras", tmp_path / "run/last.keras"):
        loaded = keras.saving.load_model(path)
        assert {layer.dtype_policy.name for layer in loaded.layers} == {"float32"}


def test_precision_is_kept(tmp_path, squares, capsys):
    options = {"epochs": 3, "run_dir": tmp_path}
    killed(small(1), squares, (1, 0), precision="mixed_bfloat16", **options)
    with pytest.raises(TrainingError, match=r'started in mixed_bfloat16, not in float32.*"auto"'):
        train(small(1), squares, precision="float32", verbose=0, **options)
    run = train(small(2), squares, callbacks=[KillAt(99)], verbose=2, **options)
    assert run.precision == "mixed_bfloat16"
    said = capsys.readouterr().err
    assert "precision mixed_bfloat16 (as the run was started)" in said
    assert "resuming after epoch 1" in said


def test_other_settings_are_refused(tmp_path, squares):
    train(small(1), squares, epochs=1, run_dir=tmp_path, **QUIET)
    for change, words in (
        ({"model": {"dropout": 0.5}}, "rate: was 0.3, is 0.5"),
        ({"model": {"filters": 4}}, "model"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"class_weight": None}, "class_weight"),
    ):
        model = small(1, **change.pop("model", {}))
        with pytest.raises(TrainingError, match=f"other settings .*{words}.*resume=False.*run_dir"):
            train(model, squares, epochs=1, run_dir=tmp_path, **change, **QUIET)
    anew = train(model, squares, epochs=1, run_dir=tmp_path, resume=False, **change, **QUIET)
    assert anew.epochs_trained == 1


def test_other_data_and_fewer_epochs_are_refused(tmp_path, squares):
    from keras_cxr.data import make_datasets
    from tests.training.conftest import bright_squares

    train(small(1), squares, epochs=2, run_dir=tmp_path, **QUIET)
    other = make_datasets(bright_squares(50, seed=1), image_size=(32, 32), batch_size=8, seed=3)
    with pytest.raises(TrainingError, match=r"other settings .data fingerprint"):
        train(small(1), other, epochs=2, run_dir=tmp_path, **QUIET)
    with pytest.raises(TrainingError, match="has 2 epochs already, more than epochs=1"):
        train(small(1), squares, epochs=1, run_dir=tmp_path, **QUIET)


def test_another_keras_is_warned_about(tmp_path, squares):
    killed(small(1), squares, (1, 0), epochs=2, run_dir=tmp_path)
    file = tmp_path / "run.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "keras_version": "3.0.0"}))
    with pytest.warns(UserWarning, match=r"another keras_version 3.0.0, now .*not bit for bit"):
        train(small(1), squares, epochs=2, run_dir=tmp_path, callbacks=[KillAt(99)], **QUIET)


def test_damaged_checkpoints_are_told(tmp_path, squares):
    train(small(1), squares, epochs=1, run_dir=tmp_path, **QUIET)
    state = tmp_path / "checkpoint/state-00001.npz"
    state.write_bytes(state.read_bytes()[:-300])
    with pytest.raises(TrainingError, match="missing or damaged"):
        train(small(1), squares, epochs=2, run_dir=tmp_path, **QUIET)


def test_a_damaged_last_model_is_told(tmp_path, squares):
    class Doubles(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.trainable_variables[0].assign(2 * self.model.trainable_variables[0])

    options = {"epochs": 1, "run_dir": tmp_path, "callbacks": [Doubles()], **QUIET}
    train(small(1), squares, **options)
    last = tmp_path / "last.keras"
    whole = last.read_bytes()
    for content in (b"", whole[:-300], whole[:300]):
        last.write_bytes(content)
        with pytest.raises(TrainingError, match=r"last\.keras is missing or damaged.*resume=False"):
            train(small(1), squares, **options)


def test_optimizers_of_another_model_are_refused(squares):
    adam = keras.optimizers.Adam()
    train(small(1), squares, epochs=1, optimizer=adam, **QUIET)
    with pytest.raises(TrainingError, match="pass a new optimizer"):
        train(small(1), squares, epochs=1, optimizer=adam, **QUIET)


def test_load_run_reads_what_is_complete(tmp_path, squares):
    with pytest.raises(NotFoundError, match="There is no run in"):
        load_run(tmp_path)
    model = small(1)
    killed(small(1), squares, (0, 1), epochs=3, run_dir=tmp_path)
    with pytest.raises(TrainingError, match="no complete epoch"):
        load_run(tmp_path)
    killed(model, squares, (2, 1), epochs=3, run_dir=tmp_path)
    run = load_run(tmp_path)
    assert run.interrupted
    assert run.epochs_trained == 2
    short = small(1)
    train(short, squares, epochs=2, **QUIET)
    assert_same_state(
        [v.numpy() for v in run.model.variables], [v.numpy() for v in short.variables]
    )
    assert "2 epochs in float32" in str(run)


def test_interrupted_in_process(tmp_path, squares, capsys):
    model = small(1)
    stop = KillAt(2, 1, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt, match=r"Epoch 2 of 5 is kept in .*goes on from there"):
        train(
            model,
            squares,
            epochs=5,
            run_dir=tmp_path,
            callbacks=[stop],
            precision="float32",
            verbose=2,
        )
    assert "Epoch 2 of 5 is kept" in capsys.readouterr().err
    short = small(1)
    train(short, squares, epochs=2, **QUIET)
    for one, two in zip(model.weights, short.weights, strict=True):
        np.testing.assert_array_equal(one, two)  # back at the last complete epoch
    assert load_run(tmp_path).interrupted
    with pytest.raises(KeyboardInterrupt, match="Without run_dir nothing was saved"):
        train(small(1), squares, epochs=2, callbacks=[KillAt(0, 1, KeyboardInterrupt)], **QUIET)


def test_backup_and_restore_is_refused(tmp_path, squares):
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(InvalidArgumentError, match="leave it out and pass run_dir"):
        train(small(1), squares, epochs=1, callbacks=[backup], **QUIET)
