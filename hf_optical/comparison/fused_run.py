"""Runs a method that joins another's rankings with BM25's: from what the other has left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..data.errors import DataError
from ..evaluation import RetrievalResult, score_run
from ..search.fusion import FUSION_DEPTH, reciprocal_rank_fusion
from .jobs import Job
from .materials import Materials
from .results import RANKING, RunResult


def run_fused(job: Job, language: str, materials: Materials, took: dict[str, Any]) -> RetrievalResult:
    """Reciprocal rank fusion of the ranking that the other method has left with BM25's of the same questions.

    Its training is told in `took`: without it there would be nothing to join.
    """
    collection, k = materials.collection(language), materials.config.k
    asked = collection.english if job.method.is_english else collection.queries
    queries = {query: asked[query] for query in collection.qrels}
    own = _read_ranking(job.sources[language] / RANKING)
    lexical = materials.lexical_index(language).search(list(queries.values()), max(*k, FUSION_DEPTH))
    weights = [1.0, float(job.method.option("lexical_weight"))]
    run = {
        query: reciprocal_rank_fusion([own.get(query, []), found], weights, k=max(*k, 10))
        for query, found in zip(queries, lexical, strict=True)
    }
    before = RunResult.read(job.sources[language])
    took |= {name: value for name, value in before.took.items() if name in ("steps", "train_seconds", "pairs_used")}
    return score_run(job.method.title, run, collection.qrels, k=k)


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
