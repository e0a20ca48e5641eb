"""Runs queries over a collection and scores the rankings."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.files import write_atomically
from ..search.spelling_variants import Reader
from .ranking import per_query_metrics, standard_error

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..models import OpticalPreTrainedModel
    from ..search import Bm25Index, ExactIndex, SpellingVariants

DEFAULT_K = (1, 10, 100)
# MRR and nDCG are cut here, so that rankings are this long at least.
_RANK_CUTOFF = 10


@dataclass
class RetrievalResult:
    """How well a system retrieves.

    Attributes:
        system: its name, for tables.
        queries: number of queries in the means.
        metrics: `recall@10` etc., means over queries.
        standard_errors: of the same; empty for a single query, which has none.
        per_query: metric -> query id -> value.
        run: query id -> ranked `(document id, score)`.
        benchmark: what it was measured on: `{"name": ..., "split": ..., "fingerprint": ...}`, as far as is known.
        fingerprint: of the weights of the model that encoded the queries, "" for other systems.
        export: what ran in the place of that model, such as "ONNX int8"; "" for the model itself.
    """

    system: str
    queries: int
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    per_query: dict[str, dict[str, float]]
    run: dict[str, list[tuple[str, float]]] = field(repr=False)
    benchmark: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    export: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints: everything but the run and the values of single queries."""
        return {
            "system": self.system,
            "queries": self.queries,
            "metrics": self.metrics,
            "standard_errors": self.standard_errors,
        }

    def save_run(self, path: str | Path, *, tag: str = "hf_optical") -> None:
        """Write the rankings in TREC format (`query Q0 document rank score tag`), atomically.

        Readers of the format ignore ranks and order by score, equal ones by id. So that they see the ranking that was scored,
        equal scores are set apart by the smallest float32 step.

        Raises:
            ValueError: the tag or an id is empty or has white space in it, which parts the fields of the format.
        """
        check_trec_names((tag, *self.run, *(document for ranking in self.run.values() for document, _ in ranking)), path)
        write_atomically(path, "".join(_trec_lines(self.run, tag)))

    def save(self, path: str | Path) -> None:
        """Write metrics, what was measured on what, and the values of single queries as JSON, atomically."""
        measured = {"benchmark": self.benchmark, "model": {"fingerprint": self.fingerprint, "export": self.export}}
        known = {key: {name: text for name, text in value.items() if text} for key, value in measured.items()}
        content = self.to_dict() | {key: value for key, value in known.items() if value}
        write_atomically(path, json.dumps(content | {"per_query": self.per_query}, indent=1, ensure_ascii=False) + "\n")


def check_trec_names(names: Iterable[str], path: str | Path) -> None:
    """Raise ValueError for an id or tag that is empty or has white space in it: a TREC run at `path` cannot hold it."""
    wrong = next((name for name in names if name.split() != [name]), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} cannot be written to {path}: ids and tags of the TREC format are words without white space.")


def _trec_lines(run: Mapping[str, Sequence[tuple[str, float]]], tag: str) -> Iterator[str]:
    for query, ranking in run.items():
        written = np.float32(np.inf)
        for rank, (document, score) in enumerate(ranking, 1):
            written = min(np.float32(score), np.nextafter(written, np.float32(-np.inf)))
            yield f"{query} Q0 {document} {rank} {written:.9g} {tag}\n"


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

    Returns:
        The result over the queries that have a relevant document; queries that are not judged are left out.

    Raises:
        ValueError: no query has a relevant document, or a ranking holds a document twice.

    Example:
        >>> score_run("ours", {"q1": [("d2", 1.5), ("d1", 1.0)]}, {"q1": {"d1": 1}, "q2": {"d2": 1}}, k=[1, 2]).metrics
        {'recall@1': 0.0, 'recall@2': 0.5, 'mrr@10': 0.25, 'ndcg@10': 0.31546487678572877}
    """
    ids = [query for query, judged in qrels.items() if any(grade > 0 for grade in judged.values())]
    if not ids:
        raise ValueError(
            f"{system}: none of the {len(qrels)} judged queries has a relevant document, so there is nothing to score."
        )
    for query in ids:
        ranked = [document for document, _ in run.get(query, ())]
        if len(set(ranked)) != len(ranked):
            twice = next(document for document, count in Counter(ranked).items() if count > 1)
            raise ValueError(f"{system}: the ranking of query {query} holds document {twice} twice.")
    predictions = [[document for document, _ in run.get(query, ())] for query in ids]
    references = [[d for d, grade in qrels[query].items() if grade > 0] for query in ids]
    grades = [[grade for grade in qrels[query].values() if grade > 0] for query in ids]
    values: dict[str, list[float]] = {}
    for metric in metrics:
        cutoffs = list(k) if metric in ("recall", "hit_rate") else [_RANK_CUTOFF]
        values |= per_query_metrics(predictions, references, k=cutoffs, metrics=(metric,), grades=grades)
    return RetrievalResult(
        system,
        len(ids),
        {name: math.fsum(v) / len(v) for name, v in values.items()},
        {name: standard_error(v) for name, v in values.items()} if len(ids) > 1 else {},
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
    depth: int = _RANK_CUTOFF,
    variants: SpellingVariants | None = None,
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
        depth: how long the rankings are at least.
        variants: of words that the model does not know, asked for as well.

    Raises:
        ValueError: the model does not belong to the index; English versions are asked for, but not there.
    """
    index.check_model(model)
    queries = judged_queries(collection, english)
    deep = max(*k, _RANK_CUTOFF, depth)
    asked = list(queries.values())
    if variants is not None:
        reader = Reader(model)
        asked = [variants.respell(text, reader).text for text in asked]
    found = index.search(model.encode_query(asked), deep, show_progress_bar=show_progress_bar)
    result = score_run(system, dict(zip(queries, found, strict=True)), collection.qrels, k=k)
    return replace(result, benchmark=measured_on(collection), fingerprint=model.fingerprint())


def evaluate_bm25(
    index: Bm25Index, collection: RetrievalCollection, *, system: str = "BM25", english: bool = False, k: Sequence[int] = DEFAULT_K
) -> RetrievalResult:
    """As `evaluate_model`, lexically."""
    queries = judged_queries(collection, english)
    found = index.search(list(queries.values()), max(*k, _RANK_CUTOFF))
    result = score_run(system, dict(zip(queries, found, strict=True)), collection.qrels, k=k)
    return replace(result, benchmark=measured_on(collection))


def measured_on(collection: RetrievalCollection) -> dict[str, str]:
    """The `benchmark` of a result: name, split, and the fingerprint of documents, queries, English versions and judgements."""
    judged = sorted((query, *map(str, pair)) for query, grades in collection.qrels.items() for pair in grades.items())
    fingerprint = data_fingerprint(
        collection.corpus_ids,
        collection.corpus_texts,
        collection.query_ids,
        collection.query_texts,
        (text for pair in sorted(collection.english.items()) for text in pair),
        (text for row in judged for text in row),
    )
    return {"name": collection.name, "split": collection.split, "fingerprint": fingerprint}


def data_fingerprint(*columns: Iterable[str]) -> str:
    """16 hexadecimal digits of the SHA-256 of some lists of texts: other texts, or another order, give another one.

    Example:
        >>> data_fingerprint(["ab"], ["c"]) == data_fingerprint(["a"], ["bc"])
        False
    """
    digest = hashlib.sha256()
    for column in columns:
        for text in column:
            content = text.encode("utf-8", "surrogatepass")
            digest.update(b"text" + len(content).to_bytes(8, "little") + content)
        digest.update(b"column")
    return digest.hexdigest()[:16]


def judged_queries(collection: RetrievalCollection, english: bool) -> dict[str, str]:
    """Texts of the judged queries by id, as asked or in their English version."""
    texts = collection.english if english else collection.queries
    missing = [query for query in collection.qrels if query not in texts]
    if missing:
        what = "English version" if english else "text"
        raise ValueError(f"{collection.name}: {len(missing)} queries have no {what}, the first is {missing[0]}.")
    return {query: texts[query] for query in collection.qrels}
