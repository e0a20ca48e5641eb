"""Runs a method that joins another's rankings with BM25's: from what the other has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..data.errors import DataError
from ..evaluation import RetrievalResult, evaluate_fused
from .jobs import Job
from .materials import Materials
from .results import RANKING, RunResult

_OF_TRAINING = ("steps", "train_seconds", "pairs_used")


def run_fused(job: Job, language: str, materials: Materials, took: dict[str, Any]) -> RetrievalResult:
    """Reciprocal rank fusion of the ranking that the other method has left with BM25's of the same questions.

    Its training is told in `took`: without it there would be nothing to join.
    """
    own = _read_ranking(job.sources[language] / RANKING)
    took |= {name: value for name, value in _took(job.sources[language]).items() if name in _OF_TRAINING}
    return evaluate_fused(
        own,
        materials.lexical_index(language),
        materials.collection(language),
        weight=float(job.method.option("lexical_weight")),
        system=job.method.title,
        english=job.method.is_english,
        k=materials.config.k,
    )


def _took(folder: Path) -> Mapping[str, Any]:
    before = RunResult.read(folder)
    return before.took if before else {}


def _read_ranking(file: Path) -> dict[str, list[tuple[str, float]]]:
    """Query id -> ranked documents, as `RetrievalResult.save_run` writes them. Raises DataError for a line that is none."""
    run: dict[str, list[tuple[str, float]]] = {}
    for query, document, score in _trec_fields(file):
        run.setdefault(query, []).append((document, score))
    return run


def _trec_fields(file: Path) -> Iterator[tuple[str, str, float]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                query, _, document, _, score, _ = line.split()
                yield query, document, float(score)
            except ValueError:
                raise DataError("no line of a TREC run", path=file, line=number, fix="delete the run, and run it again") from None
