"""A system's rankings joined with BM25's of the same questions, and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..search.fusion import FUSION_DEPTH, reciprocal_rank_fusion
from .retrieval import DEFAULT_K, RetrievalResult, judged_queries, measured_on, score_run

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..search import Bm25Index


def evaluate_fused(
    run: Mapping[str, Sequence[tuple[str, float]]],
    lexical: Bm25Index,
    collection: RetrievalCollection,
    *,
    weight: float,
    system: str,
    english: bool = False,
    k: Sequence[int] = DEFAULT_K,
) -> RetrievalResult:
    """Score the reciprocal rank fusion of a run with BM25 of the questions as they are typed.

    Args:
        run: query id -> ranked documents; 100 deep or more, so that neither side is cut short.
        lexical: the collection's documents.
        weight: of BM25, where the run has 1.
        english: BM25 is given the human English versions of the queries, as the system that made the run was.

    Raises:
        ValueError: a weight that is negative or not finite; English versions are asked for, but not there.
    """
    queries = judged_queries(collection, english)
    depth = max(*k, FUSION_DEPTH)
    found = dict(zip(queries, lexical.search(list(queries.values()), depth), strict=True))
    joined = {i: reciprocal_rank_fusion([run.get(i, []), found[i]], [1.0, weight], k=depth) for i in queries}
    return replace(score_run(system, joined, collection.qrels, k=k), benchmark=measured_on(collection))
