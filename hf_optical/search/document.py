"""A document of an index, with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .token_spans import Span


@dataclass(frozen=True)
class Document:
    """Attributes: `embeddings` `(tokens, d)` float32; `spans` (start, end) in `text` of each token, none if they are not known."""

    id: str
    text: str
    metadata: dict[str, Any]
    embeddings: Tensor
    spans: Sequence[Span]
