"""BM25 beside an index of embeddings: what is spelt almost alike in both languages is found by its letters."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

from .bm25 import NGRAMS, Bm25Index
from .disk_index import DiskIndex
from .exact_index import ExactIndex
from .from_texts import FromTexts, check_texts
from .fusion import FUSION_DEPTH, reciprocal_rank_fusion
from .metadata_filter import Filter

logger = logging.getLogger(__name__)

Ranking = list[tuple[str, float]]


class LexicalSide:
    """BM25 of an index's texts, kept in step with the index: after documents are added or deleted it is built again.

    Args:
        index: in memory or in a folder.
        lexical: of the same documents.

    Raises:
        ValueError: of other documents, or the index is on a server.
    """

    def __init__(self, index: ExactIndex | DiskIndex, lexical: Bm25Index) -> None:
        check_texts(index)
        if set(lexical.ids) != set(index.ids):
            raise ValueError(
                f"the BM25 index holds other documents ({len(lexical):,}) than the index of embeddings ({len(index):,}): build it "
                "from the same ids and texts."
            )
        self._index, self._lexical = index, FromTexts(index, partial(lexical_index, ngrams=lexical.ngrams), lexical)

    def fused(
        self, rankings: Sequence[Ranking], queries: Sequence[str], k: int, weight: float, filter: Filter | None = None
    ) -> list[Ranking]:
        """The k best documents of each query, of a student's ranking and, with this weight, BM25's of the query as it is typed.

        Args:
            rankings: the student's, `fusion_depth(k)` deep.
            filter: as it was for the student's.
        """
        keep = None if filter is None else set(self._index.ids_where(filter)).__contains__
        found = self._lexical.get().search(queries, fusion_depth(k), keep=keep)
        return [reciprocal_rank_fusion(both, [1.0, weight], k=k) for both in zip(rankings, found, strict=True)]


def lexical_index(index: ExactIndex | DiskIndex, ngrams: int = NGRAMS) -> Bm25Index:
    """BM25 of the texts of an index, over character n-grams (0: words). Raises ValueError if the texts are not known here."""
    check_texts(index)
    logger.info("BM25: reading the words of %s passages", f"{len(index):,}")
    return Bm25Index(index.ids, list(index.stored_texts()), ngrams=ngrams)


def fusion_depth(k: int) -> int:
    """How many documents of each ranking are joined for k of them."""
    return max(k, FUSION_DEPTH)


def check_weight(weight: float) -> float:
    """Raise ValueError unless it is 0 or more, and finite."""
    if not math.isfinite(weight) or weight < 0:
        raise ValueError(f"lexical_weight must be a finite number of 0 or more, got {weight}.")
    return weight
