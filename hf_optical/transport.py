"""Optimal transport between two sets of token embeddings: batched, masked, differentiable.

Pure tensors: nothing here knows a model or a text. A batch holds `B` independent problems, padded to `n` student tokens and
`m` teacher tokens. Padding is exact: a padded position has zero mass, so it takes no part in any plan, cost or gradient, and a
problem has the same solution alone and in any batch. All problems are solved in float64 and returned in float32, whatever the
input and under autocast: in float32, sums over more or less padding round differently, and a problem that is about to converge
may then stop an iteration sooner or later. (A device without float64, such as Apple's MPS, solves in float32.)

Source: Huang, Yu, Allan, "Improving Cross-lingual Information Retrieval on Low-Resource Languages via Optimal Transport
Distillation", WSDM 2023, arXiv 2301.12566, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .transport_steps import CHUNK, NO_MASS, TINY, log_steps, potential, proximal_scaling_steps, scaling_steps

# Totals of marginals in bfloat16 agree to no better than this.
_TOTALS_AGREE = 0.01


@dataclass
class TransportResult:
    """The solution of a batch of transport problems.

    Attributes:
        plan: `(B, n, m)` float32, non-negative; constant (detached) unless the solver was asked to differentiate through it.
        cost: `(B,)` float32, `<plan, C>_F`. Its gradient with respect to `C` is the plan (envelope theorem).
        marginal_error: `(B,)` float32, the larger of the two L1 distances between the plan's marginals and `a`, `b`; 0 if empty.
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
        return (1.0 - torch.bmm(_wide(student), _wide(teacher).transpose(1, 2))).float()


def marginals(mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """Distribution of mass over the tokens of each sentence; zero where masked.

    Args:
        mask: `(B, n)`, non-zero where a token takes part.
        weights: `(B, n)` non-negative weight of each token (IDF, say); uniform when None. A sentence whose weights are all zero
            falls back to uniform.

    Returns:
        `(B, n)` float32; rows sum to 1, or to 0 where the whole row is masked.

    Raises:
        ValueError: shapes differ, or the weight of an unmasked token is negative or not finite.

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
        bad = ~((mass >= 0).all(-1) & mass.sum(-1).isfinite())
        if bool(bad.any()):
            rows = bad.nonzero()[:, 0].tolist()
            raise ValueError(
                f"marginal weights must be finite and not negative: see row(s) {rows[:5]} of the batch of {len(mask)}."
            )
        mass = torch.where(mass.sum(-1, keepdim=True) >= TINY, mass, uniform)
    total = mass.sum(-1, keepdim=True)
    return torch.where(total > 0, mass / total.clamp_min(TINY), 0.0)


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
        cost: `(B, n, m)`, any floating dtype. Entries where `a` or `b` is zero are ignored.
        a: `(B, n)` row marginal. b: `(B, m)` column marginal. Constants, of equal totals in each problem (`b` is scaled to the
            total of `a`, which takes out what rounding there is in half precision).
        epsilon: weight of the entropy, in units of the cost; smaller is sharper and slower to converge.
        max_iterations: limit for each problem.
        tolerance: L1 marginal error at which a problem stops.
        differentiate_plan: let gradients flow through the iterations too, instead of treating the plan as a constant.

    Raises:
        ValueError: shapes do not fit; `epsilon`, `max_iterations` or `tolerance` is out of range; a marginal is negative or not
            finite; the totals of `a` and `b` differ by more than 1 %; a cost with mass is not finite.

    Example:
        >>> import torch
        >>> half = torch.tensor([[0.5, 0.5]])
        >>> sinkhorn(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), half, half, epsilon=0.01).plan.round(decimals=4)
        tensor([[[0.5000, 0.0000],
                 [0.0000, 0.5000]]])
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon must be positive, got {epsilon}.")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}.")
    problem = _prepare(cost, a, b, max_iterations)
    differentiate = differentiate_plan and problem.cost.requires_grad
    advance = log_steps if differentiate else scaling_steps
    with torch.set_grad_enabled(differentiate):
        kernel = torch.where(problem.support, -problem.cost / epsilon, NO_MASS)
        f, g = potential(problem.a, kernel, dim=2), torch.zeros_like(problem.b)
        plan, active = torch.zeros_like(kernel), ~problem.empty
        iterations = torch.zeros_like(active, dtype=torch.long)
        for done in range(0, max_iterations, CHUNK):
            left = active.nonzero().flatten()
            if not len(left):
                break
            state = [tensor[left] for tensor in (kernel, problem.a, problem.b, f, g, iterations)]
            plan[left], f[left], g[left], iterations[left], active[left] = advance(
                *state, min(CHUNK, max_iterations - done), tolerance
            )
    return _result(plan, problem, iterations, tolerance)


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
    problem = _prepare(cost, a, b, max_iterations)
    with torch.no_grad():
        step = torch.where(problem.support, -problem.cost / beta, NO_MASS)
        log_plan = torch.zeros_like(step).where(problem.support, NO_MASS)
        g = torch.where(problem.b > 0, torch.log(problem.b), 0.0)
        for done in range(0, max_iterations, CHUNK):
            steps = min(CHUNK, max_iterations - done)
            plan, log_plan, g = proximal_scaling_steps(step, problem.a, problem.b, log_plan, g, steps)
    return _result(plan, problem, torch.where(problem.empty, 0, max_iterations), 1e-3)


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
    import numpy as np  # here, and not above: whoever loads a model or uses another solver needs no POT
    import ot

    problem = _prepare(cost, a, b, 1)
    plan = np.zeros(problem.support.shape)
    costs, rows, columns = (x.detach().double().cpu().numpy() for x in (problem.cost, problem.a, problem.b))
    for i in (~problem.empty).nonzero().flatten().tolist():
        block = np.ix_(rows[i] > 0, columns[i] > 0)
        plan[i][block] = ot.emd(rows[i][rows[i] > 0], columns[i][columns[i] > 0], costs[i][block])
    return _result(torch.from_numpy(plan).to(problem.cost), problem, (~problem.empty).long(), 1e-3)


class _Problem(NamedTuple):
    """A checked batch in float64: cost (zero outside the support), marginals of equal totals, support, which are empty."""

    cost: Tensor
    a: Tensor
    b: Tensor
    support: Tensor
    empty: Tensor


def _prepare(cost: Tensor, a: Tensor, b: Tensor, max_iterations: int) -> _Problem:
    """Check the input of a solver; where there is no mass, whatever the cost holds is gone from here on."""
    if cost.dim() != 3 or a.shape != cost.shape[:2] or b.shape != (cost.shape[0], cost.shape[2]):
        raise ValueError(f"cost {tuple(cost.shape)}, a {tuple(a.shape)}, b {tuple(b.shape)}: want (B, n, m), (B, n), (B, m).")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations}.")
    a, b = _wide(a.detach()), _wide(b.detach())
    total_a, total_b = a.sum(1), b.sum(1)
    support = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    empty = ~support.flatten(1).any(1)
    c = torch.where(support, _wide(cost), 0.0)
    unequal = ~empty & ((total_a - total_b).abs() > _TOTALS_AGREE * total_a)
    faults = {
        "a marginal is negative or not finite": ~((a >= 0) & a.isfinite()).all(1) | ~((b >= 0) & b.isfinite()).all(1),
        f"the totals of a and b differ by more than {_TOTALS_AGREE:.0%}": unequal,
        "cost is not finite; are the embeddings NaN?": ~c.isfinite().flatten(1).all(1),
    }
    if bool(torch.stack(list(faults.values())).any()):  # asked once: each question waits for the GPU
        fault, where = next((text, bad.nonzero().flatten().tolist()) for text, bad in faults.items() if bool(bad.any()))
        raise ValueError(f"transport problem(s) {where[:5]} of the batch of {len(c)}: {fault}")
    filled = ~empty[:, None]  # the mass of a side without a partner goes nowhere
    return _Problem(c, a.where(filled, 0.0), (b * (total_a / total_b)[:, None]).where(filled, 0.0), support, empty)


def _wide(tensor: Tensor) -> Tensor:
    """In float64, where the device has it."""
    return tensor.float() if tensor.device.type == "mps" else tensor.double()


def _result(plan: Tensor, problem: _Problem, iterations: Tensor, tolerance: float) -> TransportResult:
    plan = torch.where(problem.support, plan, 0.0)
    value = (plan * problem.cost).sum((1, 2)).float()
    with torch.no_grad():
        rows, columns = (plan.sum(2) - problem.a).abs().sum(1), (plan.sum(1) - problem.b).abs().sum(1)
        error = torch.maximum(rows, columns)
    return TransportResult(plan.float(), value, error.float(), iterations, error <= tolerance, problem.empty)
