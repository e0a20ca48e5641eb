"""Token embeddings as 8-bit integers: a scan several times faster than float32, with a bound on what it can be wrong by."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Sums of so many 127 * 127 are whole numbers in float32, too.
_LARGEST_DIM = 1024
# torch 2.13 reads beyond the matrices where they are vectors.
_LEAST_DIM = 2
# Least largest value of a vector: zeros have a scale, too.
_SMALLEST = 1e-30


@functools.cache
def int8_is_faster(threads: int | None = None) -> bool:
    """Whether this processor multiplies int8 matrices exactly, and at least 1.5 times as fast as float32 ones.

    `torch._int_mm` is private and has no fast kernel on every machine, and processors without the dot product instructions
    (VNNI) may saturate: it is tried once, with the largest values there are.
    """
    try:
        exact = all(_is_exact(*shape) for shape in ((64, 128, 64), (17, 100, 33), (3, 5, 2), (1, 2, 3)))
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False
    if not exact:
        return False
    left, right = torch.zeros(2048, 128, dtype=torch.int8), torch.zeros(256, 128, dtype=torch.int8)
    floats = left.float(), right.float()
    return _seconds(lambda: floats[0] @ floats[1].T) > 1.5 * _seconds(lambda: torch._int_mm(left, right.T))


def _is_exact(rows: int, dim: int, columns: int) -> bool:
    signs = torch.arange(rows * dim).view(rows, dim) % 3 - 1
    left, right = (127 * signs).to(torch.int8), torch.full((columns, dim), 127, dtype=torch.int8)
    left[0] = 127
    return torch._int_mm(left, right.T).tolist() == (left.long() @ right.T.long()).tolist()


def _seconds(call: Callable[[], object]) -> float:
    """The quickest of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


@dataclass(frozen=True)
class Int8Block:
    """Documents of one length as int8: `values * scale` is off from the embeddings by a vector of at most length `error`.

    Attributes:
        values: `(documents, length, d)` int8.
        scale: `(documents,)` or `(documents, length)` float32: the step of the values of a document, or of a token.
        error, norm: `(documents,)` float32: the greatest length of a token's quantisation error, and of a quantised token.
    """

    values: Tensor
    scale: Tensor
    error: Tensor
    norm: Tensor

    @classmethod
    def quantise(cls, embeddings: Tensor) -> Int8Block:
        """From `(documents, length, d)` float32, a scale for each document."""
        scale = embeddings.abs().amax((1, 2)).clamp_min(_SMALLEST) / 127
        # lengths are taken in steps: the squares of very large and very small numbers are no float32
        exact = embeddings / scale[:, None, None]
        values = exact.round().clamp(-127, 127)
        error, norm = ((vectors.norm(dim=2).amax(1) * scale) for vectors in (exact - values, values))
        return cls(values.to(torch.int8), scale, error, norm)


@dataclass(frozen=True)
class Int8Queries:
    """Query tokens as int8, `(tokens, d)`, a scale for each token; `lengths` tokens belong to each query."""

    values: Tensor
    scale: Tensor
    membership: Tensor  # (tokens, queries), 1 where the token is the query's
    norm: Tensor  # (queries,): sum over its tokens of their length
    error: Tensor  # (queries,): sum over its tokens of the length of their quantisation error
    slack: Tensor  # (queries,): rounding of the float32 sums, for documents of length one

    @classmethod
    def quantise(cls, tokens: Tensor, membership: Tensor) -> Int8Queries:
        scale = tokens.abs().amax(1).clamp_min(_SMALLEST) / 127
        exact = tokens / scale[:, None]
        values = exact.round().clamp(-127, 127)
        norm, error = ((vectors.norm(dim=1) * scale) @ membership for vectors in (exact, exact - values))
        # every product and sum rounds by at most 2^-24 of the terms' absolute sum; times four: both sides, and these bounds
        slack = norm * (tokens.shape[1] + membership.sum(0)) * 2.0**-22
        return cls(values.to(torch.int8), scale, membership, norm, error, slack)

    def scan(self, block: Int8Block) -> tuple[Tensor, Tensor]:
        """MaxSim scores `(documents, queries)` from the integers, and how far off they can be from float32 ones.

        With q = q' + e and d = d' + f, `<q, d> - <q', d'> = <q, f> + <e, d'>`: at most `|q| |f| + |e| |d'|` for every pair of
        tokens, hence for the maximum over a document's tokens; summed over the query's tokens.
        """
        documents, length, _ = block.values.shape
        product = torch._int_mm(block.values.flatten(0, 1), self.values.T)
        product = product.view(documents, length, -1)
        if block.scale.dim() == 2:
            scores = ((product * block.scale[:, :, None]).amax(1) * self.scale) @ self.membership
        else:
            scores = ((product.amax(1) * self.scale) @ self.membership) * block.scale[:, None]
        bound = block.error[:, None] * self.norm + block.norm[:, None] * self.error
        return finite(scores, bound + (block.norm + block.error)[:, None] * self.slack)


def finite(scores: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    """The same; where a score overflowed, nothing is known of it: 0, off by infinity at most."""
    known = scores.isfinite() & bounds.isfinite()
    return scores.where(known, torch.zeros_like(scores)), bounds.where(known, torch.full_like(scores, torch.inf))


def fits_int8(dim: int | None) -> bool:
    """Whether vectors of this width can be scanned as integers."""
    return dim is not None and _LEAST_DIM <= dim <= _LARGEST_DIM
