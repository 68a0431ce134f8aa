"""The exact state of a run as plain arrays and JSON: variables and callbacks, there and back."""

import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import FormError, parse_json
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr.errors import InvalidArgumentError, TrainingError
from keras_cxr.keras_graph.unpublished import CALLBACK_STATES

Arrays = dict[str, NDArray[Any]]

STATELESS = (
    keras.callbacks.History,  # restored with the run's history
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ProgbarLogger,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TerminateOnNaN,
)


def read_variables(variables: Sequence[Any], prefix: str) -> Arrays:
    """Arrays of a list of Keras variables, keyed by their place in the list."""
    # a copy: a view of a variable would change with it
    return {
        f"{prefix}/{i}": np.array(keras.ops.convert_to_numpy(variable))
        for i, variable in enumerate(variables)
    }


def assign_variables(variables: Sequence[Any], arrays: Arrays, prefix: str) -> None:
    """Give each variable its array; shapes must agree.

    Raises:
        TrainingError: the state belongs to other variables.
    """
    found = {key for key in arrays if key.startswith(f"{prefix}/")}
    expected = {f"{prefix}/{i}": tuple(v.shape) for i, v in enumerate(variables)}
    if found != set(expected) or any(
        arrays[k].shape != s or arrays[k].dtype.kind in "OSU" for k, s in expected.items()
    ):
        raise TrainingError(
            f"The checkpoint's {prefix} variables do not belong to this {prefix}: pass "
            "resume=False to begin anew, or another run_dir."
        )
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"{prefix}/{i}"])


def read_generators() -> Arrays:
    """State of the random generators that the backend keeps outside the model.

    Only torch has any: Keras' Dropout without a seed draws from torch's global generators.
    """
    if keras.backend.backend() != "torch":
        return {}
    torch: Any = importlib.import_module("torch")
    states = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
    return {f"generator/{i}": np.array(state.cpu().numpy()) for i, state in enumerate(states)}


def assign_generators(arrays: Arrays) -> None:
    """Put the states of `read_generators` back."""
    if keras.backend.backend() == "torch" and "generator/0" in arrays:
        torch: Any = importlib.import_module("torch")
        states = [torch.from_numpy(a) for k, a in arrays.items() if k.startswith("generator/")]
        torch.set_rng_state(states[0])
        for index, state in enumerate(states[1 : 1 + torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, index)


def callback_key(callbacks: Sequence[Any], index: int) -> str:
    """Return a callback's class and its place in that class, such as "EarlyStopping 0"."""
    kind = type(callbacks[index]).__qualname__
    place = sum(type(other).__qualname__ == kind for other in callbacks[:index])
    return f"{kind} {place}"


def warn_about_lost_state(callbacks: Sequence[Any]) -> None:
    """Name the callbacks whose memory, if they have any, a resumed run would lose."""
    losing = [type(c).__qualname__ for c in callbacks if _may_lose_state(c)]
    if losing:
        warnings.warn(
            "A resumed run cannot give these callbacks their memory back: "
            f"{', '.join(losing)}. If they remember anything from one epoch to the next, "
            "give them get_state() and set_state(state); CSVLogger goes on with append=True.",
            stacklevel=3,
        )


def read_callbacks(callbacks: Sequence[Any]) -> tuple[dict[str, Any], Arrays]:
    """JSON document of every callback's state, and the arrays it refers to.

    Raises:
        InvalidArgumentError: a `get_state` returned something that is not plain data.
    """
    arrays: Arrays = {}
    document = {}
    for index, callback in enumerate(callbacks):
        state = _get_state(callback)
        if state is not None:
            key = callback_key(callbacks, index)
            document[key] = _encode(state, arrays, key)
    return document, arrays


def restore_callbacks(callbacks: Sequence[Any], document: dict[str, Any], arrays: Arrays) -> None:
    """Give each callback its state; warn about states and callbacks that found no partner."""
    left = dict(document)
    fresh = []
    for index, callback in enumerate(callbacks):
        key = callback_key(callbacks, index)
        if key in left:
            try:
                _set_state(callback, _decode(left.pop(key), arrays))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise TrainingError(
                    f"The checkpoint holds no state that the callback {key} can take ({error!r}): "
                    "pass resume=False to begin anew, or another run_dir."
                ) from error
        elif _get_state(callback) is not None:
            fresh.append(key)
    if left or fresh:
        parts = [f"{key} is no longer among the callbacks" for key in left]
        parts += [f"{key} is new and begins without memory" for key in fresh]
        warnings.warn(f"The run resumes with other callbacks: {'; '.join(parts)}.", stacklevel=3)


def _get_state(callback: Any) -> Any:
    if hasattr(callback, "get_state") and hasattr(callback, "set_state"):
        return callback.get_state()
    names = _known_attributes(callback)
    return {name: getattr(callback, name) for name in names if hasattr(callback, name)} or None


def _set_state(callback: Any, state: Any) -> None:
    if hasattr(callback, "set_state"):
        callback.set_state(state)
    else:
        for name, value in state.items():
            setattr(callback, name, value)


def _known_attributes(callback: Any) -> tuple[str, ...]:
    return next(
        (names for kind, names in CALLBACK_STATES.items() if isinstance(callback, kind)), ()
    )


def _may_lose_state(callback: Any) -> bool:
    if hasattr(callback, "get_state") and hasattr(callback, "set_state"):
        return False
    if type(callback) in (*CALLBACK_STATES, *STATELESS):  # a subclass may remember more
        return False
    own = vars(callback).keys() - vars(keras.callbacks.Callback()).keys()
    return any(not callable(getattr(callback, name)) for name in own)


def _encode(value: Any, arrays: Arrays, key: str) -> Any:
    """JSON for plain data: arrays go to `arrays`, tuples become lists, keys may be numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}  # EarlyStopping's best begins as infinity
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, dict):
        pairs = [[_encode(k, arrays, key), _encode(v, arrays, key)] for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        return [_encode(item, arrays, key) for item in value]
    try:
        array = np.array(keras.ops.convert_to_numpy(value))
    except Exception:  # each backend raises its own kind
        array = np.array(None)
    if array.dtype == object:
        raise InvalidArgumentError(
            f"The state of callback {key.split()[0]} holds a {type(value).__qualname__}; "
            "get_state() must return numbers, text, None, lists, dictionaries and arrays."
        )
    name = f"callback/{len(arrays)}"
    arrays[name] = array
    return {"array": name}


def _decode(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]]
        if "float" in value:
            return float(value["float"])
        return {_decode(k, arrays): _decode(v, arrays) for k, v in value["dict"]}
    return value


def to_bytes(document: dict[str, Any]) -> NDArray[np.uint8]:
    """Return a JSON document as an array, to travel with the others in one file."""
    return np.frombuffer(to_json(document, indent=None).encode(), np.uint8)


def from_bytes(array: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the document of `to_bytes`.

    Raises:
        FormError: (a ValueError) the bytes are something else.
    """
    document = parse_json(array.tobytes(), keep_nan=True)
    if not isinstance(document, dict):
        raise FormError("holds no states of callbacks")
    return document
