"""Iterations of the transport solvers: in the log domain, and on scalings where those suffice.

Pure tensors, float64: see `transport.py`, which prepares the problems and decides which of them go on.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Where there is no mass: finite, so that no gradient is NaN, and so low that exp() is exactly zero beside any real entry.
NO_MASS = -1e30
# The least mass of a token that has any.
TINY = torch.finfo(torch.float32).tiny
# Iterations between two looks at which problems have converged (a look waits for the GPU) and two absorptions of the scalings.
CHUNK = 10
# The logarithm of a mass of 1e-21: what is below that may be lost.
_NEGLIGIBLE = -48.0


def log_steps(
    kernel: Tensor, a: Tensor, b: Tensor, f: Tensor, g: Tensor, iterations: Tensor, steps: int, tolerance: float
) -> tuple[Tensor, ...]:
    """Sinkhorn iterations in the log domain: safe for any epsilon, and differentiable.

    Takes potentials `f`, `g` (in units of epsilon) and the iterations so far of each problem, which stops when it has converged.
    Returns plan, f, g, iterations, and which problems have not converged.
    """
    active = torch.ones_like(iterations, dtype=torch.bool)
    for _ in range(steps):
        new_f = potential(a, kernel + g[:, None, :], dim=2)
        # the row marginal of (f, g) is a * exp(f - new_f): the test for convergence costs nothing
        error = (a * (torch.exp((f - new_f).detach()) - 1).abs()).sum(1)
        active = active & ((iterations == 0) | (error > tolerance))
        new_g = potential(b, kernel + new_f[:, :, None], dim=1)
        f, g = torch.where(active[:, None], new_f, f), torch.where(active[:, None], new_g, g)
        iterations = iterations + active
    return torch.exp(kernel + f[:, :, None] + g[:, None, :]), f, g, iterations, active


def scaling_steps(
    kernel: Tensor, a: Tensor, b: Tensor, f: Tensor, g: Tensor, iterations: Tensor, steps: int, tolerance: float
) -> tuple[Tensor, ...]:
    """The same iterations as `log_steps`, several times faster: scalings `u`, `v` of the plan as it stands, without exp and log.

    The scalings are absorbed into the potentials at the end (Schmitzer 2019, arXiv 1610.06519, section 3.1). A problem in which
    they make an entry matter that was too small for a float is done again in the log domain.
    """
    start = torch.exp(kernel + f[:, :, None] + g[:, None, :])
    u, v, count = torch.ones_like(f), torch.ones_like(g), iterations
    active = torch.ones_like(iterations, dtype=torch.bool)
    for _ in range(steps):
        rows = (start * v[:, None, :]).sum(2)
        active = active & ((count == 0) | ((u * rows - a).abs().sum(1) > tolerance))
        u = torch.where(active[:, None] & (a > 0), a / rows, u)
        v = torch.where(active[:, None] & (b > 0), b / (start * u[:, :, None]).sum(1), v)
        count = count + active
    new_f, new_g = f + torch.log(u), g + torch.log(v)
    result = start * u[:, :, None] * v[:, None, :], new_f, new_g, count, active
    lost = _lost(start, kernel + new_f[:, :, None] + new_g[:, None, :])
    if bool(lost.any()):
        again = [tensor[lost] for tensor in (kernel, a, b, f, g, iterations)]
        for done, redone in zip(result, log_steps(*again, steps, tolerance), strict=True):
            done[lost] = redone
    return result


def proximal_log_steps(step: Tensor, a: Tensor, b: Tensor, log_plan: Tensor, g: Tensor, steps: int) -> tuple[Tensor, ...]:
    """Proximal steps in the log domain: `step` is `-cost / beta`, `g` the last column potential. Returns plan, log_plan, g."""
    for _ in range(steps):
        kernel = (step + log_plan).clamp_min(NO_MASS)
        f = potential(a, kernel + g[:, None, :], dim=2)
        g = potential(b, kernel + f[:, :, None], dim=1)
        log_plan = kernel + f[:, :, None] + g[:, None, :]
    return torch.exp(log_plan), log_plan, g


def proximal_scaling_steps(step: Tensor, a: Tensor, b: Tensor, log_plan: Tensor, g: Tensor, steps: int) -> tuple[Tensor, ...]:
    """The same steps as `proximal_log_steps`, faster, on the plan itself; again in the log domain where a float is too small."""
    plan, gibbs, v = torch.exp(log_plan), torch.exp(step), torch.exp(g)
    all_u, all_v = torch.ones_like(a), torch.ones_like(b)
    for _ in range(steps):
        plan *= gibbs
        u = torch.where(a > 0, a / (plan * v[:, None, :]).sum(2), 1.0)
        plan *= u[:, :, None]
        v = torch.where(b > 0, b / plan.sum(1), 1.0)
        plan *= v[:, None, :]
        all_u, all_v = all_u * u, all_v * v
    change = steps * step + torch.log(all_u)[:, :, None] + torch.log(all_v)[:, None, :]
    result = plan, (log_plan + change).clamp_min(NO_MASS), torch.log(v)
    lost = _lost(plan, log_plan + change)
    if bool(lost.any()):
        again = [tensor[lost] for tensor in (step, a, b, log_plan, g)]
        for done, redone in zip(result, proximal_log_steps(*again, steps), strict=True):
            done[lost] = redone
    return result


def _lost(mass: Tensor, log_mass: Tensor) -> Tensor:
    """`(B,)` bool: an entry that a float cannot hold is not negligible, or a scaling went out of its range."""
    return (((mass < torch.finfo(mass.dtype).tiny) & (log_mass > _NEGLIGIBLE)) | ~log_mass.isfinite()).flatten(1).any(1)


def potential(mass: Tensor, scores: Tensor, dim: int) -> Tensor:
    """Dual potential that gives the plan the marginal `mass` along `dim`; 0 where there is no mass (the kernel decides there)."""
    return torch.where(mass > 0, torch.log(mass.clamp_min(TINY)) - torch.logsumexp(scores, dim), 0.0)
