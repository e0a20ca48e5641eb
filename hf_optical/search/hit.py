"""What a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from .document import Document
from .token_spans import NO_SPAN, Span


@dataclass(frozen=True)
class TokenMatch:
    """A token of the query and the token of the document that it found.

    Attributes:
        query: (start, end) in the query; query_text: what stands there.
        document: (start, end) in the document, None where it stands nowhere ([CLS]) or is not known; document_text likewise.
        similarity: what the pair adds to the score.
    """

    query: Span
    query_text: str
    document: Span | None
    document_text: str
    similarity: float


@dataclass(frozen=True)
class Hit:
    """A found document.

    Attributes:
        score: what orders the list: MaxSim, or the fused score where BM25 was joined to it (`reciprocal_rank_fusion`).
        matches: of the query's tokens that stand in its text, in its order.
    """

    id: str
    score: float
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)
    matches: list[TokenMatch] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def token_matches(query: str, tokens: torch.Tensor, spans: Sequence[Span], document: Document) -> Iterator[TokenMatch]:
    """The token of the document that each token of the query found; none for a document that was found by its letters alone.

    Args:
        query: as it was typed.
        tokens: embeddings of the query, `(n, dim)`.
        spans: of each embedding, in the query.
    """
    if not len(document.embeddings):
        return
    similarities, nearest = (tokens @ document.embeddings.T).max(1)
    for span, similarity, token in zip(spans, similarities.tolist(), nearest.tolist(), strict=True):
        if span == NO_SPAN:
            continue
        there = document.spans[token] if token < len(document.spans) else NO_SPAN
        there = there if there != NO_SPAN else None
        yield TokenMatch(span, query[slice(*span)], there, document.text[slice(*there)] if there else "", similarity)
