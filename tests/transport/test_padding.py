"""Padding is exact: a problem has the same plan, cost and gradient alone and in any batch, whatever stands in the padding."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_optical.transport import cosine_cost, exact, ipot, marginals, sinkhorn

SOLVERS = {
    "sinkhorn": sinkhorn,
    "sharp": partial(sinkhorn, epsilon=0.01, max_iterations=200),
    "sharpest": partial(sinkhorn, epsilon=0.001),
    "differentiated": partial(sinkhorn, epsilon=0.1, differentiate_plan=True),
    "ipot": ipot,
    "small beta": partial(ipot, beta=0.02),
    "exact": exact,
}
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)
seeds = st.integers(0, 10_000)
similarities = st.sampled_from([0.0, 0.5, 0.9])
garbage = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, -7.0])


@each_solver
@settings(max_examples=25)
@given(sizes, seeds, similarities, st.booleans(), st.integers(0, 3), garbage)
def test_a_padded_batch_equals_its_pairs(solver, make_batch, sizes, seed, similarity, weighted, extra, filling):
    batch = make_batch(sizes, seed, similarity, weighted, extra)
    padded = batch.cost.masked_fill(batch.padding, filling).requires_grad_()
    together = solver(padded, batch.a, batch.b)
    together.cost.sum().backward()
    assert (padded.grad[batch.padding] == 0).all()
    assert (together.plan[batch.padding] == 0).all()
    for i, (n, m) in enumerate(sizes):
        cost, a, b = batch.alone(i)
        cost = cost.clone().requires_grad_()
        alone = solver(cost, a, b)
        alone.cost.backward()
        torch.testing.assert_close(together.cost[i], alone.cost[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(together.plan[i, :n, :m], alone.plan[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(padded.grad[i, :n, :m], cost.grad[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(together.marginal_error[i], alone.marginal_error[0], atol=1e-6, rtol=0)
        assert together.converged[i] == alone.converged[0]
        assert together.iterations[i] == alone.iterations[0]


@each_solver
def test_a_hard_neighbour_changes_nothing(solver, make_batch):
    """One problem converges at once, its neighbour never does: each stops by itself."""
    hard = make_batch([(9, 9)], similarity=0.95)
    easy, none = torch.zeros(1, 9, 9), torch.zeros(1, 9)
    alone = solver(hard.cost, hard.a, hard.b)
    a, b = torch.cat([hard.a, hard.a, none]), torch.cat([hard.b, hard.b, hard.b])
    together = solver(torch.cat([hard.cost, easy, hard.cost]), a, b)
    torch.testing.assert_close(together.plan[0], alone.plan[0], atol=1e-6, rtol=0)
    assert together.iterations[0] == alone.iterations[0]
    assert together.empty.tolist() == [False, False, True]


@each_solver
@settings(max_examples=25)
@given(sizes, seeds, st.sampled_from(["a", "b", "both"]), garbage)
def test_an_empty_side_costs_nothing(solver, make_batch, sizes, seed, side, filling):
    batch = make_batch([*sizes, (3, 4)], seed)
    if side in ("a", "both"):
        batch.a[-1] = 0
    if side in ("b", "both"):
        batch.b[-1] = 0
    cost = batch.cost
    cost[-1] = filling
    cost.requires_grad_()
    result = solver(cost, batch.a, batch.b)
    result.cost.sum().backward()
    assert result.empty.tolist() == [False] * len(sizes) + [True]
    for nothing in (
        result.cost,
        result.marginal_error,
        result.iterations,
        result.plan.flatten(1).sum(1),
        cost.grad.flatten(1).sum(1),
    ):
        assert nothing[-1] == 0
    assert result.converged[-1]
    torch.testing.assert_close(result.cost[:-1], solver(batch.cost[:-1], batch.a[:-1], batch.b[:-1]).cost, atol=1e-6, rtol=0)


@each_solver
@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0), (0, 3, 3)])
def test_no_token_and_no_problem_at_all(solver, shape):
    result = solver(torch.rand(shape), torch.ones(shape[:2]), torch.ones(shape[0], shape[2]))
    assert result.plan.shape == shape
    assert result.cost.tolist() == [0.0] * shape[0]
    assert result.empty.all()


@each_solver
@settings(max_examples=25)
@given(sizes, seeds, similarities)
def test_tokens_of_no_weight_take_no_part(solver, make_batch, sizes, seed, similarity):
    """Zeros between the tokens, not only after them."""
    batch = make_batch([(n + 1, m + 1) for n, m in sizes], seed, similarity)
    keep_rows, keep_columns = batch.student_mask.clone(), batch.teacher_mask.clone()
    keep_rows[:, 0] = keep_columns[:, 0] = False
    inner = solver(batch.cost[:, 1:, 1:], marginals(keep_rows[:, 1:]), marginals(keep_columns[:, 1:]))
    weighted = marginals(batch.student_mask, keep_rows.float()), marginals(batch.teacher_mask, keep_columns.float())
    plan = solver(batch.cost, *weighted).plan
    torch.testing.assert_close(plan[:, 1:, 1:], inner.plan, atol=1e-6, rtol=0)
    assert plan[:, 0].sum() == plan[:, :, 0].sum() == 0


@each_solver
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_half_precision_input_is_solved_in_full(solver, dtype, make_batch):
    batch = make_batch([(7, 5), (3, 7)], similarity=0.7)
    cost = cosine_cost(batch.student.to(dtype), batch.teacher.to(dtype)).to(dtype)
    given_cost = cost.clone().requires_grad_()
    result = solver(given_cost, batch.a.to(dtype), batch.b.to(dtype))
    result.cost.sum().backward()
    assert result.plan.dtype == result.cost.dtype == result.marginal_error.dtype == torch.float32
    assert given_cost.grad.dtype == dtype
    expected = solver(cost.float(), batch.a.to(dtype).float(), batch.b.to(dtype).float())
    torch.testing.assert_close(result.plan, expected.plan)
    # marginals rounded to half precision have unequal totals: that is mended, so that a solution exists
    assert torch.equal(result.converged, solver(cost.float(), batch.a, batch.b).converged)


@each_solver
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(solver, dtype, make_batch):
    batch = make_batch([(7, 5), (3, 7)], similarity=0.7)
    expected = solver(batch.cost, batch.a, batch.b)
    with torch.autocast("cpu", dtype=dtype):
        result = solver(cosine_cost(batch.student, batch.teacher), batch.a, batch.b)
    assert torch.equal(result.plan, expected.plan)
    assert torch.equal(result.cost, expected.cost)


@given(st.integers(1, 8), st.integers(1, 8), seeds, st.sampled_from([1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001]))
def test_nothing_is_nan_at_any_epsilon(make_batch, n, m, seed, epsilon):
    batch = make_batch([(n, m), (1, 1), (n, 1), (1, m)], seed, 0.95)
    for differentiate_plan in (False, True):
        cost = batch.cost.requires_grad_()
        result = sinkhorn(cost, batch.a, batch.b, epsilon=epsilon, differentiate_plan=differentiate_plan)
        result.cost.sum().backward()
        assert cost.grad.isfinite().all()
        assert result.plan.isfinite().all()
        # one token on a side: there is one plan only
        torch.testing.assert_close(result.plan[1:].detach(), batch.a[1:, :, None] * batch.b[1:, None, :], atol=1e-6, rtol=0)
