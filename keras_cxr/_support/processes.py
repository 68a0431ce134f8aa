"""What a process may do: the cores it may use, and the backend once it was forked."""

import os

from keras_cxr.errors import ForkError

# TensorFlow and JAX keep threads and locks that a forked child has no share in.
_HANGING = ("tensorflow", "jax")
_runs_in: int | None = None


def num_cores() -> int:
    """Return how many of the machine's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_not_forked() -> None:
    """Note that the backend runs in this process, unless it ran in the one it was forked from.

    Only what this package ran is known: a model that Keras itself ran before the fork is not.

    Raises:
        ForkError: it ran in the parent.
    """
    global _runs_in
    here = os.getpid()
    if _runs_in not in (None, here):
        import keras

        name = keras.config.backend()
        if name in _HANGING:
            raise ForkError(
                f"{name} ran in process {_runs_in}, from which process {here} was forked, and "
                'would hang here: start processes with multiprocessing.get_context("spawn"), or '
                "load and use the model in the children alone."
            )
    _runs_in = here
