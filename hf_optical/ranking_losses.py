"""Losses on the scores of documents: what labels, or a teacher's ranking, say about a query."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def own_scores(queries: Tensor, documents: Tensor, query_mask: Tensor, document_mask: Tensor) -> Tensor:
    """MaxSim of every query with its own documents, as a mean over its tokens.

    The mean, not the sum, so that a student whose sentence has more pieces than the teacher's is not more certain for it.

    Args:
        queries: `(B, n, d)`. documents: `(B, k, m, d)`, k for each query.
        query_mask: `(B, n)`. document_mask: `(B, k, m)`; non-zero where a token is scored.

    Returns:
        `(B, k)`, in [-1, 1] for unit vectors; -inf for a document without a scored token.

    Example:
        >>> token = torch.eye(2)
        >>> own_scores(token[None], token[None, :, None], torch.ones(1, 2), torch.ones(1, 2, 1))
        tensor([[0.5000, 0.5000]])
    """
    similarity = torch.einsum("bnd,bkmd->bknm", queries, documents)
    best = similarity.masked_fill(~document_mask.bool()[:, :, None, :], -torch.inf).amax(-1)
    keep = query_mask.bool()[:, None, :]
    return best.masked_fill(~keep, 0.0).sum(-1) / keep.sum(-1).clamp_min(1)


def ranking_distillation(scores: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """`KL(softmax(targets / t) || softmax(scores / t))` over each query's own documents (arXiv 2010.11386, eq. 2).

    Args:
        scores: `(B, k)` of the student. targets: `(B, k)` of the teacher, a constant. Both -inf where there is no document.
        temperature: t, in units of the scores.
    """
    missing = targets == -torch.inf
    target = (targets.detach() / temperature).log_softmax(-1).masked_fill(missing, 0.0)
    student = (scores / temperature).log_softmax(-1).masked_fill(missing, 0.0)
    probability = target.exp().masked_fill(missing, 0.0)
    return (probability * (target - student)).sum(-1).mean()


def kd_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """`ranking_distillation` where every query is scored against the documents of the whole batch.

    Args:
        scores: `(B, B * (1 + k))`. targets: `(B, 1 + k)` scores of the ranker that is distilled.
    """
    rows, step = targets.shape
    own = scores.view(rows, rows, step)[torch.arange(rows, device=scores.device), torch.arange(rows, device=scores.device)]
    return ranking_distillation(own, targets)


def in_batch_loss(scores: Tensor, document_ids: Tensor) -> Tensor:
    """Cross-entropy of the positives among all documents of the batch.

    Args:
        scores: `(B, B * (1 + k))`; query i's positive is column `i * (1 + k)`.
        document_ids: `(B * (1 + k), L)` what tells documents apart (token ids, or a row number): a document equal to a query's
            positive is no negative for it.
    """
    step = scores.shape[1] // scores.shape[0]
    positive = torch.arange(len(scores), device=scores.device) * step
    same = (document_ids[positive][:, None, :] == document_ids[None, :, :]).all(-1)
    same[torch.arange(len(scores), device=scores.device), positive] = False
    return nn.functional.cross_entropy(scores.masked_fill(same, -torch.inf), positive)
