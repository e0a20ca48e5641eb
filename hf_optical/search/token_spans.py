"""Where in its text each scored token stands, for highlighting."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ..models import OpticalProcessor

Span = tuple[int, int]
# Of a token that stands nowhere in the text: [CLS], a marker, an expansion [MASK].
NO_SPAN: Span = (0, 0)


def query_spans(processor: OpticalProcessor, texts: Sequence[str]) -> list[list[Span]]:
    """For each query the span (start, end) in characters of every embedding that `encode_query` returns."""
    config = processor.config
    length = config.query_length
    spans = [[span for _, span in row] for row in _tokens(processor, texts, processor.query_marker, length)]
    if config.do_query_expansion:
        spans = [row + [NO_SPAN] * (length - len(row)) for row in spans]
    return spans


def document_spans(processor: OpticalProcessor, texts: Sequence[str]) -> list[list[Span]]:
    """For each document the span (start, end) in characters of every embedding that `encode_document` returns."""
    skipped = set(processor.skiplist_ids)
    rows = _tokens(processor, texts, processor.document_marker, processor.config.document_length)
    return [[span for token, span in row if token not in skipped] for row in rows]


def _tokens(
    processor: OpticalProcessor, texts: Sequence[str], marker: int | str | None, max_length: int
) -> list[list[tuple[int, Span]]]:
    """Token ids as `OpticalProcessor.token_ids` makes them, with their spans."""
    ids = processor.token_ids(texts, marker, max_length)
    if not texts or not processor.tokenizer.is_fast:
        return [[(token, NO_SPAN) for token in row] for row in ids]
    prefix = marker if isinstance(marker, str) else ""
    encoded = processor.tokenizer(
        [prefix + text for text in texts],
        truncation=True,
        max_length=max_length - isinstance(marker, int),
        split_special_tokens=True,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    return [
        list(zip(row, _aligned(row, own, offsets, len(prefix), processor, marker), strict=True))
        for row, own, offsets in zip(ids, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    ]


def _aligned(
    row: list[int], own: list[int], offsets: list[Span], shift: int, processor: OpticalProcessor, marker: int | str | None
) -> list[Span]:
    """Spans of the ids that the processor assembled from the tokenizer's own: a marker comes in, special tokens are spelt out."""
    front, end = processor.front, len(own) - processor.back
    spelt = (
        [(start - shift, stop - shift) if start >= shift and stop > start else NO_SPAN] * len(processor.spelt.get(token, (token,)))
        for token, (start, stop) in zip(own[front:end], offsets[front:end], strict=True)
    )
    spans = [NO_SPAN] * (front + isinstance(marker, int)) + list(chain.from_iterable(spelt))
    spans = spans[: len(row) - processor.back]
    return spans + [NO_SPAN] * (len(row) - len(spans))
