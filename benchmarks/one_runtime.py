"""One runtime in a process of its own: time to the first answer, images a second, peak memory.

Run as a script with a format, the export's file and an array of pixels; it imports nothing but
numpy and that runtime, and prints a line of JSON. `benchmarks.runtimes` starts it.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def load_keras(path):
    """Keras on the backend that is set."""
    import keras

    return keras.saving.load_model(path, compile=False).predict_on_batch


def load_savedmodel(path):
    """TensorFlow alone."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    return lambda pixels: loaded.serve(pixels).numpy()


def load_onnx(path):
    """ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0]


def load_litert(path):
    """LiteRT, on every core, as `load_export` starts it."""
    import os

    from ai_edge_litert.interpreter import Interpreter

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    interpreter = Interpreter(path, num_threads=cores)
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def predict(pixels):
        interpreter.resize_tensor_input(taken["index"], pixels.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])

    return predict


LOADERS = {
    "keras": load_keras,
    "savedmodel": load_savedmodel,
    "onnx": load_onnx,
    "litert": load_litert,
    "litert-int8": load_litert,
}


def peak_bytes():
    """The most memory that this process held; the usual call counts its parent's, too (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell VmHWM")


def rate(predict, pixels, *, calls):
    """Images a second, the fastest of some calls after a first."""
    predict(pixels)
    fastest = float("inf")
    for _ in range(calls):
        started = time.perf_counter()
        predict(pixels)
        fastest = min(fastest, time.perf_counter() - started)
    return len(pixels) / fastest


def measure(name, path, pixels, *, calls):
    """What one process finds; `first` is the clock's time of the first answer."""
    predict = LOADERS[name](path)
    predict(pixels[:1])
    return {
        "first": time.time(),
        "1": rate(predict, pixels[:1], calls=calls),
        "32": rate(predict, pixels, calls=max(calls // 4, 1)),
        "peak": peak_bytes(),
    }


if __name__ == "__main__":
    chosen, file, pictures, count = sys.argv[1:]
    print(json.dumps(measure(chosen, file, np.load(pictures), calls=int(count))))
