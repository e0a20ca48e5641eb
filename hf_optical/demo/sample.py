"""The embedded sample's teacher, student and index: trained at the first start, kept for the next."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..data.sample_data import SAMPLE

logger = logging.getLogger(__name__)

Progress = Callable[[float, str], None]

_TEACHER_STEPS, _STUDENT_STEPS = 150, 1500
# Parts of the time: until the first step, the teacher's steps, the student's; the rest is the index.
_BEFORE, _TEACHING, _DISTILLING = 0.08, 0.2, 0.67
_STEP = re.compile(r"(\d+)/(\d+) \[")
_POLL_SECONDS = 0.5
# What is kept of what the training prints, for the message if it fails.
_KEPT_LINES = 20
# Of what a folder of the cache holds: raised when that changes, so that one made before is neither used nor touched. 2: with the
# student's evaluation.
_FORMAT = 2


@dataclass(frozen=True)
class Sample:
    """Folders of the models and the index."""

    folder: Path

    @property
    def teacher(self) -> Path:
        return self.folder / "teacher"

    @property
    def student(self) -> Path:
        return self.folder / "student"

    @property
    def index(self) -> Path:
        return self.folder / "index"


def sample_key() -> str:
    """Name of what is made of this version of the package and these data."""
    from .. import __version__

    digest = hashlib.sha256(f"{__version__}\0{_FORMAT}".encode())
    for file in sorted(path for path in SAMPLE.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(SAMPLE)).encode() + b"\0" + file.read_bytes())
    return f"sample-{__version__}-{digest.hexdigest()[:12]}"


def prepare_sample(
    cache: Path, progress: Progress | None = None, *, teacher_steps: int = _TEACHER_STEPS, student_steps: int = _STUDENT_STEPS
) -> Sample:
    """The sample from the cache, trained first if it is not there.

    Training runs in a process of its own, so that its memory is given back. What it writes takes its place in the cache when it is
    whole: killed at any time it leaves nothing that is taken for a model. A second process waits for the first.

    Args:
        cache: folder, made if it is not there.
        progress: told the part done, 0 to 1, and what is being done.
        teacher_steps, student_steps: of training.

    Raises:
        OSError: the cache cannot be written; RuntimeError: training failed.
    """
    progress = progress or (lambda part, text: None)
    sample = Sample(Path(cache) / sample_key())
    if sample.folder.is_dir():
        return sample
    sample.folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(sample.folder.parent / ".lock", progress):
        if not sample.folder.is_dir():
            _remove_leftovers(sample.folder.parent)
            scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=sample.folder.parent))
            try:
                _train(scratch, teacher_steps, student_steps, progress)
                os.replace(scratch, sample.folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return sample


def _train(folder: Path, teacher_steps: int, student_steps: int, progress: Progress) -> None:
    """Run this module as a process, and read off its progress bars how far it is."""
    started = time.monotonic()
    progress(0.0, "starting to train the sample's models")
    command = [sys.executable, "-m", __name__, str(folder), str(teacher_steps), str(student_steps)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, encoding="utf-8",
        errors="replace",
    ) as process:  # fmt: skip
        try:
            for line in process.stderr or ():  # universal newlines: a progress bar's \r ends a line too
                told = _told(line, teacher_steps, student_steps)
                if told:
                    progress(*told)
                elif line.strip():
                    last.append(line.rstrip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError("training the sample's models failed:\n" + "\n".join(last))
    logger.info("the sample's models were trained in %.0f s and are kept in %s", time.monotonic() - started, folder.parent)


def _told(line: str, teacher_steps: int, student_steps: int) -> tuple[float, str] | None:
    """The part done and what is being done, if a line of a progress bar tells."""
    step = _STEP.search(line)
    if not step:
        return None
    done, total = int(step[1]), int(step[2])
    if total == teacher_steps:
        return _BEFORE + _TEACHING * done / total, "training a small English teacher"
    if total == student_steps:
        return _BEFORE + _TEACHING + _DISTILLING * done / total, "distilling its Swahili student by optimal transport"
    return None


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock; the kernel lets go of it when a process dies, so it cannot become stale."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(0.0, "another process is training the sample's models")
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(cache: Path) -> None:
    """Of processes that were killed: whoever holds the lock is the only one at work."""
    for folder in cache.glob(".making-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, teacher_steps: int, student_steps: int) -> None:
    """Train, index, and leave just the three folders; the student's with its results, which the About tab shows."""
    from ..recipes.sample import run_sample

    results = folder / "runs"
    run_sample(results, teacher_steps=teacher_steps, student_steps=student_steps)
    os.replace(results / "sample-teacher", folder / "teacher")
    os.replace(results / "sample-sw", folder / "student")
    shutil.rmtree(results)
    shutil.rmtree(folder / "teacher" / "bitext-embeddings", ignore_errors=True)

    from ..models.pretrained import load_teacher
    from ..search import DiskIndex

    passages = [json.loads(line) for line in (SAMPLE / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [f"{passage['title']} {passage['text']}" for passage in passages]
    titles = [{"title": passage["title"]} for passage in passages]
    teacher = load_teacher(str(folder / "teacher"))
    DiskIndex.build(folder / "index", teacher, [passage["_id"] for passage in passages], texts, titles)


def _end_with_parent() -> None:
    """The pipe ends when the process that asked for the models does: nobody waits for them any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
