"""Whether this process may open connections."""

import os

from keras_cxr.errors import InvalidArgumentError

OFFLINE_VARIABLE = "KERAS_CXR_OFFLINE"
_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off")


def is_offline() -> bool:
    """Return whether `KERAS_CXR_OFFLINE` or `HF_HUB_OFFLINE` forbids connections.

    Both are asked at each call, so that a program may set them after it has begun.

    Raises:
        InvalidArgumentError: (a ValueError) `KERAS_CXR_OFFLINE` says neither yes nor no: whoever
            sets it wants no connection, and a slip of the pen must not open one.
    """
    own = os.environ.get(OFFLINE_VARIABLE, "").strip().lower()
    if own not in _YES + _NO:
        raise InvalidArgumentError(
            f"{OFFLINE_VARIABLE} must be 1 (no connections) or 0, received {own!r}."
        )
    return own in _YES or os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in _YES
