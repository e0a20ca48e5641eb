"""Token embeddings as 8-bit integers: a scan several times faster than float32, with a bound on what it can be wrong by."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

# Sums of so many 127 * 127 are whole numbers in float32, too.
_LARGEST_DIM = 1024
# torch 2.13 reads beyond the matrices where they are vectors.
_LEAST_DIM = 2
# A product with 19 columns takes half as long again as one with 32.
_COLUMNS = 16
# Numbers in a product (4 MB): enough for it to be efficient, few enough to stay in cache until the maxima are taken.
_LARGEST_PRODUCT = 2**20
# Blocks whose maxima are held together: fewer and larger operations, and still in the processor's cache.
_BLOCKS_AT_A_TIME = 16
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
    """Query tokens as int8, `(tokens, d)`, a scale for each token; zeros fill them up to a multiple of 16.

    Attributes:
        membership: `(tokens, queries)`, 1 where the token is the query's.
        norm, error: `(queries,)`: sum over its tokens of their length, and of the length of their quantisation error.
        slack: `(queries,)`: rounding of the float32 sums, for documents of length one.
    """

    values: Tensor
    scale: Tensor
    membership: Tensor
    norm: Tensor
    error: Tensor
    slack: Tensor

    @classmethod
    def quantise(cls, tokens: Tensor, membership: Tensor) -> Int8Queries:
        scale = tokens.abs().amax(1).clamp_min(_SMALLEST) / 127
        exact = tokens / scale[:, None]
        values = exact.round().clamp(-127, 127)
        norm, error = ((vectors.norm(dim=1) * scale) @ membership for vectors in (exact, exact - values))
        # every product and sum rounds by at most 2^-24 of the terms' absolute sum; times four: both sides, and these bounds
        slack = norm * (tokens.shape[1] + membership.sum(0)) * 2.0**-22
        filled = (0, -len(tokens) % _COLUMNS)
        values, membership = (pad(matrix, (0, 0, *filled)) for matrix in (values.to(torch.int8), membership))
        return cls(values, pad(scale, filled), membership, norm, error, slack)

    def scan(self, blocks: Sequence[Int8Block]) -> tuple[Tensor, Tensor]:
        """MaxSim scores `(documents, queries)` from the integers, and how far off they can be from float32 ones.

        With q = q' + e and d = d' + f, `<q, d> - <q', d'> = <q, f> + <e, d'>`: at most `|q| |f| + |e| |d'|` for every pair of
        tokens, hence for the maximum over a document's tokens; summed over the query's tokens.
        """
        portions = [self._scan(blocks[i : i + _BLOCKS_AT_A_TIME]) for i in range(0, len(blocks), _BLOCKS_AT_A_TIME)]
        scores, bounds = map(torch.cat, zip(*portions, strict=True))
        return scores, bounds

    def _scan(self, blocks: Sequence[Int8Block]) -> tuple[Tensor, Tensor]:
        per_token = blocks[0].scale.dim() == 2
        documents = [len(block.values) for block in blocks]
        # maxima of integers: what has one scale is scaled once they are found
        maxima = torch.empty(sum(documents), len(self.values), dtype=torch.float32 if per_token else torch.int32)
        for block, places in zip(blocks, maxima.split(documents), strict=True):
            step = documents_per_product(block.values, len(self.values))
            for first in range(0, len(places), step):
                part = slice(first, first + step)
                values = block.values[part]
                product = torch._int_mm(values.flatten(0, 1), self.values.T)
                if per_token:
                    product = product.float().mul_(block.scale[part].reshape(-1, 1))
                torch.amax(product.view(*values.shape[:2], len(self.values)), 1, out=places[part])
        scores = (maxima * self.scale) @ self.membership
        if not per_token:
            scores *= torch.cat([block.scale for block in blocks])[:, None]
        error, norm = (torch.cat([getattr(block, name) for block in blocks])[:, None] for name in ("error", "norm"))
        bound = error * self.norm + norm * self.error
        return finite(scores, bound + (norm + error) * self.slack)


def documents_per_product(documents: Tensor, columns: int) -> int:
    """Of documents `(n, length, d)`, how many to multiply with so many query tokens at a time."""
    return max(1, _LARGEST_PRODUCT // max(1, documents.shape[1] * columns))


def finite(scores: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    """The same; where a score overflowed, nothing is known of it: 0, off by infinity at most."""
    known = scores.isfinite() & bounds.isfinite()
    return scores.where(known, torch.zeros_like(scores)), bounds.where(known, torch.full_like(scores, torch.inf))


def fits_int8(dim: int | None) -> bool:
    """Whether vectors of this width can be scanned as integers."""
    return dim is not None and _LEAST_DIM <= dim <= _LARGEST_DIM
