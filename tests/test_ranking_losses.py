"""Losses on the scores of documents."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hf_optical.models import maxsim
from hf_optical.ranking_losses import own_scores, ranking_distillation


def unit(*shape: int) -> torch.Tensor:
    return nn.functional.normalize(torch.randn(*shape), dim=-1)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**16))
def test_own_scores_are_maxsim_over_the_number_of_tokens(batch, k, n, m, seed):
    torch.manual_seed(seed)
    queries, documents = unit(batch, n, 4), unit(batch, k, m, 4)
    query_mask, document_mask = torch.rand(batch, n) > 0.3, torch.rand(batch, k, m) > 0.3
    query_mask[:, 0] = document_mask[..., 0] = True
    scores = own_scores(queries, documents, query_mask, document_mask)
    for b in range(batch):
        expected = maxsim(queries[b : b + 1], documents[b], query_mask[b : b + 1], document_mask[b])[0] / query_mask[b].sum()
        torch.testing.assert_close(scores[b], expected)


def test_distillation_is_the_kl_divergence_and_zero_for_equal_rankings():
    scores, targets = torch.randn(3, 5), torch.randn(3, 5)
    expected = nn.functional.kl_div(
        (scores / 0.5).log_softmax(-1), (targets / 0.5).log_softmax(-1), log_target=True, reduction="batchmean"
    )
    torch.testing.assert_close(ranking_distillation(scores, targets, 0.5), expected)
    assert ranking_distillation(targets + 3.0, targets, 0.5).item() == pytest.approx(0.0, abs=1e-6)


def test_a_missing_document_changes_nothing():
    scores, targets = torch.randn(2, 3), torch.randn(2, 3)
    missing = torch.full((2, 1), -torch.inf)
    wide_scores = torch.cat([scores, missing], 1).requires_grad_()
    loss = ranking_distillation(wide_scores, torch.cat([targets, missing], 1))
    torch.testing.assert_close(loss, ranking_distillation(scores, targets))
    loss.backward()
    assert torch.isfinite(wide_scores.grad).all()


def test_the_target_is_a_constant():
    targets = torch.randn(2, 3, requires_grad=True)
    ranking_distillation(torch.randn(2, 3, requires_grad=True), targets).backward()
    assert targets.grad is None


def test_gradient_against_finite_differences():
    scores = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.randn(2, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: ranking_distillation(s, targets, 0.3), scores)
