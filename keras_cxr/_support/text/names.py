"""File names as text that can be written, shown and hashed, whatever bytes they hold.

A name that is no UTF-8 reaches Python with lone surrogates in it (PEP 383): it opens its file,
but no file, page or terminal takes it as text.
"""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line break
_ESCAPED = re.compile(r"\\udc([89a-f][0-9a-f])")


def shown(text: str) -> str:
    r"""Return text that any file or terminal takes: the byte 0xE9 of a name becomes `\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode()


def unshown(text: str) -> str:
    """Return the name that `shown` was given."""
    return _ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)


def printable(text: str) -> str:
    r"""Return text for a terminal, in which control characters, such as `\x1b`, command nothing."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", shown(text))


def name_bytes(text: str) -> bytes:
    """Return a name's own bytes, for hashes."""
    return text.encode("utf-8", "surrogateescape")
