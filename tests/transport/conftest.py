"""Ragged batches of transport problems, padded, and the same problems one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from hf_optical.transport import cosine_cost, marginals


@dataclass
class Batch:
    """`sizes` are the tokens of each pair; everything beyond them is padding."""

    sizes: list[tuple[int, int]]
    student: Tensor
    teacher: Tensor
    student_mask: Tensor
    teacher_mask: Tensor
    a: Tensor
    b: Tensor

    @property
    def cost(self) -> Tensor:
        return cosine_cost(self.student, self.teacher)

    @property
    def padding(self) -> Tensor:
        return ~(self.student_mask[:, :, None] & self.teacher_mask[:, None, :])

    def alone(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cost and marginals of one problem, batch size 1, without padding."""
        n, m = self.sizes[i]
        return self.cost[i : i + 1, :n, :m], self.a[i : i + 1, :n], self.b[i : i + 1, :m]


def _make_batch(
    sizes: list[tuple[int, int]], seed: int = 0, similarity: float = 0.5, weighted: bool = False, extra: int = 0
) -> Batch:
    """Random unit vectors; `similarity` of the i-th student token to the i-th teacher token, `extra` columns of padding."""
    random = torch.Generator().manual_seed(seed)
    longest = max(max(pair) for pair in sizes)
    teacher = torch.randn(len(sizes), longest, 16, generator=random)
    noise = torch.randn(teacher.shape, generator=random)
    student = similarity * teacher + (1 - similarity**2) ** 0.5 * noise
    n, m = max(pair[0] for pair in sizes) + extra, max(pair[1] for pair in sizes) + extra
    student, teacher = (torch.nn.functional.pad(x, (0, 0, 0, extra)) for x in (student, teacher))
    masks = [torch.arange(width) < torch.tensor(sizes)[:, i, None] for i, width in enumerate((n, m))]
    weights = [torch.rand(mask.shape, generator=random) + 0.05 if weighted else None for mask in masks]
    a, b = (marginals(mask, weight) for mask, weight in zip(masks, weights, strict=True))
    student, teacher = (torch.nn.functional.normalize(x, dim=-1) for x in (student[:, :n], teacher[:, :m]))
    return Batch(sizes, student, teacher, *masks, a, b)


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """`make_batch(sizes, seed, similarity, weighted, extra)`: see Batch."""
    return _make_batch
