"""Pooling joins what is alike and nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.search.token_pooling import pool_tokens


@given(count=st.integers(0, 30), factor=st.integers(1, 6), protected=st.integers(0, 2), seed=st.integers(0, 99))
def test_sizes_and_lengths(count, factor, protected, seed):
    tokens = torch.nn.functional.normalize(torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)), dim=1)
    pooled, nearest = pool_tokens(tokens, factor, protected=protected)
    free = max(0, count - protected)
    assert len(pooled) == len(nearest) == min(count, protected) + -(-free // factor)
    assert torch.allclose(pooled.norm(dim=1), torch.ones(len(pooled)), atol=1e-5)
    assert torch.equal(pooled[:protected], tokens[:protected])
    assert len(set(nearest.tolist())) == len(nearest)


def test_equal_tokens_become_one_and_keep_their_score():
    tokens = torch.eye(4)[[0, 1, 2, 1, 2, 1]]
    pooled, nearest = pool_tokens(tokens, 2)
    # clusters are told to be three: the two directions, one of them perhaps parted
    assert torch.allclose((pooled @ torch.eye(4).T).amax(0), torch.tensor([1.0, 1, 1, 0]), atol=1e-6)
    assert nearest[0] == 0


def test_factor_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        pool_tokens(torch.eye(3), 0)
