"""Whether Keras and its backend work: asked in a process of its own, which they may bring down.

`python -m keras_cxr.installation.probe` prints one line of JSON.
"""

import json
import os
import subprocess
import sys
from typing import Any

SECONDS = 300.0
"""Until a backend counts as hanging: the first import of a cold disk takes a minute."""


def ask_keras() -> dict[str, Any]:
    """Return what a new Python process learns of Keras, or under "error" why it does not work."""
    command = [sys.executable, "-m", "keras_cxr.installation.probe"]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it does not answer within {SECONDS:.0f} seconds"}
    except OSError as error:
        return {"error": f"a new Python process cannot be started ({error.strerror or error})"}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        found = None
    if isinstance(found, dict):
        return found
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
    return {"error": f"its process ended with {done.returncode} ({last[0].strip()})"}


def _learn() -> dict[str, Any]:
    """Return the backend with its devices and the precision for training; in the new process."""
    import keras

    from keras_cxr.training.precision import choose_precision

    total = float(keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.ones((2, 2)))))
    if total != 4:
        raise ArithmeticError(f"the sum of four ones is {total:g}")
    precision, reason = choose_precision("auto")
    return {
        "backend": keras.backend.backend(),
        "devices": _devices(),
        "precision": precision,
        "precision_reason": reason,
    }


def _devices() -> list[str]:
    """Return the devices that the backend sees, such as "cpu:0"."""
    import keras

    try:
        return [str(device) for device in keras.distribution.list_devices()]
    except (AttributeError, NotImplementedError):  # not every backend tells
        return ["cpu"]


def _main() -> None:
    try:
        found = _learn()
    except BaseException as error:  # whatever a broken package raises
        text = " ".join(str(error).split())
        found = {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__}
    print(f"\n{json.dumps(found)}", flush=True)


if __name__ == "__main__":
    _main()
