"""Marginals, and every error of hf_optical.transport."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.transport import cosine_cost, exact, ipot, marginals, sinkhorn

NAN, INFINITE = float("nan"), float("inf")
rows = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4)


@given(rows)
def test_uniform_marginals(mask):
    mask = torch.tensor(mask)
    for kind in (mask, mask.int(), mask.float()):
        result = marginals(kind)
        assert result.dtype == torch.float32
        for row, keep in zip(result, mask, strict=True):
            count = int(keep.sum())
            assert row.tolist() == pytest.approx([1 / count if one else 0.0 for one in keep] if count else [0.0] * 5)


@given(rows, st.integers(0, 1000), st.sampled_from([NAN, INFINITE, -1.0, 5.0]))
def test_weighted_marginals(mask, seed, garbage):
    """What stands in a masked position, whatever it is, gets no mass and is no error."""
    mask = torch.tensor(mask)
    weights = torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed))
    result = marginals(mask, weights.masked_fill(~mask, garbage))
    kept = weights.double() * mask
    expected = torch.where(mask.any(1, keepdim=True), kept / kept.sum(1, keepdim=True), 0.0)
    torch.testing.assert_close(result, expected.float(), atol=1e-6, rtol=0)
    assert (result[~mask] == 0).all()
    torch.testing.assert_close(result, marginals(mask, weights * 1000), atol=1e-6, rtol=0)


@pytest.mark.parametrize("weight", [0.0, 1e-42])
def test_weights_that_are_all_zero_fall_back_to_uniform(weight):
    mask, weights = torch.tensor([[1, 1, 0], [1, 1, 1]]), torch.tensor([[weight, weight, 9.0], [0.0, 0.0, 2.0]])
    assert marginals(mask, weights).tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_weights_of_any_type(dtype):
    result = marginals(torch.ones(1, 3, dtype=torch.bool), torch.tensor([[1, 0, 1]]).to(dtype))
    assert torch.equal(result, torch.tensor([[0.5, 0.0, 0.5]]))


@pytest.mark.parametrize("weight", [-0.1, NAN, INFINITE, 3.4e38])
def test_bad_weights_are_named(weight):
    weights = torch.tensor([[1.0, 1.0], [weight, 3.4e38 if weight > 1e38 else 1.0]])
    with pytest.raises(ValueError, match=r"finite and not negative: see row\(s\) \[1\] of the batch of 2"):
        marginals(torch.ones(2, 2), weights)


def test_weights_and_mask_have_one_shape():
    with pytest.raises(ValueError, match=r"weights \(1, 3\) and mask \(1, 2\)"):
        marginals(torch.ones(1, 2), torch.ones(1, 3))


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        ((1, 2, 4), (1, 2, 3), "embedding_dim is 4, the teacher's 3"),
        ((2, 2, 4), (1, 2, 4), "must be"),
        ((2, 4), (2, 2, 4), "must be"),
        ((2, 2, 4), (2, 4), "must be"),
    ],
)
def test_embeddings_that_do_not_fit(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        cosine_cost(torch.ones(student), torch.ones(teacher))


def problem(**change):
    """A good problem with one thing changed."""
    half = torch.tensor([[0.5, 0.5]]).repeat(2, 1)
    return {"cost": torch.rand(2, 2, 2), "a": half, "b": half} | change


@pytest.mark.parametrize("solver", [sinkhorn, ipot, exact])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": torch.rand(2, 2)}, r"want \(B, n, m\)"),
        ({"cost": torch.rand(2, 3, 2)}, r"want \(B, n, m\)"),
        ({"b": torch.full((2, 3), 1 / 3)}, r"want \(B, n, m\)"),
        ({"a": torch.tensor([[0.5, 0.5]])}, r"want \(B, n, m\)"),
        (
            {"cost": torch.tensor([[[0.0, 1.0], [1.0, 0.0]], [[NAN, 1.0], [1.0, 0.0]]])},
            r"\[1\] of the batch of 2: cost is not finite",
        ),
        ({"cost": torch.full((2, 2, 2), INFINITE)}, r"\[0, 1\] of the batch of 2: cost is not finite"),
        ({"a": torch.tensor([[0.5, 0.5], [1.5, -0.5]])}, r"\[1\] .*negative"),
        ({"b": torch.tensor([[0.5, NAN], [0.5, 0.5]])}, r"\[0\] .*not finite"),
        ({"b": torch.tensor([[INFINITE, 0.5], [0.5, 0.5]])}, r"\[0\] .*not finite"),
        ({"a": torch.tensor([[0.5, 0.5], [1.0, 1.0]])}, r"\[1\] .*totals of a and b differ by more than 1%"),
    ],
)
def test_problems_that_are_none(solver, change, message):
    with pytest.raises(ValueError, match=message) as error:
        solver(**problem(**change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("solver", "option", "message"),
    [
        (sinkhorn, {"epsilon": 0.0}, "epsilon must be positive, got 0.0"),
        (sinkhorn, {"epsilon": -1.0}, "epsilon"),
        (sinkhorn, {"epsilon": NAN}, "epsilon"),
        (sinkhorn, {"tolerance": -1e-3}, "tolerance must not be negative"),
        (sinkhorn, {"tolerance": NAN}, "tolerance"),
        (sinkhorn, {"max_iterations": 0}, "max_iterations must be at least 1, got 0"),
        (ipot, {"beta": 0.0}, "beta must be positive"),
        (ipot, {"beta": NAN}, "beta"),
        (ipot, {"max_iterations": 0}, "max_iterations"),
    ],
)
def test_options_out_of_range(solver, option, message):
    with pytest.raises(ValueError, match=message):
        solver(**problem(), **option)
