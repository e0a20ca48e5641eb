"""Distillation losses on token embeddings: transport (OPTICAL), and what it is compared with. One class each, one signature.

Every loss takes student and teacher embeddings of the same sentences in two languages and returns one number per pair; all are
averaged over the batch in the same way, so that only the loss differs between methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .transport import TransportResult, cosine_cost, marginals, sinkhorn

Solver = Callable[[Tensor, Tensor, Tensor], TransportResult]


@dataclass
class DistillationOutput:
    """A batch's loss.

    Attributes:
        loss: scalar float32, the mean of `per_pair`.
        per_pair: `(B,)` float32; 0 for an empty pair.
        empty: `(B,)` bool, pairs in which one side has no token at all.
        statistics: name -> scalar, for the log (marginal error, converged share, plan width).
    """

    loss: Tensor
    per_pair: Tensor
    empty: Tensor
    statistics: dict[str, Tensor] = field(default_factory=dict)


class DistillationLoss(nn.Module):
    """Base of the losses: checks the batch and averages over its pairs.

    Attributes:
        progress: share of the training that is done, 0 to 1; the trainer keeps it up to date, for losses that change on the way.
    """

    progress: float = 0.0

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        student_mask: Tensor,
        teacher_mask: Tensor,
        student_weights: Tensor | None = None,
        teacher_weights: Tensor | None = None,
    ) -> DistillationOutput:
        """Loss of a batch of B pairs.

        Args:
            student: `(B, n, d)` L2-normalised embeddings of the non-English sentences.
            teacher: `(B, m, d)` L2-normalised embeddings of their English versions; a constant.
            student_mask: `(B, n)`, teacher_mask: `(B, m)`; non-zero where a token takes part. A padded position changes nothing.
            student_weights, teacher_weights: as the masks, non-negative weights of the tokens (IDF); None is uniform.

        Raises:
            ValueError: shapes do not fit, every pair of the batch is empty, or an embedding or weight is not finite.
        """
        for side, embeddings, mask in (("student", student, student_mask), ("teacher", teacher, teacher_mask)):
            if embeddings.dim() != 3 or mask.shape != embeddings.shape[:2]:
                shapes = f"{side} {tuple(embeddings.shape)} and {side}_mask {tuple(mask.shape)}"
                raise ValueError(f"{shapes} must be (B, tokens, embedding_dim) and (B, tokens).")
        if len(student) != len(teacher) or student.shape[-1] != teacher.shape[-1]:
            shapes = f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)}"
            raise ValueError(f"{shapes} must agree in batch size and embedding_dim.")
        keep_s, keep_t = student_mask.bool(), teacher_mask.bool()
        empty = ~(keep_s.any(-1) & keep_t.any(-1))
        if bool(empty.all()):
            raise ValueError(
                f"every one of the {len(empty)} pairs in this batch is only padding: is the bitext empty, or a length 0?"
            )
        with torch.autocast(student.device.type, enabled=False):
            per_pair, statistics = self.per_pair(
                # zeroed rather than multiplied: whatever stands in a padded position (even NaN) must not get through
                torch.where(keep_s.unsqueeze(-1), student.float(), 0.0),
                torch.where(keep_t.unsqueeze(-1), teacher.detach().float(), 0.0),
                marginals(keep_s, student_weights),
                marginals(keep_t, teacher_weights),
            )
        per_pair = torch.where(empty, 0.0, per_pair)
        if not bool(torch.isfinite(per_pair).all()):
            bad = (~torch.isfinite(per_pair)).nonzero().flatten().tolist()
            raise ValueError(f"the loss of pair(s) {bad[:5]} of the batch of {len(empty)} is not finite: are the embeddings NaN?")
        return DistillationOutput(per_pair.mean(), per_pair, empty, statistics)

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """`(B,)` losses and statistics from float32 embeddings and the marginals (0 where masked)."""
        raise TypeError(f"{type(self).__name__} must define per_pair.")


class OpticalLoss(DistillationLoss):
    """`<P*, C>_F` with `C_ij = 1 - <S_i, T_j>` and `P* = argmin_{P in U(a, b)} <P, C>_F` (arXiv 2301.12566, eq. 4-6).

    Args:
        solver: one of `transport.sinkhorn`, `ipot`, `exact`, its options bound with `functools.partial`.

    Example:
        >>> from functools import partial
        >>> s = nn.functional.normalize(torch.randn(2, 3, 4), dim=-1)
        >>> ones = torch.ones(2, 3)
        >>> loss = OpticalLoss(partial(sinkhorn, epsilon=0.01, max_iterations=1000))(s, s.flip(1), ones, ones).loss
        >>> bool(loss < 1e-3)  # transport does not mind the order of the tokens
        True
    """

    def __init__(self, solver: Solver = sinkhorn) -> None:
        super().__init__()
        self.solver = solver

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        result = self.solve(cosine_cost(student, teacher), a, b)
        filled = ~result.empty
        statistics = {
            "marginal_error": result.marginal_error[filled].mean(),
            "converged": result.converged[filled].float().mean(),
            "plan_width": plan_width(result.plan.detach())[filled].mean(),
        }
        return result.cost, statistics

    def solve(self, cost: Tensor, a: Tensor, b: Tensor) -> TransportResult:
        """The transport problems of a batch."""
        return self.solver(cost, a, b)


class AnnealedOpticalLoss(OpticalLoss):
    """Sinkhorn transport whose epsilon falls geometrically from `start` to `end` as training goes on: from soft to sharp plans.

    Args:
        start, end: epsilon at the beginning and at the end of training.
        solver: `transport.sinkhorn` with its other options bound.

    Example:
        >>> loss = AnnealedOpticalLoss(0.1, 0.001)
        >>> loss.progress = 0.5
        >>> round(loss.epsilon, 6)
        0.01
    """

    def __init__(self, start: float, end: float, solver: Solver = sinkhorn) -> None:
        super().__init__(solver)
        self.start, self.end = start, end

    @property
    def epsilon(self) -> float:
        return self.start ** (1.0 - self.progress) * self.end**self.progress

    def solve(self, cost: Tensor, a: Tensor, b: Tensor) -> TransportResult:
        return self.solver(cost, a, b, epsilon=self.epsilon)


class ContrastiveOpticalLoss(DistillationLoss):
    """A transport loss plus InfoNCE (arXiv 1807.03748, eq. 4) over transport costs: a sentence must be nearer to its own version
    than to others of the batch, so that sentences do not collapse onto an average.

    For pair i with the costs `c_ij` of transport to the English sentences `j = i, i+1, ..., i+negatives` (cyclically), the loss is
    `c_ii + weight * -log softmax_j(-c_ij / temperature)[i]`. Plans are constants in the backward pass, as in `OpticalLoss`.

    Args:
        transport: the loss that solves the problems.
        weight: of the contrastive part.
        negatives: other sentences of the batch for each pair; fewer in a smaller batch.
        temperature: in units of the cost.
    """

    def __init__(self, transport: OpticalLoss, weight: float, negatives: int = 4, temperature: float = 0.05) -> None:
        super().__init__()
        self.transport, self.weight, self.negatives, self.temperature = transport, weight, negatives, temperature

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.transport.progress = self.progress
        own, statistics = self.transport.per_pair(student, teacher, a, b)
        shifts = range(1, min(self.negatives, len(student) - 1) + 1)
        costs = [own]
        for shift in shifts:
            result = self.transport.solve(cosine_cost(student, teacher.roll(-shift, 0)), a, b.roll(-shift, 0))
            costs.append(result.cost.masked_fill(result.empty, torch.inf))
        contrast = -(-torch.stack(costs, -1) / self.temperature).log_softmax(-1)[:, 0]
        return own + self.weight * contrast, statistics | {"contrast": contrast.detach().mean()}


class GreedyLoss(DistillationLoss):
    """Greedy one-to-one alignment of tokens by cosine, then squared distance (DR.DECR, arXiv 2112.08185, section 3).

    The most similar pair of tokens is aligned and both are taken out, and so on until one side is used up. The loss is the mean
    squared Euclidean distance of the aligned tokens (the MSE times `embedding_dim`, so that its scale is that of the cosine cost).
    Weights of tokens are not used, except that a token of weight zero takes no part.
    """

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        distance = 2.0 * cosine_cost(student, teacher)  # |s - t|^2 of unit vectors
        alignment = greedy_alignment(-distance, a > 0, b > 0)
        return (distance * alignment).sum((1, 2)) / alignment.sum((1, 2)).clamp_min(1.0), {}


def greedy_alignment(similarity: Tensor, student_mask: Tensor, teacher_mask: Tensor) -> Tensor:
    """One-to-one alignment of tokens, best pair first.

    Args:
        similarity: `(B, n, m)`. student_mask: `(B, n)` bool. teacher_mask: `(B, m)` bool.

    Returns:
        `(B, n, m)` float, 1 where a pair of tokens is aligned: `min(n, m)` pairs of unmasked tokens in each problem. Of equally
        similar pairs the first in row order is taken.

    Example:
        >>> both = torch.ones(1, 2, dtype=torch.bool)
        >>> greedy_alignment(torch.tensor([[[0.9, 0.8], [0.7, 0.1]]]), both, both)
        tensor([[[1., 0.],
                 [0., 1.]]])
    """
    batch, n, m = similarity.shape
    free = similarity.detach().masked_fill(~(student_mask[:, :, None] & teacher_mask[:, None, :]), -torch.inf)
    alignment = torch.zeros_like(similarity)
    each = torch.arange(batch, device=similarity.device)
    for _ in range(min(n, m)):
        best, position = free.flatten(1).max(1)
        row, column = position // m, position % m
        alignment[each, row, column] += (best > -torch.inf).to(alignment.dtype)
        free[each, row, :] = -torch.inf
        free[each, :, column] = -torch.inf
    return alignment


def plan_width(plan: Tensor) -> Tensor:
    """Over how many teacher tokens a student token spreads: mean of exp(entropy) of the plan's rows, `(B,)`; 1 if one to one."""
    mass = plan.sum(2)
    rows = plan / mass.clamp_min(torch.finfo(plan.dtype).tiny).unsqueeze(-1)
    width = torch.exp(torch.special.entr(rows).sum(-1))
    return (width * (mass > 0)).sum(1) / (mass > 0).sum(1).clamp_min(1)
