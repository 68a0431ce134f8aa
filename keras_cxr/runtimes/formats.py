"""The table of formats: what each writes, and the runtime that reads it back."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr._support.processes import num_cores
from keras_cxr.errors import BackendError, MissingExtraError

Pixels = NDArray[np.uint8]
Predict = Callable[[Pixels], NDArray[np.float32]]
"""From pixels `(batch, height, width, channels)` uint8 to `(batch, classes)` float32 in [0, 1], or
to `(batch, height, width)` of a segmenter."""

TOLERANCE = 1e-4
"""The largest difference that passes where numbers stay float32; sums in another order stay far
below."""

INT8_TOLERANCE, INT8_LEAST_EQUAL = 0.3, 0.8
"""What passes where numbers are whole: twice the largest difference that was measured with trained
networks (docs/deploy.md), which kept 97 of 100 answers; untrained ones keep fewer."""


@dataclass(frozen=True, eq=False)
class Runtime:
    """An export that was loaded and can be asked, from one thread at a time.

    Attributes:
        predict: from pixels `(batch, height, width, channels)` uint8 in [0, 255] to probabilities
            `(batch, classes)` float32 in [0, 1], for any batch; of a segmenter to those of each
            pixel, `(batch, height, width)`.
        input_name: what the pixels are called in the file.
        output_name: what the probabilities are called in it.
    """

    predict: Predict
    input_name: str
    output_name: str


@dataclass(frozen=True, eq=False)
class ExportFormat:
    """One format of exports.

    Attributes:
        name: as `export` and the command line know it.
        file: the file or folder that it writes.
        runtime: what reads it, in words.
        save: writes a Keras model from pixels to probabilities to a path; the third argument are
            pictures `(batch, height, width, channels)` uint8 that set the ranges of whole numbers.
        load: reads it again, in its own runtime.
        packages: the extra `export`'s packages that writing it needs, by the name they are imported
            by.
        reads_with: those of them that reading it needs.
        backends: Keras' backends that can write it; empty where all can.
        quantizes: whether it computes in whole numbers, so that it needs pictures to calibrate.
        tolerance: the largest difference from Keras' probabilities that passes.
        least_equal: the smallest share of equal answers that passes, in [0, 1].
    """

    name: str
    file: str
    runtime: str
    save: Callable[[Any, Path, Pixels], None]
    load: Callable[[Path], Runtime]
    packages: dict[str, str] = field(default_factory=dict)
    reads_with: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    quantizes: bool = False
    tolerance: float = TOLERANCE
    least_equal: float = 0.0


def _save_keras(model: Any, path: Path, _: Pixels) -> None:
    model.save(path)


def _load_keras(path: Path) -> Runtime:
    from keras_cxr.models.files import read_model

    model: Any = read_model(path)
    return Runtime(
        lambda pixels: np.asarray(model.predict_on_batch(pixels)),
        model.inputs[0].name,
        model.output_names[0],
    )


def _save_savedmodel(model: Any, path: Path, _: Pixels) -> None:
    model.export(str(path), format="tf_saved_model", verbose=False)


def _load_savedmodel(path: Path) -> Runtime:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    (output,) = serve.structured_outputs

    def predict(pixels: Pixels) -> NDArray[np.float32]:
        # by way of what was loaded: a signature alone does not keep its variables
        answer = loaded.signatures["serving_default"](**{name: tf.constant(pixels)})
        return np.asarray(answer[output])

    return Runtime(predict, name, output)


def _save_onnx(model: Any, path: Path, _: Pixels) -> None:
    model.export(str(path), format="onnx", verbose=False)


def _load_onnx(path: Path) -> Runtime:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    return Runtime(
        lambda pixels: session.run([given.name], {taken.name: pixels})[0], taken.name, given.name
    )


def _save_litert(model: Any, path: Path, _: Pixels) -> None:
    model.export(str(path), format="litert", verbose=False)


def _save_litert_int8(model: Any, path: Path, pixels: Pixels) -> None:
    import tensorflow as tf

    model.export(
        str(path),
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([one[np.newaxis]] for one in pixels),
        # whole numbers or an error: no layer stays float32 unseen
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )


def _load_litert(path: Path) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=path.read_bytes(), num_threads=num_cores())
    interpreter.allocate_tensors()  # it tells of its delegate here, not at the first answer
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def predict(pixels: Pixels) -> NDArray[np.float32]:
        if tuple(interpreter.get_input_details()[0]["shape"]) != pixels.shape:
            interpreter.resize_tensor_input(taken["index"], pixels.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])

    return Runtime(predict, taken["name"], given["name"])


_LITERT = {"ai_edge_litert": "ai-edge-litert"}
_ONNX = {"onnx": "onnx", "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"}
FORMATS = {
    row.name: row
    for row in (
        ExportFormat("keras", "model.keras", "Keras", _save_keras, _load_keras),
        ExportFormat(
            "savedmodel", "savedmodel", "TensorFlow", _save_savedmodel, _load_savedmodel,
            backends=("tensorflow",),
        ),
        ExportFormat(
            "onnx", "model.onnx", "ONNX Runtime", _save_onnx, _load_onnx, _ONNX, ("onnxruntime",),
            ("tensorflow",),
        ),
        ExportFormat(
            "litert", "model.tflite", "LiteRT", _save_litert, _load_litert, _LITERT,
            tuple(_LITERT), ("tensorflow",),
        ),
        ExportFormat(
            "litert-int8", "model.tflite", "LiteRT", _save_litert_int8, _load_litert, _LITERT,
            tuple(_LITERT), ("tensorflow",), quantizes=True, tolerance=INT8_TOLERANCE,
            least_equal=INT8_LEAST_EQUAL,
        ),
    )
}  # fmt: skip
"""The formats by their names."""

FORMAT_NAMES = tuple(FORMATS)


def find_format(name: str) -> ExportFormat:
    """Return the format of this name, shown to be usable here.

    Raises:
        InvalidArgumentError: (a ValueError) there is none of this name.
        MissingExtraError: (an ImportError) a package that it needs is not installed.
        BackendError: (an ImportError) Keras' backend here cannot write it.
    """
    check_choice("format", name, FORMAT_NAMES, shown=str)
    found = FORMATS[name]
    check_installed(found)
    if found.backends:
        import keras

        if keras.backend.backend() not in found.backends:
            raise BackendError(
                f"format={name!r} is written with the backend {' or '.join(found.backends)}, Keras "
                f"runs on {keras.backend.backend()}: set KERAS_BACKEND={found.backends[0]} and "
                "export the saved model there. Weights are the same on every backend."
            )
    return found


def check_installed(wanted: ExportFormat, *, only_to_read: bool = False) -> None:
    """Raise unless the packages of a format are here.

    Args:
        wanted: the format.
        only_to_read: whether those that write it may be missing.

    Raises:
        MissingExtraError: (an ImportError) the text names them and the extra.
    """
    missing = [
        package
        for module, package in wanted.packages.items()
        if (module in wanted.reads_with or not only_to_read)
        and importlib.util.find_spec(module) is None
    ]
    if missing:
        raise MissingExtraError(
            f"The format {wanted.name} needs {', '.join(missing)}, not installed here: "
            'pip install "keras-cxr[export]". Nothing was computed.'
        )
