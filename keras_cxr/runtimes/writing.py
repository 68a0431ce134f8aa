"""`write_checked`: a Keras model in a format, read back there and held against Keras."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import ExportError, KerasCXRError
from keras_cxr.runtimes.formats import ExportFormat, Runtime
from keras_cxr.runtimes.measures import Parity
from keras_cxr.runtimes.parity import measure_parity

_SHOWN = 300  # characters: converters repeat whole graphs in their messages


def write_checked(
    graph: Any,
    path: Path,
    *,
    wanted: ExportFormat,
    asked: NDArray[Any],
    expected: NDArray[np.floating],
    calibrating: NDArray[np.uint8] | None = None,
    pictures: str = "phantoms",
) -> tuple[Runtime, Parity]:
    """Write a model to a path; return it as its runtime read it, and how it answered there.

    Args:
        graph: a Keras model that has been called.
        path: where the format's file or folder is written.
        wanted: the format.
        asked: what both are asked about, as the graph takes it.
        expected: what Keras answers, computed without the graph.
        calibrating: what sets the ranges of whole numbers, where the format has some.
        pictures: what was asked about, in words.

    Raises:
        ExportError: (a RuntimeError) it cannot be written in the format, or answers differently.
        OSError: the disk refuses.
    """
    try:
        with warnings.catch_warnings():  # of converters about their own code
            warnings.simplefilter("ignore")
            wanted.save(graph, path, np.zeros(0, np.uint8) if calibrating is None else calibrating)
        runtime = wanted.load(path)
        parity = measure_parity(runtime.predict, asked, expected, wanted=wanted, pictures=pictures)
    except (KerasCXRError, OSError):
        raise
    except Exception as error:  # converters and runtimes raise what they like
        reason = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        raise ExportError(
            f"The model {graph.name!r} cannot be exported as {wanted.name}: {reason}. Nothing was "
            'written. The format "keras" takes any model.'
        ) from error
    return runtime, parity
