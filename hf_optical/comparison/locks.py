"""A lock file says which process works on a run, so that several processes of one machine share the work."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
# A lock is made and then written: one without content that is older was left by a process that died between the two.
_UNWRITTEN_SECONDS = 10.0


class RunLock:
    """A file that is made only if it is not there (`O_EXCL`), and holds the process that made it.

    A lock whose process is no longer there is stale and taken over; one of another machine never is.

    Args:
        path: of the lock file.

    Example:
        >>> import tempfile
        >>> lock = RunLock(Path(tempfile.mkdtemp()) / "lock")
        >>> lock.acquire(), RunLock(lock.path).acquire()
        (True, False)
        >>> lock.release()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def acquire(self) -> bool:
        """Whether the lock is now ours; does not wait."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # two processes that both find a stale lock must not both remove it: the second would remove the new lock of the first
        with _one_at_a_time(self.path.parent):
            if self.path.exists():
                if self.holder() is not None:
                    return False
                logger.info("%s was left by a process that is gone: taken over", self.path)
                self.path.unlink(missing_ok=True)
            try:
                descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                return False
            with os.fdopen(descriptor, "w") as file:
                json.dump({"pid": os.getpid(), "started": _started(os.getpid()), "machine": platform.node()}, file)
        return True

    def release(self) -> None:
        self.path.unlink(missing_ok=True)

    def holder(self) -> str | None:
        """Who holds it, for messages; None if nobody, or a process that is gone."""
        try:
            text = self.path.read_text()
            age = time.time() - self.path.stat().st_mtime
        except FileNotFoundError:
            return None
        try:
            content = json.loads(text)
            pid, started, machine = int(content["pid"]), content.get("started"), content.get("machine")
        except (ValueError, TypeError, KeyError):
            return "a process that has just started" if age < _UNWRITTEN_SECONDS else None
        if machine != platform.node():
            return f"process {pid} on another machine (if it is gone, delete {self.path})"
        # the number of a process that is gone may be that of another by now
        alive = _is_alive(pid) and (started is None or _started(pid) in (None, started))
        return f"process {pid}" if alive else None


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Wait for a lock and hold it."""
    lock = RunLock(path)
    told = False
    while not lock.acquire():
        if not told:
            logger.info("waiting for %s, which %s is working on", lock.path.stem, lock.holder() or "another process")
            told = True
        time.sleep(min(POLL_SECONDS, 0.5))
    try:
        yield
    finally:
        lock.release()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and another user's
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process was started, in clock ticks since the machine was; None where that is not told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Locks the folder itself. The kernel lets go of it when a process dies, so it cannot become stale."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
