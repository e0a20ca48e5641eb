"""The documents that can be among the k best, as the collection goes by in portions."""

from __future__ import annotations

import torch
from torch import Tensor


class Candidates:
    """For each query the documents whose greatest possible score reaches the k-th of the least possible ones.

    What is held grows with k and with the width of the bounds, not with the collection.

    Example:
        >>> candidates = Candidates(queries=1, k=1)
        >>> candidates.add(0, torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 0.5]]))
        >>> candidates.add(2, torch.tensor([[2.4, 1.0]]), torch.tensor([[0.5, 0.5]]))
        >>> candidates.positions
        [tensor([1, 2])]
    """

    def __init__(self, queries: int, k: int) -> None:
        self._k = k
        self.positions = [torch.empty(0, dtype=torch.long) for _ in range(queries)]
        self._most = [torch.empty(0) for _ in range(queries)]
        self._least = [torch.empty(0) for _ in range(queries)]

    def add(self, first: int, scores: Tensor, bounds: Tensor) -> None:
        """`(Q, n)` scores of the documents `first, first + 1, ...`, -inf for none, and how far off they can be."""
        most, least = scores + bounds, scores - bounds
        for query in range(len(self.positions)):
            new = (scores[query] != -torch.inf).nonzero().squeeze(1)
            positions = torch.cat([self.positions[query], new + first])
            highest = torch.cat([self._most[query], most[query, new]])
            lowest = torch.cat([self._least[query], least[query, new]])
            if len(positions) > self._k:
                kept = ~(highest < lowest.topk(self._k).values[-1])  # "not less" keeps what is not a number
                positions, highest, lowest = positions[kept], highest[kept], lowest[kept]
            self.positions[query], self._most[query], self._least[query] = positions, highest, lowest
