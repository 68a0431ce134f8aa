"""Keras, its backend and converters without the lines that they write past Python's streams.

For the command line alone: the streams belong to the whole process.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from keras_cxr.errors import BackendError, KerasCXRError


def import_keras_quietly() -> None:
    """Import Keras and its backend; what they write to standard error shows only on failure.

    TensorFlow 2.21 logs its build and the absence of CUDA while it is being imported, before
    TF_CPP_MIN_LOG_LEVEL takes effect; the variable silences what would follow later.

    Raises:
        BackendError: (an ImportError) the backend that Keras is told to use is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with noise_kept_back():
        try:
            import keras  # noqa: F401
        except (ModuleNotFoundError, ValueError) as error:
            raise BackendError(
                f"Keras cannot load its backend: {error}. Install it, or set KERAS_BACKEND to "
                "one that is installed (tensorflow, jax or torch)."
            ) from error


@contextlib.contextmanager
def noise_kept_back() -> Iterator[None]:
    """Keep back what is written to standard error inside; it shows only on failure.

    An error of ours says by itself what is wrong, so that nothing else is shown.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except KerasCXRError:
            raise
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
