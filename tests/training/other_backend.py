"""Trains, is killed and resumes on KERAS_BACKEND's backend, TensorFlow out of reach."""

import contextlib
import sys
import tempfile

sys.modules["tensorflow"] = None  # an import of it fails from here on

import keras  # noqa: E402

from keras_cxr.data import make_datasets  # noqa: E402
from keras_cxr.training import TrainingRecipe, load_run, train  # noqa: E402
from tests.training.conftest import (  # noqa: E402
    KillAt,
    Killed,
    assert_same_state,
    bright_squares,
    build_small,
    state_of,
)


def small(seed):
    keras.utils.set_random_seed(seed)
    return build_small()


def main():
    datasets = make_datasets(
        bright_squares(50), image_size=(32, 32), batch_size=8, seed=3, format="keras"
    )
    whole = small(1)  # sets the seeds, torch's global one too, so right before its training
    run = train(whole, datasets, epochs=3, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        killer = [KillAt(1, 2)]
        with contextlib.suppress(Killed):
            train(small(1), datasets, epochs=3, run_dir=folder, callbacks=killer, verbose=0)
        resumed = small(2)
        again = train(resumed, datasets, epochs=3, run_dir=folder, verbose=0)
        assert load_run(folder).history == run.history
    assert again.history == run.history
    assert_same_state(state_of(resumed), state_of(whole))
    recipe = TrainingRecipe(name="two", epochs=1, head_epochs=2)
    first, second = (train(small(1), datasets, recipe=recipe, verbose=0).head for _ in range(2))
    assert first.history == second.history
    assert len(first.history["loss"]) == 2
    print(keras.backend.backend(), "ends the same")


if __name__ == "__main__":
    main()
