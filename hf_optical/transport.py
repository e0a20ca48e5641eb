"""Optimal transport between two sets of token embeddings: batched, masked, differentiable.

Pure tensors: nothing here knows a model or a text. A batch holds `B` independent problems, padded to `n` student tokens and
`m` teacher tokens. Padding is exact: a padded position has zero mass, so it takes no part in any plan, cost or gradient, and a
problem has the same solution alone and in any batch. All problems are solved in float32 (`exact`: float64) whatever the input.

Source: Huang, Yu, Allan, "Improving Cross-lingual Information Retrieval on Low-Resource Languages via Optimal Transport
Distillation", WSDM 2023, arXiv 2301.12566, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Where there is no mass: finite, so that no gradient is NaN, and so low that exp() is exactly zero beside any real entry.
_NO_MASS = -1e30
_TINY = torch.finfo(torch.float32).tiny
# Asking whether all problems have converged waits for the GPU: once in so many iterations is enough.
_LOOK_EVERY = 10


@dataclass
class TransportResult:
    """The solution of a batch of transport problems.

    Attributes:
        plan: `(B, n, m)` float32, non-negative; constant (detached) unless the solver was asked to differentiate through it.
        cost: `(B,)` float32, `<plan, C>_F`. Its gradient with respect to `C` is the plan (envelope theorem).
        marginal_error: `(B,)` float32, the larger of the two L1 distances between the plan's marginals and `a`, `b`.
        iterations: `(B,)` int64, iterations until the problem converged (or the limit).
        converged: `(B,)` bool, `marginal_error` is at most the tolerance (1e-3 for `ipot` and `exact`).
        empty: `(B,)` bool, true where one side has no mass at all: plan and cost are zero there.
    """

    plan: Tensor
    cost: Tensor
    marginal_error: Tensor
    iterations: Tensor
    converged: Tensor
    empty: Tensor


def cosine_cost(student: Tensor, teacher: Tensor) -> Tensor:
    """Cost `C_ij = 1 - <S_i, T_j>` of unit vectors, so in [0, 2] (arXiv 2301.12566, eq. 5).

    Args:
        student: `(B, n, d)` L2-normalised embeddings, any floating dtype.
        teacher: `(B, m, d)` L2-normalised embeddings, any floating dtype.

    Returns:
        `(B, n, m)` float32.

    Raises:
        ValueError: the batch sizes or the embedding dimensions differ.

    Example:
        >>> import torch
        >>> cosine_cost(torch.eye(2)[None], torch.eye(2)[None])
        tensor([[[0., 1.],
                 [1., 0.]]])
    """
    if student.dim() != 3 or teacher.dim() != 3 or student.shape[0] != teacher.shape[0]:
        raise ValueError(f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} must be (B, n, d) and (B, m, d).")
    if student.shape[-1] != teacher.shape[-1]:
        raise ValueError(
            f"the student's embedding_dim is {student.shape[-1]}, the teacher's {teacher.shape[-1]}: transport compares vectors of "
            "one space; give the student the teacher's embedding_dim."
        )
    with torch.autocast(student.device.type, enabled=False):
        return 1.0 - torch.bmm(student.float(), teacher.float().transpose(1, 2))


def marginals(mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """Distribution of mass over the tokens of each sentence; zero where masked.

    Args:
        mask: `(B, n)`, non-zero where a token takes part.
        weights: `(B, n)` non-negative weight of each token (IDF, say); uniform when None. A sentence whose weights are all zero
            falls back to uniform.

    Returns:
        `(B, n)` float32; rows sum to 1, or to 0 where the whole row is masked.

    Raises:
        ValueError: shapes differ, or a weight is negative or not finite.

    Example:
        >>> import torch
        >>> marginals(torch.tensor([[1, 1, 0]]), torch.tensor([[3.0, 1.0, 9.0]]))
        tensor([[0.7500, 0.2500, 0.0000]])
    """
    keep = mask.bool()
    uniform = keep.float()
    if weights is None:
        mass = uniform
    else:
        if weights.shape != mask.shape:
            raise ValueError(f"weights {tuple(weights.shape)} and mask {tuple(mask.shape)} must have one shape.")
        mass = torch.where(keep, weights.float(), 0.0)
        if not bool(torch.isfinite(mass).all()) or bool((mass < 0).any()):
            raise ValueError("marginal weights must be finite and not negative.")
        mass = torch.where(mass.sum(-1, keepdim=True) > 0, mass, uniform)
    total = mass.sum(-1, keepdim=True)
    return torch.where(total > 0, mass / total.clamp_min(_TINY), 0.0)


def sinkhorn(
    cost: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    epsilon: float = 0.1,
    max_iterations: int = 100,
    tolerance: float = 1e-3,
    differentiate_plan: bool = False,
) -> TransportResult:
    """Entropic optimal transport by Sinkhorn's algorithm in the log domain (Cuturi, NeurIPS 2013; Peyré and Cuturi 2019, §4.4).

    Minimises `<P, C>_F - epsilon H(P)` over `P` in `U(a, b)`. Each problem stops by itself once the L1 error of its row
    marginal is at most `tolerance`; the others go on, so that a problem's solution does not depend on its batch.

    Args:
        cost: `(B, n, m)`, any floating dtype; solved in float32. Entries where `a` or `b` is zero are ignored.
        a: `(B, n)` row marginal. b: `(B, m)` column marginal. Of equal totals in each problem.
        epsilon: weight of the entropy, in units of the cost; smaller is sharper and slower to converge.
        max_iterations: limit for each problem.
        tolerance: L1 marginal error at which a problem stops.
        differentiate_plan: let gradients flow through the iterations too, instead of treating the plan as a constant.

    Raises:
        ValueError: shapes do not fit; `epsilon`, `max_iterations` or `tolerance` is out of range; a cost with mass is not finite.

    Example:
        >>> import torch
        >>> half = torch.tensor([[0.5, 0.5]])
        >>> sinkhorn(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), half, half, epsilon=0.01).plan.round(decimals=4)
        tensor([[[0.5000, 0.0000],
                 [0.0000, 0.5000]]])
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon must be positive, got {epsilon}.")
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}.")
    support, empty, c = _prepare(cost, a, b, max_iterations)
    with torch.autocast(cost.device.type, enabled=False), torch.set_grad_enabled(differentiate_plan and cost.requires_grad):
        mass_a, mass_b = a.detach().float(), b.detach().float()
        kernel = torch.where(support, -c / epsilon, _NO_MASS)
        f, g = torch.zeros_like(mass_a), torch.zeros_like(mass_b)
        active = ~empty
        iterations = torch.zeros(len(c), dtype=torch.long, device=c.device)
        for step in range(max_iterations):
            new_f = _potential(mass_a, kernel + g[:, None, :], dim=2)
            if step:  # the row marginal of (f, g) is a * exp(f - new_f): the test for convergence costs nothing
                active = active & ((mass_a * (torch.exp(f - new_f) - 1).abs()).sum(-1) > tolerance)
            if step % _LOOK_EVERY == 0 and not bool(active.any()):
                break
            new_g = _potential(mass_b, kernel + new_f[:, :, None], dim=1)
            f, g = torch.where(active[:, None], new_f, f), torch.where(active[:, None], new_g, g)
            iterations += active
        plan = torch.exp(kernel + f[:, :, None] + g[:, None, :])
    return _result(plan, cost, a, b, iterations, tolerance)


def ipot(cost: Tensor, a: Tensor, b: Tensor, *, beta: float = 0.5, max_iterations: int = 50) -> TransportResult:
    """Inexact proximal point method: converges to *exact* transport (Xie, Wang, Wang, Zha, UAI 2019, arXiv 1802.04307, alg. 1).

    Each step solves `min <P, C>_F + beta KL(P || P_previous)` by one Sinkhorn iteration, in the log domain and warm-started, so
    the plan sharpens step by step without an epsilon to choose.

    Args:
        cost: `(B, n, m)`. a: `(B, n)`. b: `(B, m)`. As for `sinkhorn`.
        beta: proximal step, in units of the cost; larger is slower and more stable.
        max_iterations: number of proximal steps.

    Raises:
        ValueError: as for `sinkhorn`.

    Example:
        >>> import torch
        >>> half = torch.tensor([[0.5, 0.5]])
        >>> ipot(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), half, half).plan.round(decimals=4)
        tensor([[[0.5000, 0.0000],
                 [0.0000, 0.5000]]])
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive, got {beta}.")
    support, empty, c = _prepare(cost, a, b, max_iterations)
    with torch.no_grad(), torch.autocast(cost.device.type, enabled=False):
        mass_a, mass_b = a.float(), b.float()
        step = torch.where(support, -c / beta, _NO_MASS)
        log_plan, g = torch.zeros_like(c), torch.log(mass_b.clamp_min(_TINY))
        for _ in range(max_iterations):
            kernel = torch.where(support, step + log_plan, _NO_MASS)
            f = _potential(mass_a, kernel + g[:, None, :], dim=2)
            g = _potential(mass_b, kernel + f[:, :, None], dim=1)
            log_plan = kernel + f[:, :, None] + g[:, None, :]
        plan = torch.exp(log_plan)
    return _result(plan, cost, a, b, torch.where(empty, 0, max_iterations), 1e-3)


def exact(cost: Tensor, a: Tensor, b: Tensor) -> TransportResult:
    """Exact transport by POT's network simplex (`ot.emd`), problem by problem on the CPU in float64: the oracle.

    Args:
        cost: `(B, n, m)`. a: `(B, n)`. b: `(B, m)`. As for `sinkhorn`.

    Raises:
        ValueError: as for `sinkhorn`.

    Example:
        >>> import torch
        >>> half = torch.tensor([[0.5, 0.5]])
        >>> exact(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), half, half).cost
        tensor([0.])
    """
    import ot  # here, and not above: whoever loads a model or uses another solver needs no POT

    _, empty, c = _prepare(cost, a, b, 1)
    plan = torch.zeros(c.shape, dtype=torch.float64)
    costs, rows, columns = c.double().cpu(), a.detach().double().cpu(), b.detach().double().cpu()
    for i in (~empty).nonzero().flatten().tolist():
        keep_a, keep_b = rows[i] > 0, columns[i] > 0
        mass_a, mass_b = rows[i][keep_a], columns[i][keep_b]
        block = costs[i][keep_a][:, keep_b].contiguous().numpy()
        # emd wants equal totals to 1e-16; float32 marginals agree to 1e-7 only
        solved = ot.emd((mass_a / mass_a.sum()).numpy(), (mass_b / mass_b.sum()).numpy(), block)
        plan[i][keep_a[:, None] & keep_b[None, :]] = (torch.from_numpy(solved) * mass_a.sum()).flatten()
    return _result(plan.float().to(cost.device), cost, a, b, (~empty).long(), 1e-3)


def _prepare(cost: Tensor, a: Tensor, b: Tensor, max_iterations: int) -> tuple[Tensor, Tensor, Tensor]:
    """Check the shapes; return where there is mass, which problems are empty, and the float32 cost, zero outside the support."""
    if cost.dim() != 3 or a.shape != cost.shape[:2] or b.shape != (cost.shape[0], cost.shape[2]):
        raise ValueError(f"cost {tuple(cost.shape)}, a {tuple(a.shape)}, b {tuple(b.shape)}: want (B, n, m), (B, n), (B, m).")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations}.")
    support = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    empty = ~support.flatten(1).any(-1)
    c = torch.where(support, cost.float(), 0.0)
    if not bool(torch.isfinite(c).all()):
        bad = (~torch.isfinite(c)).flatten(1).any(-1).nonzero().flatten().tolist()
        raise ValueError(f"cost is not finite in problem(s) {bad[:5]} of the batch: are the embeddings NaN?")
    return support, empty, c


def _potential(mass: Tensor, scores: Tensor, dim: int) -> Tensor:
    """Dual potential that gives the plan the marginal `mass` along `dim`; 0 where there is no mass (the kernel decides there)."""
    return torch.where(mass > 0, torch.log(mass.clamp_min(_TINY)) - torch.logsumexp(scores, dim), 0.0)


def _result(plan: Tensor, cost: Tensor, a: Tensor, b: Tensor, iterations: Tensor, tolerance: float) -> TransportResult:
    support = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    empty = ~support.flatten(1).any(-1)
    with torch.autocast(cost.device.type, enabled=False):
        plan = torch.where(support, plan, 0.0)
        # masked before the product, so that a padded entry's cost (even NaN) reaches neither the value nor the gradient
        value = (plan * torch.where(support, cost.float(), 0.0)).sum((1, 2))
    with torch.no_grad():
        rows, columns = (plan.sum(2) - a.float()).abs().sum(1), (plan.sum(1) - b.float()).abs().sum(1)
        error = torch.where(empty, 0.0, torch.maximum(rows, columns))
    return TransportResult(plan, value, error, iterations, error <= tolerance, empty)
