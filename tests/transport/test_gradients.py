"""Gradients against finite differences, of independent float64 code as the solvers return float32."""

from __future__ import annotations

from functools import partial

import numpy as np
import ot
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.transport import exact, ipot, sinkhorn

seeds = st.integers(0, 10_000)
widths = st.integers(2, 6)


def central_differences(function, cost, step=1e-6):
    """Gradient of a function of a float64 matrix."""
    gradient = np.zeros_like(cost)
    for position in np.ndindex(cost.shape):
        up, down = cost.copy(), cost.copy()
        up[position] += step
        down[position] -= step
        gradient[position] = (function(up) - function(down)) / (2 * step)
    return gradient


def unrolled(cost, a, b, epsilon, iterations):
    """`<P, C>` after so many Sinkhorn iterations, in the kernel domain, float64."""
    kernel, v = np.exp(-cost / epsilon), np.ones_like(b)
    for _ in range(iterations):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    return (u[:, None] * kernel * v * cost).sum()


@pytest.mark.parametrize("solver", [sinkhorn, partial(sinkhorn, epsilon=0.01), ipot, exact])
def test_the_gradient_of_the_cost_is_the_plan(solver, make_batch):
    batch = make_batch([(5, 4), (2, 6), (1, 1)], similarity=0.7, weighted=True)
    cost = batch.cost.requires_grad_()
    result = solver(cost, batch.a, batch.b)
    assert not result.plan.requires_grad
    upstream = torch.tensor([1.0, -2.0, 0.5])
    (result.cost * upstream).sum().backward()
    torch.testing.assert_close(cost.grad, result.plan * upstream[:, None, None])


@given(widths, widths, seeds, st.booleans())
def test_the_plan_is_the_derivative_of_the_exact_cost(make_batch, n, m, seed, weighted):
    """The envelope theorem. Where two plans are as good, the optimum has a kink: rare on random costs, and then left out."""
    batch = make_batch([(n, m)], seed, 0.5, weighted)
    cost, a, b = (x[0].double().numpy() for x in batch.alone(0))
    a, b = a / a.sum(), b / b.sum()
    slopes = [central_differences(lambda c: ot.emd2(a, b, c), cost, step) for step in (1e-4, 1e-6)]
    smooth = np.abs(slopes[0] - slopes[1]) < 1e-4
    given_cost = batch.cost.requires_grad_()
    exact(given_cost, batch.a, batch.b).cost.backward()
    np.testing.assert_allclose(given_cost.grad[0].numpy()[smooth], slopes[1][smooth], atol=1e-4)
    assert smooth.mean() > 0.5


@given(widths, widths, seeds, st.booleans(), st.sampled_from([1.0, 0.2, 0.1]), st.sampled_from([1, 7, 25]))
def test_differentiate_plan_is_the_derivative_of_the_unrolled_iterations(make_batch, n, m, seed, weighted, epsilon, iterations):
    batch = make_batch([(n, m), (m, n)], seed, 0.5, weighted, extra=2)
    given_cost = batch.cost.masked_fill(batch.padding, float("nan")).requires_grad_()
    options = {"epsilon": epsilon, "max_iterations": iterations, "tolerance": 0.0}
    result = sinkhorn(given_cost, batch.a, batch.b, differentiate_plan=True, **options)
    result.cost.sum().backward()
    for i, (rows, columns) in enumerate(batch.sizes):
        cost, a, b = (x[0].double().numpy() for x in batch.alone(i))
        assert result.cost[i].item() == pytest.approx(unrolled(cost, a, b, epsilon, iterations), abs=1e-6)
        slope = central_differences(lambda c, a=a, b=b: unrolled(c, a, b, epsilon, iterations), cost)
        np.testing.assert_allclose(given_cost.grad[i, :rows, :columns], slope, atol=2e-6)
    plain = sinkhorn(batch.cost, batch.a, batch.b, **options)
    torch.testing.assert_close(result.plan.detach(), plan := plain.plan, atol=1e-6, rtol=0)
    assert plan.isfinite().all()


def test_a_loss_of_the_plan_itself_can_be_differentiated(make_batch):
    batch = make_batch([(4, 3)])
    cost = batch.cost.requires_grad_()
    sinkhorn(cost, batch.a, batch.b, epsilon=0.2, differentiate_plan=True).plan.square().sum().backward()
    assert cost.grad.abs().max() > 1e-4


@pytest.mark.parametrize("solver", [partial(sinkhorn, differentiate_plan=True), ipot, exact])
def test_no_graph_where_none_is_wanted(solver, make_batch):
    batch = make_batch([(4, 3)])
    with torch.no_grad():
        assert not solver(batch.cost.requires_grad_(), batch.a, batch.b).cost.requires_grad
    assert not solver(batch.cost, batch.a, batch.b).plan.requires_grad
    with torch.inference_mode():
        assert solver(batch.cost, batch.a, batch.b).cost.isfinite().all()
