"""What a run leaves behind: metrics, the values of single queries, the ranking, what it took and where it ran."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..data.errors import DataError
from ..data.files import atomic_write
from ..evaluation import RetrievalResult

RESULT, RANKING, FAILURE = "result.json", "run.trec", "failure.json"


@dataclass(frozen=True)
class RunResult:
    """The result of one method on one language with one seed.

    Attributes:
        method, language, seed, limit: which run it is.
        seen: whether it was trained on the language; None where nothing was trained.
        pairs: language -> sentence pairs it learned from.
        metrics: `recall@10` etc., means over queries.
        per_query: metric -> query id -> value.
        passages: number of passages searched.
        teacher: fingerprint of the teacher that encoded them.
        took: seconds and steps of the training, seconds of the evaluation.
        environment: versions, threads, device.
    """

    method: str
    language: str
    seed: int | None
    limit: int | None
    seen: bool | None
    pairs: Mapping[str, int]
    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]
    passages: int
    teacher: str
    took: Mapping[str, float]
    environment: Mapping[str, Any]

    def save(self, folder: Path, retrieval: RetrievalResult) -> None:
        """Write the ranking, then the result: a result that is there is complete."""
        retrieval.save_run(folder / RANKING, tag=self.method)
        write_json(folder / RESULT, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> RunResult | None:
        """The result in a folder; None if its run has not finished.

        Raises:
            DataError: it is no result of a run.
        """
        file = folder / RESULT
        if not file.exists():
            return None
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            problem = f"not the result of a run ({error})"
            raise DataError(problem, path=file, fix="delete its folder, and it is run again") from None


def write_json(path: Path, content: object) -> None:
    """The file appears whole or not at all."""
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def environment(device: object) -> dict[str, Any]:
    """What a figure may depend on besides settings and data."""
    import torch
    import transformers

    from .. import __version__

    on_gpu = str(device).startswith("cuda")
    return {
        "hf_optical": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
