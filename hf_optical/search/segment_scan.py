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
_TOKENS_PER_BLOCK = 2048
_TOKENS_PER_GPU_BLOCK = 2**17


class SegmentScan:
    """Scans segments; blocks that had to be prepared are kept for the next search, up to `cache_bytes` of them."""

    def __init__(self, segments: Sequence[Segment], device: torch.device, cache_bytes: int) -> None:
        self._segments, self._device, self._room = segments, device, cache_bytes
        self._blocks: dict[int, list[tuple[Tensor, Int8Block | Tensor]]] = {}

    def __call__(self, queries: Sequence[Tensor], hidden: Sequence[np.ndarray]) -> Iterator[tuple[int, Tensor, Tensor]]:
        """For each segment its first position, `(Q, n)` scores, -inf for hidden and empty documents, and bounds."""
        tokens = torch.cat(list(queries)) if queries else torch.empty(0, 0)
        if not len(tokens):
            return
        scan = Int8Queries.quantise(tokens, membership(queries))
        on_device, sums = tokens.to(self._device), scan.membership.to(self._device)
        start = 0
        for number, (segment, places) in enumerate(zip(self._segments, hidden, strict=True)):
            scores, bounds = torch.full((len(queries), len(segment)), -torch.inf), torch.zeros(len(queries), len(segment))
            for where, block in self._prepared(number, segment):
                if isinstance(block, Int8Block):
                    found, bound = scan.scan(block)
                else:
                    similarity = block.flatten(0, 1).float() @ on_device.T
                    found = (similarity.view(*block.shape[:2], -1).amax(1) @ sums).cpu()
                    found, bound = finite(found, (scan.slack * segment.entry.max_norm).expand_as(found))
                scores[:, where], bounds[:, where] = found.T, bound.T
            scores[:, torch.from_numpy(places)] = -torch.inf
            yield start, scores, bounds
            start += len(segment)

    def _prepared(self, number: int, segment: Segment) -> Iterator[tuple[Tensor, Int8Block | Tensor]]:
        """Places of documents and their block: int8, or `(documents, length, d)` on the device."""
        if number in self._blocks:
            yield from self._blocks[number]
            return
        on_cpu = self._device.type == "cpu"
        dim = segment.values.shape[1]
        integers = on_cpu and fits_int8(dim) and int8_is_faster()
        size = segment.values.numel() * (1 if on_cpu else segment.values.element_size())
        # int8 on the CPU is scanned as it lies on the disk
        keeps = self._room >= size and (not on_cpu or (integers and segment.scales is None))
        kept = []
        for places, rows, length in segment.blocks(_TOKENS_PER_BLOCK if on_cpu else _TOKENS_PER_GPU_BLOCK):
            if integers and (keeps or segment.scales is not None):
                block = segment.int8_block(rows, length)
            elif segment.scales is None:
                block = segment.values[rows].to(self._device).view(-1, length, dim)
            else:
                block = segment.restored(rows).to(self._device).view(-1, length, dim)
            where = torch.from_numpy(places)
            if keeps:
                kept.append((where, block))
            yield where, block
        if keeps and number not in self._blocks:
            self._blocks[number] = kept
            self._room -= size
