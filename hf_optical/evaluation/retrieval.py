"""Runs queries over a collection and scores the rankings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ranking import per_query_metrics, standard_error

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..models import OpticalPreTrainedModel
    from ..search import Bm25Index, ExactIndex

DEFAULT_K = (1, 10, 100)


@dataclass
class RetrievalResult:
    """How well a system retrieves.

    Attributes:
        system: its name, for tables.
        queries: number of queries in the means.
        metrics: `recall@10` etc., means over queries.
        standard_errors: of the same.
        per_query: metric -> query id -> value.
        run: query id -> ranked `(document id, score)`.
    """

    system: str
    queries: int
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    per_query: dict[str, dict[str, float]]
    run: dict[str, list[tuple[str, float]]] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints: everything but the run and the values of single queries."""
        return {
            "system": self.system,
            "queries": self.queries,
            "metrics": self.metrics,
            "standard_errors": self.standard_errors,
        }

    def save_run(self, path: str | Path, *, tag: str = "hf_optical") -> None:
        """Write the rankings in TREC format (`query Q0 document rank score tag`), atomically."""
        lines = (
            f"{query} Q0 {document} {rank} {score:.6f} {tag}\n"
            for query, ranking in self.run.items()
            for rank, (document, score) in enumerate(ranking, 1)
        )
        write_atomically(path, "".join(lines))

    def save(self, path: str | Path) -> None:
        """Write metrics and the values of single queries as JSON, atomically."""
        write_atomically(path, json.dumps(self.to_dict() | {"per_query": self.per_query}, indent=1, ensure_ascii=False) + "\n")


def write_atomically(path: str | Path, text: str) -> None:
    """The file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def score_run(
    system: str,
    run: Mapping[str, Sequence[tuple[str, float]]],
    qrels: Mapping[str, Mapping[str, int]],
    *,
    k: Sequence[int] = DEFAULT_K,
    metrics: Sequence[str] = ("recall", "mrr", "ndcg"),
) -> RetrievalResult:
    """Score rankings against judgments.

    Args:
        system: name of what is scored.
        run: query id -> ranked `(document id, score)`; a judged query that is missing counts as empty.
        qrels: query id -> document id -> grade (relevant: 1 and more).
        k: cut-offs of recall; MRR and nDCG are cut at 10.
        metrics: see `ranking_metrics`.
    """
    ids = [query for query, judged in qrels.items() if any(grade > 0 for grade in judged.values())]
    predictions = [[document for document, _ in run.get(query, ())] for query in ids]
    references = [[d for d, grade in qrels[query].items() if grade > 0] for query in ids]
    grades = [[grade for grade in qrels[query].values() if grade > 0] for query in ids]
    values: dict[str, list[float]] = {}
    for metric in metrics:
        cutoffs = list(k) if metric in ("recall", "hit_rate") else [10]
        values |= per_query_metrics(predictions, references, k=cutoffs, metrics=(metric,), grades=grades)
    return RetrievalResult(
        system,
        len(ids),
        {name: sum(v) / len(v) for name, v in values.items()},
        {name: standard_error(v) for name, v in values.items()},
        {name: dict(zip(ids, v, strict=True)) for name, v in values.items()},
        {query: list(run.get(query, ())) for query in ids},
    )


def evaluate_model(
    model: OpticalPreTrainedModel,
    index: ExactIndex,
    collection: RetrievalCollection,
    *,
    system: str = "student",
    english: bool = False,
    k: Sequence[int] = DEFAULT_K,
    show_progress_bar: bool = False,
) -> RetrievalResult:
    """Retrieve with a model's queries from the teacher's documents.

    Args:
        model: encodes the queries: the student, or the teacher (on foreign queries: zero-shot).
        index: the collection's documents, encoded by the teacher.
        collection: queries and judgments.
        system: name in the result.
        english: use the human English versions of the queries instead (the teacher's own ceiling).
        k: cut-offs of recall.

    Raises:
        ValueError: the model does not belong to the index; English versions are asked for, but not there.
    """
    index.check_model(model)
    queries = collection.queries
    if english:
        missing = [query for query in collection.qrels if query not in (collection.english or {})]
        if missing:
            raise ValueError(f"{collection.name}: {len(missing)} queries have no English version, the first is {missing[0]}.")
        queries = collection.english
    ids = list(collection.qrels)
    found = index.search(model.encode_query([queries[i] for i in ids]), max(k), show_progress_bar=show_progress_bar)
    return score_run(system, dict(zip(ids, found, strict=True)), collection.qrels, k=k)


def evaluate_bm25(
    index: Bm25Index, collection: RetrievalCollection, *, system: str = "BM25", english: bool = False, k: Sequence[int] = DEFAULT_K
) -> RetrievalResult:
    """As `evaluate_model`, lexically."""
    queries = (collection.english if english else None) or collection.queries
    ids = list(collection.qrels)
    return score_run(system, dict(zip(ids, index.search([queries[i] for i in ids], max(k)), strict=True)), collection.qrels, k=k)
