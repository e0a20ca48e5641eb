"""The solvers against POT, scipy and a float64 loop, and what holds for every transport plan."""

from __future__ import annotations

from functools import partial

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from hf_optical.transport import cosine_cost, exact, ipot, sinkhorn

SOLVERS = {
    "sinkhorn": sinkhorn,
    "sharp": partial(sinkhorn, epsilon=0.02, max_iterations=300),
    "ipot": ipot,
    "exact": exact,
}
sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4)
seeds = st.integers(0, 10_000)
similarities = st.sampled_from([0.0, 0.5, 0.9])
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
# stops where the plan itself has converged
converge = partial(sinkhorn, tolerance=1e-7, max_iterations=5000)


def as_numpy(batch, i):
    """One problem in float64, totals equal to the last bit as POT wants them."""
    cost, a, b = (x[0].double().numpy() for x in batch.alone(i))
    return cost, a / a.sum(), b / b.sum()


def loop(cost, a, b, epsilon, iterations, tolerance):
    """Sinkhorn in float64, in the log domain, one problem: cost, plan, iterations."""
    kernel, f, g, steps = -cost / epsilon, np.zeros_like(a), np.zeros_like(b), 0
    while steps < iterations:
        new_f = np.log(a) - np.logaddexp.reduce(kernel + g, axis=1)
        if steps and np.abs(a * np.expm1(np.clip(f - new_f, None, 700))).sum() <= tolerance:
            break
        f = new_f
        g = np.log(b) - np.logaddexp.reduce(kernel + f[:, None], axis=0)
        steps += 1
    plan = np.exp(kernel + f[:, None] + g)
    return (plan * cost).sum(), plan, steps


@given(seeds)
def test_cosine_cost_is_one_minus_the_inner_product(seed):
    random = torch.Generator().manual_seed(seed)
    student, teacher = (torch.randn(2, size, 5, generator=random, dtype=torch.float64) for size in (3, 4))
    expected = 1 - np.einsum("bnd,bmd->bnm", student.numpy(), teacher.numpy())
    np.testing.assert_allclose(cosine_cost(student, teacher), expected, atol=2e-6)


@given(sizes, seeds, similarities, st.booleans())
def test_exact_equals_pot(make_batch, sizes, seed, similarity, weighted):
    batch = make_batch(sizes, seed, similarity, weighted)
    result = exact(batch.cost, batch.a, batch.b)
    for i, (n, m) in enumerate(sizes):
        cost, a, b = as_numpy(batch, i)
        assert result.cost[i].item() == pytest.approx(ot.emd2(a, b, cost), abs=1e-6)
        np.testing.assert_allclose(result.plan[i, :n, :m], ot.emd(a, b, cost), atol=1e-6)
    assert result.converged.all()
    assert result.marginal_error.max() < 1e-6


@settings(max_examples=20)
@given(st.integers(1, 10), seeds, similarities)
def test_equal_sizes_are_an_assignment(make_batch, size, seed, similarity):
    batch = make_batch([(size, size)], seed, similarity)
    cost, _, _ = as_numpy(batch, 0)
    expected = cost[linear_sum_assignment(cost)].mean()
    assert exact(batch.cost, batch.a, batch.b).cost.item() == pytest.approx(expected, abs=1e-6)
    assert ipot(batch.cost, batch.a, batch.b, max_iterations=1000).cost.item() == pytest.approx(expected, abs=2e-3)


@settings(max_examples=20)
@given(sizes, seeds, similarities, st.booleans())
def test_ipot_converges_to_exact(make_batch, sizes, seed, similarity, weighted):
    batch = make_batch(sizes, seed, similarity, weighted)
    optimum = exact(batch.cost, batch.a, batch.b).cost
    torch.testing.assert_close(ipot(batch.cost, batch.a, batch.b, max_iterations=1000).cost, optimum, atol=2e-3, rtol=0)


@given(sizes, seeds, similarities, st.booleans(), st.sampled_from([1.0, 0.1, 0.05, 0.02]), st.sampled_from([1, 30, 100]))
def test_sinkhorn_takes_the_steps_of_pot(make_batch, sizes, seed, similarity, weighted, epsilon, iterations):
    """Converged or not. POT begins with the columns, hence the transposed problem."""
    batch = make_batch(sizes, seed, similarity, weighted)
    result = sinkhorn(batch.cost, batch.a, batch.b, epsilon=epsilon, max_iterations=iterations, tolerance=0.0)
    for i, (n, m) in enumerate(sizes):
        cost, a, b = as_numpy(batch, i)
        plan = ot.sinkhorn(b, a, cost.T, epsilon, method="sinkhorn_log", stopThr=0, numItermax=iterations, warn=False).T
        np.testing.assert_allclose(result.plan[i, :n, :m], plan, atol=1e-6)
        assert result.cost[i].item() == pytest.approx((plan * cost).sum(), abs=1e-6)


@given(sizes, seeds, similarities, st.booleans(), st.sampled_from([1.0, 0.5, 0.3]))
def test_sinkhorn_converges_to_pots_plan(make_batch, sizes, seed, similarity, weighted, epsilon):
    batch = make_batch(sizes, seed, similarity, weighted)
    result = converge(batch.cost, batch.a, batch.b, epsilon=epsilon)
    assert (result.marginal_error <= 1e-7).all()
    for i, (n, m) in enumerate(sizes):
        cost, a, b = as_numpy(batch, i)
        plan = ot.sinkhorn(a, b, cost, epsilon, stopThr=1e-9, numItermax=5000)
        np.testing.assert_allclose(result.plan[i, :n, :m], plan, atol=1e-5)


@given(sizes, seeds, similarities, st.booleans(), st.sampled_from([1.0, 0.1, 0.03, 0.01, 0.003, 0.001]))
def test_sinkhorn_takes_the_steps_of_a_float64_loop(make_batch, sizes, seed, similarity, weighted, epsilon):
    batch = make_batch(sizes, seed, similarity, weighted)
    result = sinkhorn(batch.cost, batch.a, batch.b, epsilon=epsilon)
    for i, (n, m) in enumerate(sizes):
        cost, plan, steps = loop(*(x[0].double().numpy() for x in batch.alone(i)), epsilon, 100, 1e-3)
        assert result.cost[i].item() == pytest.approx(cost, abs=1e-6)
        np.testing.assert_allclose(result.plan[i, :n, :m], plan, atol=1e-7)
        assert result.iterations[i].item() == steps


@given(seeds, st.sampled_from([0.3, 0.01, 0.001]))
def test_costs_that_scalings_cannot_hold(seed, epsilon):
    """Costs up to 50: exp(-cost / epsilon) is far below any float's range, and so are the scalings."""
    cost = torch.rand(1, 6, 5, generator=torch.Generator().manual_seed(seed)) * 50
    a, b = torch.full((1, 6), 1 / 6), torch.full((1, 5), 1 / 5)
    result = sinkhorn(cost, a, b, epsilon=epsilon, max_iterations=50)
    expected, plan, _ = loop(*(x[0].double().numpy() for x in (cost, a, b)), epsilon, 50, 1e-3)
    np.testing.assert_allclose(result.plan[0], plan, atol=1e-6)
    assert result.cost.item() == pytest.approx(expected, rel=1e-6)
    sharp = ipot(cost, a, b, beta=epsilon, max_iterations=200)
    assert sharp.cost >= exact(cost, a, b).cost - 50 * sharp.marginal_error - 1e-4
    assert sharp.cost <= expected + 50 * sharp.marginal_error + 1e-4


@settings(max_examples=20)
@given(sizes, seeds, similarities, st.booleans())
def test_costs_are_in_order(make_batch, sizes, seed, similarity, weighted):
    """The sharper the method, the cheaper its plan: none is cheaper than the optimum, none dearer than independence."""
    batch = make_batch(sizes, seed, similarity, weighted)
    problem = batch.cost, batch.a, batch.b
    plans = [exact(*problem), ipot(*problem, max_iterations=1000)]
    plans += [converge(*problem, epsilon=epsilon) for epsilon in (0.02, 0.1, 1.0)]
    costs = [plan.cost for plan in plans] + [(batch.a[:, :, None] * batch.b[:, None, :] * batch.cost).sum((1, 2))]
    for lower, higher, plan in zip(costs, costs[1:], plans[1:] + plans[-1:], strict=False):
        slack = 2e-3 if lower is costs[1] else 1e-5 + 2 * plan.marginal_error
        assert (lower <= higher + slack).all()


@each_solver
@given(sizes, seeds, similarities, st.booleans())
def test_marginal_error_says_what_it_is(solver, make_batch, sizes, seed, similarity, weighted):
    batch = make_batch(sizes, seed, similarity, weighted)
    result = solver(batch.cost, batch.a, batch.b)
    assert (result.plan >= 0).all()
    assert (result.plan[batch.padding] == 0).all()
    rows = (result.plan.double().sum(2) - batch.a).abs().sum(1)
    columns = (result.plan.double().sum(1) - batch.b).abs().sum(1)
    np.testing.assert_allclose(result.marginal_error, torch.maximum(rows, columns), atol=1e-6)
    assert torch.equal(result.converged, result.marginal_error <= 1e-3)
    np.testing.assert_allclose(result.cost, (result.plan * batch.cost).sum((1, 2)), atol=1e-6)


@given(sizes, seeds)
def test_converged_is_told_for_each_problem(make_batch, sizes, seed):
    batch = make_batch([(1, 1), *sizes, (9, 8)], seed, 0.9)
    early, late = (sinkhorn(batch.cost, batch.a, batch.b, epsilon=0.05, max_iterations=k) for k in (2, 5000))
    assert early.iterations.max() == 2
    assert early.converged[0]
    assert not early.converged[-1]
    assert late.converged.all()
    assert late.iterations[0] == 1
    assert late.iterations[-1] > 2
    loose = sinkhorn(batch.cost, batch.a, batch.b, epsilon=0.05, max_iterations=5000, tolerance=0.1)
    assert (loose.iterations <= late.iterations).all()
    assert (loose.marginal_error <= 0.1).all()


@given(sizes, seeds, similarities, st.booleans())
def test_the_transposed_problem_has_the_transposed_plan(make_batch, sizes, seed, similarity, weighted):
    batch = make_batch(sizes, seed, similarity, weighted)
    for solver, tolerance in ((exact, 1e-6), (partial(converge, epsilon=0.3), 1e-6)):
        plan = solver(batch.cost, batch.a, batch.b).plan
        transposed = solver(batch.cost.transpose(1, 2), batch.b, batch.a).plan
        torch.testing.assert_close(transposed.transpose(1, 2), plan, atol=tolerance, rtol=0)


@each_solver
@given(sizes, seeds, similarities, st.booleans())
def test_the_order_of_tokens_does_not_matter(solver, make_batch, sizes, seed, similarity, weighted):
    batch = make_batch(sizes, seed, similarity, weighted)
    rows, columns = torch.randperm(batch.a.shape[1]), torch.randperm(batch.b.shape[1])
    plan = solver(batch.cost, batch.a, batch.b).plan
    moved = solver(batch.cost[:, rows][:, :, columns], batch.a[:, rows], batch.b[:, columns]).plan
    torch.testing.assert_close(moved, plan[:, rows][:, :, columns], atol=1e-7, rtol=0)


@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.01, 0.001])
def test_identical_tokens_are_moved_independently(epsilon):
    a, b = torch.tensor([[0.2, 0.8]]), torch.tensor([[0.5, 0.25, 0.25]])
    tokens = torch.nn.functional.normalize(torch.ones(1, 3, 4), dim=-1)
    cost = cosine_cost(tokens[:, :2], tokens)
    for result in (sinkhorn(cost, a, b, epsilon=epsilon), ipot(cost, a, b)):
        torch.testing.assert_close(result.plan[0], a[0][:, None] * b[0][None, :], atol=1e-6, rtol=0)
        assert result.cost.abs().item() < 1e-6


@pytest.mark.parametrize("solver", [partial(sinkhorn, max_iterations=15), partial(ipot, max_iterations=15), exact])
def test_deterministic_with_any_number_of_threads(solver, make_batch):
    batch = make_batch([(32 - i % 9, 32 - i % 7) for i in range(36)], weighted=True)  # enough elements for torch to use threads
    threads = torch.get_num_threads()
    first, again = (solver(batch.cost, batch.a, batch.b).plan for _ in range(2))
    assert torch.equal(first, again)
    try:
        torch.set_num_threads(2)
        torch.testing.assert_close(solver(batch.cost, batch.a, batch.b).plan, first, atol=1e-8, rtol=0)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.gpu
@each_solver
def test_the_gpu_gives_what_the_cpu_gives(solver, make_batch):
    batch = make_batch([(i % 25 + 8, i * 7 % 25 + 8) for i in range(64)], similarity=0.7, weighted=True)
    expected = solver(batch.cost, batch.a, batch.b)
    cost = batch.cost.cuda().requires_grad_()
    result = solver(cost, batch.a.cuda(), batch.b.cuda())
    result.cost.sum().backward()
    torch.testing.assert_close(result.cost.detach().cpu(), expected.cost, atol=1e-6, rtol=0)
    torch.testing.assert_close(cost.grad.cpu(), expected.plan, atol=1e-6, rtol=0)
    torch.testing.assert_close(result.iterations.cpu(), expected.iterations)
