"""Score every document of the segments, block by block, each score with a bound of what it can be wrong by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .int8_scan import Int8Block, Int8Queries, finite, fits_int8, int8_is_faster
from .scoring import membership
from .segment import Segment

# As in exact_index; a GPU wants more work at a time.
_TOKENS_PER_BLOCK = 8192
_TOKENS_PER_GPU_BLOCK = 2**17
# Places of documents, and them: int8 blocks, or `(documents, length, d)` floats on the device.
Prepared = tuple[Tensor, list[Int8Block] | Tensor]


class SegmentScan:
    """Scans segments; blocks that were prepared are kept for the next search, up to `cache_bytes` of them."""

    def __init__(self, segments: Sequence[Segment], device: torch.device, cache_bytes: int) -> None:
        self._segments, self._device, self._room = segments, device, cache_bytes
        self._kept: dict[int, list[Prepared]] = {}

    def __call__(self, queries: Sequence[Tensor], hidden: Sequence[np.ndarray]) -> Iterator[tuple[int, Tensor, Tensor]]:
        """For each segment its first position, `(Q, n)` scores, -inf for hidden and empty documents, and bounds."""
        tokens = torch.cat(list(queries)) if queries else torch.empty(0, 0)
        if not len(tokens):
            return
        sums = membership(queries)
        scan = Int8Queries.quantise(tokens, sums)
        on_device, sums = tokens.to(self._device), sums.to(self._device)
        start = 0
        for number, (segment, places) in enumerate(zip(self._segments, hidden, strict=True)):
            scores, bounds = torch.full((len(queries), len(segment)), -torch.inf), torch.zeros(len(queries), len(segment))
            for where, blocks in self._prepared(number, segment):
                if isinstance(blocks, Tensor):
                    similarity = blocks.flatten(0, 1).float() @ on_device.T
                    found = (similarity.view(*blocks.shape[:2], -1).amax(1) @ sums).cpu()
                    found, bound = finite(found, (scan.slack * segment.entry.max_norm).expand_as(found))
                else:
                    found, bound = scan.scan(blocks)
                scores[:, where], bounds[:, where] = found.T, bound.T
            scores[:, torch.from_numpy(places)] = -torch.inf
            yield start, scores, bounds
            start += len(segment)

    def _prepared(self, number: int, segment: Segment) -> Iterator[Prepared]:
        """Places of documents and their blocks, prepared for scanning."""
        if number in self._kept:
            yield from self._kept[number]
            return
        on_cpu, dim = self._device.type == "cpu", segment.values.shape[1]
        integers = on_cpu and fits_int8(dim) and int8_is_faster()
        size = segment.values.numel() * (1 if on_cpu else segment.values.element_size())
        keeps = size <= self._room and (integers or not on_cpu)
        blocks = segment.blocks(_TOKENS_PER_BLOCK if on_cpu else _TOKENS_PER_GPU_BLOCK)
        if keeps and integers:
            # quantised anew where they are int8 already: one scale for a document is scanned faster than one for a token
            kept = [(where, Int8Block.quantise(segment.restored(rows).view(-1, length, dim))) for where, rows, length in blocks]
            prepared = [(torch.cat([where for where, _ in kept]), [block for _, block in kept])] if kept else []
        elif integers and segment.scales is not None:
            prepared = ((where, [segment.int8_block(rows, length)]) for where, rows, length in blocks)
        else:
            stored = segment.restored if segment.scales is not None else segment.values.__getitem__
            prepared = ((where, stored(rows).to(self._device).view(-1, length, dim)) for where, rows, length in blocks)
        if keeps:
            self._kept[number] = prepared = list(prepared)
            self._room -= size
        yield from prepared
