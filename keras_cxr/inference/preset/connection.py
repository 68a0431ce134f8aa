"""The Hugging Face hub, or its mirror, asked for single files of one repository.

`huggingface_hub` is imported here alone, when a connection is made.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from keras_cxr._version import __version__
from keras_cxr.errors import (
    DataError,
    MissingExtraError,
    NotFoundError,
    OutputError,
    WeightsUnavailableError,
)

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REFUSALS = (401, 403, 404)  # of a private repository the hub says that there is none
_REMEDY = (
    "Try again later. Behind a proxy set HTTPS_PROXY, for a mirror of the hub HF_ENDPOINT; without "
    "a connection KERAS_CXR_OFFLINE=1 takes what the cache holds, and a copy of the preset's "
    "folder loads by its path."
)


class Received(NamedTuple):
    """What came of a file: its SHA-256 and its first bytes."""

    sha256: str
    head: bytes


class Connection:
    """One repository of the hub.

    Args:
        owner: of the repository.
        name: of the repository.
        source: both as the user wrote them, for errors.

    Raises:
        MissingExtraError: (an ImportError) huggingface_hub is not installed.
    """

    def __init__(self, owner: str, name: str, source: str) -> None:
        try:
            import huggingface_hub
        except ImportError as error:
            raise MissingExtraError(
                f"{source} is fetched by huggingface_hub, not installed here: "
                'pip install "keras-cxr[hub]". Without it, a copy of the preset\'s folder loads by '
                "its path."
            ) from error
        self.source = source
        self._hub = huggingface_hub
        self._repository = f"{owner}/{name}"
        # huggingface_hub looks when it is imported, which may have been long ago
        self._endpoint = os.environ.get("HF_ENDPOINT") or huggingface_hub.constants.ENDPOINT

    def commit(self, file: str, revision: str) -> str:
        """Return the commit that a revision is now.

        Raises:
            NotFoundError: there is no such repository, revision or file.
            WeightsUnavailableError: (an OSError) the hub cannot be reached, or is none.
        """
        found = self._metadata(file, revision).commit_hash
        if not isinstance(found, str) or not _COMMIT.fullmatch(found):
            raise WeightsUnavailableError(
                f"{self._endpoint} does not say which commit {self.source} is (X-Repo-Commit: "
                f"{str(found)[:40]!r}), so it is neither the hub nor a mirror of it. {_REMEDY}"
            )
        return found

    def save(self, file: str, revision: str, target: Path, *, most: int) -> Received:
        """Write a file of the repository, of at most so many bytes, counted before and meanwhile.

        Raises:
            DataError: (a ValueError) it is larger, or ends early.
            NotFoundError: there is no such file.
            WeightsUnavailableError: (an OSError) the connection fails or is too slow.
            OutputError: (an OSError) the target cannot be written.
        """
        told = self._metadata(file, revision).size
        if told is not None and told > most:
            raise self._too_large(file, told, most)
        digest, head, size = hashlib.sha256(), b"", 0
        with target.open("wb") as out, self._explained(file):
            for chunk in self._chunks(file, revision):
                size += len(chunk)
                if size > most:
                    raise self._too_large(file, size, most)
                digest.update(chunk)
                head = head or chunk[:512]
                _write(out, chunk, target)
        if told is not None and size != told:
            raise DataError(
                f"{self.source}: {file} came with {size:,} bytes, the hub has {told:,}: it is cut "
                "short or was changed on the way. Nothing of it is kept; fetch the preset again."
            )
        return Received(digest.hexdigest(), head)

    def _too_large(self, file: str, size: int, most: int) -> DataError:
        return DataError(
            f"{self.source}: {file} has {size:,} bytes or more, and no preset's has over {most:,}. "
            "Nothing of it is kept: ask who made the preset."
        )

    def _url(self, file: str, revision: str) -> str:
        return self._hub.hf_hub_url(
            self._repository, file, revision=revision, endpoint=self._endpoint
        )

    def _metadata(self, file: str, revision: str) -> Any:
        with self._explained(file):
            return self._hub.get_hf_file_metadata(
                self._url(file, revision),
                timeout=self._hub.constants.HF_HUB_ETAG_TIMEOUT,
                endpoint=self._endpoint,
                **_library(),
            )

    def _chunks(self, file: str, revision: str) -> Iterator[bytes]:
        utils = self._hub.utils
        headers = utils.build_hf_headers(**_library())
        headers["Accept-Encoding"] = "identity"  # bytes as they are stored, so that they count
        with utils.get_session().stream(
            "GET",
            self._url(file, revision),
            headers=headers,
            timeout=self._hub.constants.HF_HUB_DOWNLOAD_TIMEOUT,
        ) as response:
            utils.hf_raise_for_status(response)
            yield from response.iter_bytes()

    @contextlib.contextmanager
    def _explained(self, file: str) -> Iterator[None]:
        """Turn what the network raises into errors that say what to do."""
        try:
            yield
        except (DataError, OutputError):
            raise
        except Exception as error:  # huggingface_hub's, or its HTTP library's, which has changed
            response: Any = getattr(error, "response", None)
            if getattr(response, "status_code", None) in _REFUSALS:
                code = response.headers.get("X-Error-Code", response.status_code)
                raise NotFoundError(
                    f"{self._endpoint} gives no {file} of {self.source} ({code}): check owner, "
                    "name and revision, and that it is a preset of keras-cxr. A private repository "
                    "needs HF_TOKEN or `hf auth login`."
                ) from error
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise WeightsUnavailableError(
                f"{self.source} cannot be fetched from {self._endpoint} ({reason}). {_REMEDY}"
            ) from error


def _library() -> dict[str, str]:
    return {"library_name": "keras-cxr", "library_version": __version__}


def _write(out: BinaryIO, chunk: bytes, target: Path) -> None:
    try:
        out.write(chunk)
        out.flush()  # a full disk is met here, not when the file is closed
    except OSError as error:
        raise OutputError(
            f"{target.name} cannot be written to {target.parent.parent} "
            f"({error.strerror or error}), so nothing of it is kept. Set KERAS_CXR_CACHE to a "
            "folder with room that may be written."
        ) from error
