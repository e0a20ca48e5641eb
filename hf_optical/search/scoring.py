"""Float32 MaxSim of a query with some documents, and the k best of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def maxsim_scores(query: Tensor, documents: Sequence[Tensor]) -> Tensor:
    """`(N,)` scores of a query `(tokens, d)` with documents `(tokens, d)` of any lengths above 0, all in one product."""
    if not documents:
        return torch.empty(0)
    similarity = (torch.cat(list(documents)) @ query.T).split([len(document) for document in documents])
    return torch.stack([part.amax(0) for part in similarity]).sum(1)


def membership(queries: Sequence[Tensor]) -> Tensor:
    """`(query tokens, Q)`, 1 where the token is the query's: sums over each query's tokens in one product."""
    lengths = torch.tensor([len(query) for query in queries], dtype=torch.long)
    return torch.eye(len(queries)).repeat_interleave(lengths, dim=0)


def best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Scores and places of the k best that are not -inf, best first; of equal ones, the earlier place first."""
    count = min(k, int((scores > -torch.inf).sum()))
    if not count:
        return scores[:0], torch.empty(0, dtype=torch.long)
    # topk leaves it open which of several equal scores comes in last
    candidates = (scores >= scores.topk(count).values[-1]).nonzero().squeeze(1)
    values, order = scores[candidates].sort(descending=True, stable=True)
    return values[:count], candidates[order[:count]]


def checked_embeddings(embeddings: Tensor, dim: int | None, name: str) -> Tensor:
    """As float32 on the CPU. Raises ValueError unless they are finite and `(tokens, dim)`."""
    if embeddings.dim() != 2 or embeddings.shape[1] != (dim or embeddings.shape[1]):
        raise ValueError(f"{name} has embeddings of shape {tuple(embeddings.shape)}, not (tokens, {dim or 'd'}).")
    embeddings = embeddings.detach().to("cpu", torch.float32)
    if not embeddings.isfinite().all():
        raise ValueError(f"{name} has embeddings that are not finite: the model that encoded it is broken.")
    return embeddings


def check_positive(**numbers: int) -> None:
    """Raise ValueError unless all are 1 at least."""
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}.")
