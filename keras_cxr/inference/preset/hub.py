"""Presets of the Hugging Face hub: fetched file by file, looked at, and kept for use offline.

Connections are huggingface_hub's own: its token, its mirror (`HF_ENDPOINT`), the system's proxies.
The bytes are taken here, since they are counted and looked at before anything is kept.
"""

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from keras_cxr._support.disk.archives import ArchiveError
from keras_cxr._support.disk.documents import FormError
from keras_cxr._support.disk.file_names import PRESET_FILE
from keras_cxr._support.disk.files import SET_CACHE, output_folder, write_whole, writing_to
from keras_cxr._support.disk.locking import ScratchFolder, locked
from keras_cxr._support.offline import OFFLINE_VARIABLE, is_offline
from keras_cxr.data.caching.cache import default_cache_dir
from keras_cxr.errors import (
    DataError,
    InvalidArgumentError,
    NotFoundError,
)
from keras_cxr.inference.preset.connection import Connection
from keras_cxr.inference.preset.form import (
    PRESET,
    check_contents,
    is_whole,
    what_came,
)

_SCHEME = "hf:/"  # what paths leave of "hf://"
_WORD = r"[A-Za-z0-9_](?:[\w.-]{0,94}[\w-])?"
_SOURCE = re.compile(rf"hf:/({_WORD})/({_WORD})(?:@([\w.-]+(?:/[\w.-]+)*))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_PRESET = 16 << 20  # bytes; 10,000 classes with their golden answers have 1 MB
_MOST_FILE = 2 << 30  # bytes; VGG19 with its largest head has 280 MB as float16


class HubSource(NamedTuple):
    """A repository of the hub at a revision: a branch, a tag or a commit."""

    owner: str
    name: str
    revision: str

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"hf://{self.owner}/{self.name}{at}"


def is_hub_source(source: str | os.PathLike[str]) -> bool:
    """Return whether a source begins with `hf://`, as text or as a path."""
    return Path(source).as_posix().startswith(_SCHEME)


def parse_source(source: str | os.PathLike[str]) -> HubSource:
    """Return the repository that `hf://owner/name` or `hf://owner/name@revision` names.

    Raises:
        InvalidArgumentError: (a ValueError) it has another form.
    """
    text = Path(source).as_posix()
    found = _SOURCE.fullmatch(text)
    if found is None or ".." in text:
        raise InvalidArgumentError(
            f"A preset of the hub is named as hf://owner/name or hf://owner/name@revision, "
            f"received {text.replace(_SCHEME, 'hf://', 1)!r}."
        )
    owner, name, revision = found.groups()
    return HubSource(owner, name, revision or "main")


def fetch_preset(source: str | os.PathLike[str]) -> Path:
    """Return the folder in the cache that holds a preset of the hub, fetched where it is missing.

    A revision that is a whole commit is immutable: once kept, it opens no connection. Of a branch
    or tag the hub is asked which commit it is, and only a new one is fetched.

    Args:
        source: `hf://owner/name`, with `@revision` where it is not the branch main.

    Raises:
        InvalidArgumentError: (a ValueError) the source has another form.
        NotFoundError: the hub has no such preset, or, offline, the cache.
        DataError: (a ValueError) what came is no whole preset; nothing of it is kept.
        WeightsUnavailableError: (an OSError) the hub cannot be reached.
        OutputError: (an OSError) the cache cannot be written.
        MissingExtraError: (an ImportError) huggingface_hub is not installed.
    """
    wanted = parse_source(source)
    home = default_cache_dir() / "presets" / wanted.owner / wanted.name
    known = _kept_commit(home, wanted.revision)
    if is_offline():
        return _kept_offline(wanted, home, known)
    if known == wanted.revision and is_whole(home / known):
        return home / known
    connection = Connection(wanted.owner, wanted.name, str(wanted))
    commit = connection.commit(PRESET_FILE, wanted.revision)
    folder = home / commit
    if not is_whole(folder):
        _fetch(connection, folder)
    if known != commit:
        _remember(home, wanted.revision, commit)
    return folder


def _kept_commit(home: Path, revision: str) -> str:
    """Return the commit that a revision was when it was last asked for, or ""."""
    if _COMMIT.fullmatch(revision):
        return revision
    try:
        found = _revision_file(home, revision).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return found if _COMMIT.fullmatch(found) else ""


def _revision_file(home: Path, revision: str) -> Path:
    return home / "revisions" / quote(revision, safe="")


def _remember(home: Path, revision: str, commit: str) -> None:
    if revision != commit:
        file = _revision_file(home, revision)
        output_folder(file.parent)
        write_whole(file, commit)


def _kept_offline(wanted: HubSource, home: Path, known: str) -> Path:
    if known and is_whole(home / known):
        return home / known
    what = "is damaged" if known and (home / known).is_dir() else "is not in the cache"
    raise NotFoundError(
        f"{wanted} {what} ({home}), and {OFFLINE_VARIABLE} or HF_HUB_OFFLINE forbids connections. "
        "Load it once with a connection, copy the cache of a machine that has it, or pass a folder "
        "with the preset's files."
    )


def _fetch(connection: Connection, folder: Path) -> None:
    """Fetch a preset into a folder of the cache, whole or not at all, by one process at a time."""
    home = folder.parent
    with writing_to(home, called="cache of presets", remedy=SET_CACHE):
        home.mkdir(parents=True, exist_ok=True)
        with locked(home / ".lock", f"Another process fetches {connection.source}: waiting for it"):
            if is_whole(folder):
                return
            scratch = ScratchFolder(folder)
            try:
                _download(connection, folder.name, scratch.path)
                if folder.exists():  # damaged
                    shutil.rmtree(folder)
                scratch.become(folder)
            finally:
                scratch.remove()


def _download(connection: Connection, commit: str, folder: Path) -> None:
    """Fetch `preset.json` and the files that it names, each looked at before all are kept."""
    file = folder / PRESET_FILE
    received = connection.save(PRESET_FILE, commit, file, most=_MOST_PRESET)
    try:
        preset = PRESET.parse(file.read_bytes())
    except FormError as error:
        raise _refused(connection, PRESET_FILE, what_came(received.head) or str(error)) from error
    for name, expected in preset["files"].items():
        received = connection.save(name, commit, folder / name, most=_MOST_FILE)
        if received.sha256 != expected:
            reason = (
                what_came(received.head) or f"is not the file that {PRESET_FILE} names (SHA-256)"
            )
            raise _refused(connection, name, reason)
    try:
        check_contents(folder, preset)
    except ArchiveError as error:
        raise _refused(connection, "its weights or detector", f"cannot be used: {error}") from error


def _refused(connection: Connection, name: str, reason: str) -> DataError:
    return DataError(
        f"{connection.source}: {name} {reason}. Nothing of it is kept. Try again, or ask who keeps "
        "the repository or the mirror."
    )
