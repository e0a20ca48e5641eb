"""A connection to one Qdrant collection: retries what may yet succeed, and says in one line what did not."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .engine_error import EngineError
from .index_error import IndexFormatError

logger = logging.getLogger(__name__)

API_KEY_VARIABLE = "QDRANT_API_KEY"
# Too busy, restarting, or a node is being replaced: the same request may succeed in a while.
_TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
_TRANSIENT_GRPC = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL")
_LONGEST_WAIT = 30.0


class QdrantConnection:
    """Calls of `qdrant_client` for one collection.

    Args:
        path: folder, for local mode: one process at a time, all in memory, for tests and trials.
        url: of a server or cluster; its key is read from the environment variable QDRANT_API_KEY.
        collection: its name.
        create: make the folder of local mode.
        timeout: seconds for a request.
        attempts: for changes, the first included; the wait between them doubles from `first_wait` seconds.
        prefer_grpc: send and search over gRPC (port 6334) instead of JSON.
        client_options: further arguments of QdrantClient.

    Raises:
        ValueError: both or neither of path and url, or an unsafe URL; IndexFormatError: no local index there.
        EngineError: (OSError) qdrant-client is not installed; another process has the folder open.
    """

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        url: str | None = None,
        collection: str = "passages",
        create: bool = False,
        timeout: float = 60.0,
        attempts: int = 7,
        first_wait: float = 0.5,
        prefer_grpc: bool = False,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        if (path is None) == (url is None):
            raise ValueError("give path= (a folder, local mode) or url= (a Qdrant server), not both.")
        if find_spec("qdrant_client") is None:
            raise EngineError("qdrant-client is not installed: pip install 'hf_optical[qdrant]'.")
        self.collection, self.is_local = collection, path is not None
        self._attempts, self._first_wait = max(1, attempts), first_wait
        # local mode is one sqlite file and arrays in memory: one call at a time
        self._lock = threading.RLock() if self.is_local else None
        self._place = str(path) if self.is_local else _safe_url(url)
        self._client = (
            self._open_folder(Path(path), create)
            if self.is_local
            else self._connect(self._place, timeout, prefer_grpc, dict(client_options or {}))
        )

    def _open_folder(self, folder: Path, create: bool) -> Any:
        if not create and not (folder / "meta.json").is_file():
            raise IndexFormatError(f"no Qdrant index in {folder}: build one there, or check the path.")
        from qdrant_client import QdrantClient

        try:
            return QdrantClient(path=str(folder), force_disable_check_same_thread=True)
        except RuntimeError as error:
            if "already accessed" not in str(error):
                raise
            raise EngineError(
                f"{folder} is open already, here or in another process: close it, or use a Qdrant server (url=), which serves many."
            ) from None

    def _connect(self, url: str, timeout: float, prefer_grpc: bool, options: dict[str, Any]) -> Any:
        from qdrant_client import QdrantClient

        key = os.environ.get(API_KEY_VARIABLE) or None
        return QdrantClient(url=url, api_key=key, timeout=timeout, prefer_grpc=prefer_grpc, check_compatibility=False, **options)

    def __str__(self) -> str:
        return f"collection {self.collection!r} in {self._place}"

    @property
    def address(self) -> str:
        """As `open_index` takes it."""
        return f"qdrant+path:{self._place}#{self.collection}" if self.is_local else f"{self._place}/{self.collection}"

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, *, retry: bool = False, **arguments: Any) -> Any:
        """A method of QdrantClient for this collection.

        Args:
            retry: try again, waiting longer each time, while the cause may pass; only for what may be done twice.

        Raises:
            EngineError: no answer, a refused key, or another answer than success; IndexFormatError: no such collection.
        """
        attempts = self._attempts if retry else 1
        for attempt in range(1, attempts + 1):
            try:
                return self._once(method, arguments)
            except Exception as error:
                wait = _seconds_to_wait(error)
                if wait is None or attempt == attempts:
                    raise self._explained(error, attempt) from error
                # jitter, so that parallel uploads do not come back all at once
                wait = max(wait, min(_LONGEST_WAIT, self._first_wait * 2 ** (attempt - 1)) * random.uniform(0.5, 1))
                logger.info("%s: %s; attempt %d of %d in %.1f s", self, _cause(error), attempt + 1, attempts, wait)
                time.sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, method: str, arguments: dict[str, Any]) -> Any:
        function = getattr(self._client, method)
        if self._lock is None:
            return function(self.collection, **arguments)
        with self._lock:
            return function(self.collection, **arguments)

    def _explained(self, error: Exception, attempts: int) -> Exception:
        """What a person can do something about; any other error as it is."""
        status, cause = _status(error), _cause(error)
        if status in (401, 403, "UNAUTHENTICATED", "PERMISSION_DENIED"):
            given = f"the key in {API_KEY_VARIABLE} is wrong or has no right to this"
            missing = f"no key was given: set {API_KEY_VARIABLE}"
            return EngineError(f"{self}: refused ({status}): {given if os.environ.get(API_KEY_VARIABLE) else missing}.")
        if status in (404, "NOT_FOUND") or (self.is_local and isinstance(error, ValueError) and "not found" in str(error)):
            return IndexFormatError(f"there is no {self}: build it with `optical index`, or check the name.")
        if cause is None:
            return error
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        if status is None:
            return EngineError(f"{self}: no answer{tried} ({cause}): is the server running, and the address right?")
        return EngineError(f"{self}: the server answered {cause}{tried}: see its log.")


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{parts.hostname or 'the URL'}: write http://HOST:6333 or https://HOST:6333.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            f"the URL of {parts.hostname} holds more than an address: leave it out, and put the key into {API_KEY_VARIABLE}."
        )
    return url.rstrip("/")


def _status(error: Exception) -> int | str | None:
    """HTTP status or name of the gRPC code."""
    if (status := getattr(error, "status_code", None)) is not None:
        return int(status)
    if type(error).__name__ == "ResourceExhaustedResponse":
        return 429
    code = getattr(error, "code", None)
    return code().name if callable(code) and hasattr(error, "details") else None


def _cause(error: Exception) -> str | None:
    """In a few words; None for what neither network nor server did."""
    status = _status(error)
    if status is not None:
        details = getattr(error, "details", None)
        content = getattr(error, "content", b"")
        told = str(details() or "") if callable(details) else content.decode("utf-8", "replace")
        return " ".join(f"{status} {told[:200]}".split())
    if type(error).__name__ == "ResponseHandlingException":
        source = getattr(error, "source", error)
        return " ".join(f"{type(source).__name__}: {source}"[:200].split())
    return None


def _seconds_to_wait(error: Exception) -> float | None:
    """What the server asks for, 0 if it does not say; None where trying again is no use."""
    if type(error).__name__ == "ResourceExhaustedResponse":
        return min(_LONGEST_WAIT, float(getattr(error, "retry_after_s", 0) or 0))
    status = _status(error)
    if status in _TRANSIENT_STATUS or status in _TRANSIENT_GRPC:
        return 0.0
    from httpx import TransportError

    return 0.0 if isinstance(getattr(error, "source", None), TransportError) else None
