"""Examples -> padded batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..models import OpticalProcessor
    from .embedding_cache import EmbeddingCache


@dataclass
class BitextCollator:
    """Batches of sentence pairs: `{"student": model input, "teacher": model input, or "teacher_embeddings" from the cache}`.

    Args:
        student, teacher: processors that pad.
        expand: fill up with `[MASK]` to the query length, as in the paper.
        cache: where the teacher's embeddings are read from; None: the teacher runs in every step.
    """

    student: OpticalProcessor
    teacher: OpticalProcessor
    expand: bool
    cache: EmbeddingCache | None = None

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Tensor]]:
        batch = {
            "student": self.student.pad_queries([e["student_ids"] for e in examples], expand=self.expand),
            "teacher": self.teacher.pad_queries([e["teacher_ids"] for e in examples], expand=self.expand),
        }
        if self.cache is not None:
            batch["teacher"]["embeddings"] = pad_embeddings([self.cache[e["row"]] for e in examples])
        return batch


@dataclass
class RetrievalCollator:
    """Batches of English (query, positive, negatives): `{"query": input, "document": input, "scores": (B, 1 + k) or absent}`.

    Documents are laid out by query: positive, then its k negatives; k is the same for all queries of a batch, at most the
    number of negatives that each of them has.

    Args:
        processor: the teacher's.
        negatives: the most negatives used with a query.
    """

    processor: OpticalProcessor
    negatives: int

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        k = min(self.negatives, min(len(e["negatives"]) for e in examples))
        texts = [text for e in examples for text in (e["positive"], *e["negatives"][:k])]
        batch: dict[str, Any] = {
            "query": self.processor.queries([e["query"] for e in examples]),
            "document": self.processor.documents(texts),
        }
        if examples[0].get("scores") is not None:
            batch["scores"] = torch.tensor([e["scores"][: k + 1] for e in examples], dtype=torch.float32)
        return batch


def pad_embeddings(embeddings: Sequence[Tensor]) -> Tensor:
    """`(tokens, d)` each -> `(B, longest, d)` float32, zero where padded."""
    return torch.nn.utils.rnn.pad_sequence([e.float() for e in embeddings], batch_first=True)
