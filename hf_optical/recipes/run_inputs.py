"""What a run was begun with, kept beside its checkpoints: it is resumed with the same data and teacher, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import DataError
from ..data.files import atomic_write

if TYPE_CHECKING:
    from datasets import Dataset

FILE = "run_inputs.json"
_ROWS = 1000


def examples_digest(examples: Dataset) -> str:
    """First 16 hex digits of the SHA-256 of all rows, their order and the names of their columns."""
    digest = hashlib.sha256()
    for start in range(0, len(examples), _ROWS):
        digest.update(json.dumps(examples[start : start + _ROWS], sort_keys=True).encode())
    return digest.hexdigest()[:16]


def keep_run_inputs(folder: Path, inputs: Mapping[str, str | int], *, resume_from: str | None) -> None:
    """Write down what a run begins with, or find out whether it goes on with the same.

    Args:
        folder: of the run.
        inputs: name -> number of examples, fingerprint of a teacher ...
        resume_from: the checkpoint to go on from, if any.

    Raises:
        DataError: the run was begun with something else; all differences are named. The folder is left as it is.
    """
    file = folder / FILE
    if resume_from and file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        differing = [f"{name} {before[name]}, now {now}" for name, now in inputs.items() if before.get(name, now) != now]
        if differing:
            problem = f"the run in {folder} was begun with other inputs: {'; '.join(differing)}"
            raise DataError(problem, fix="resume it with what it was begun with, --overwrite it, or give another --output")
        return
    with atomic_write(file) as out:
        out.write((json.dumps(dict(inputs), indent=1) + "\n").encode())
