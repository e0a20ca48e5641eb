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
    """Batches of sentence pairs: `{"student": model input, "teacher": model input, "documents": passages, if there are any}`.

    Rows are in the order of the examples, queries before documents where a batch holds both forms. The teacher's input has
    `embeddings` in place of what the teacher would compute where they come from a cache.

    Args:
        student, teacher: processors that pad.
        expand: fill queries up with `[MASK]` to the query length, as in the paper.
        caches: form -> where the teacher's embeddings of such examples are read from; None: the teacher runs in every step.
        passages: the teacher's embeddings of the passages that the examples' `documents` number.
    """

    student: OpticalProcessor
    teacher: OpticalProcessor
    expand: bool
    caches: Mapping[str, EmbeddingCache] | None = None
    passages: EmbeddingCache | None = None

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Tensor]]:
        queries = [e for e in examples if e.get("form") != "document"]
        documents = [e for e in examples if e.get("form") == "document"]
        batch = {}
        for side in ("student", "teacher"):
            processor: OpticalProcessor = getattr(self, side)
            parts = []
            if queries:
                parts.append(processor.pad_queries([e[f"{side}_ids"] for e in queries], expand=self.expand))
            if documents:
                parts.append(processor.pad_documents([e[f"{side}_ids"] for e in documents]))
            batch[side] = _stack(parts, processor.tokenizer.pad_token_id)
        if self.caches is not None:
            batch["teacher"] |= self._cached([*queries, *documents], batch["teacher"]["scoring_mask"])
        if self.passages is not None:
            batch |= self._documents(queries)
        return batch

    def _cached(self, examples: Sequence[Mapping[str, Any]], scoring_mask: Tensor) -> dict[str, Tensor]:
        """The teacher's embeddings, at the positions that are scored."""
        rows = [self.caches[e.get("form", "query")][e["row"]] for e in examples]
        embeddings = torch.zeros(*scoring_mask.shape, rows[0].shape[1])
        embeddings[scoring_mask.bool()] = torch.cat(rows).float()
        return {"embeddings": embeddings}

    def _documents(self, queries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Tensor]]:
        """`embeddings (R, k, L, d)`, `mask (R, k, L)` and `ids (R, k)` of the passages of the R `rows` that have some.

        k is the most that a row has; what others lack has no scored token and the id -1.
        """
        rows = [i for i, e in enumerate(queries) if e.get("documents")]
        if not rows:
            return {}
        k = max(len(queries[i]["documents"]) for i in rows)
        ids = torch.tensor([[*queries[i]["documents"], *[-1] * (k - len(queries[i]["documents"]))] for i in rows])
        present = ids.flatten() >= 0
        found = {row: self.passages[row] for row in set(ids.flatten()[present].tolist())}
        nothing = torch.zeros(1, next(iter(found.values())).shape[1])
        vectors = [v if len(v := found.get(row, nothing)) else nothing for row in ids.flatten().tolist()]
        embeddings = pad_embeddings(vectors)
        # a passage without a scored token keeps one, zero: similarity 0 to everything, not -inf
        lengths = torch.tensor([len(v) for v in vectors]) * present
        mask = torch.arange(embeddings.shape[1]) < lengths[:, None]
        shape = (len(rows), k)
        return {
            "documents": {
                "rows": torch.tensor(rows),
                "ids": ids,
                "embeddings": embeddings.view(*shape, *embeddings.shape[1:]),
                "mask": mask.view(*shape, -1),
            }
        }


@dataclass
class RetrievalCollator:
    """Batches of English (query, positive, negatives): `{"query": input, "document": input, "scores": (B, 1 + k) or absent}`.

    Documents are laid out by query: positive, then its negatives; k is the most that a query of the batch has. In the places of
    those that others lack is an empty text of which nothing is scored, and the score -inf.

    Args:
        processor: the teacher's.
        negatives: the most negatives used with a query.
        max_document_length: tokens of a document; default: as the processor has it.
    """

    processor: OpticalProcessor
    negatives: int
    max_document_length: int | None = None

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        chosen = [[e["positive"], *e["negatives"][: self.negatives]] for e in examples]
        places = max(map(len, chosen))
        lacking = torch.tensor([place >= len(texts) for texts in chosen for place in range(places)])
        texts = [text for own in chosen for text in (*own, *[""] * (places - len(own)))]
        batch: dict[str, Any] = {
            "query": self.processor.queries([e["query"] for e in examples]),
            "document": self.processor.documents(texts, max_length=self.max_document_length),
        }
        batch["document"]["scoring_mask"][lacking] = 0
        if examples[0].get("scores") is not None:
            known = [e["scores"][: len(own)] for e, own in zip(examples, chosen, strict=True)]
            scores = [[*own, *[-torch.inf] * (places - len(own))] for own in known]
            batch["scores"] = torch.tensor(scores, dtype=torch.float32)
        return batch


def pad_embeddings(embeddings: Sequence[Tensor]) -> Tensor:
    """`(tokens, d)` each -> `(B, longest, d)` float32, zero where padded."""
    return torch.nn.utils.rnn.pad_sequence([e.float() for e in embeddings], batch_first=True)


def _stack(parts: Sequence[dict[str, Tensor]], pad_token_id: int) -> dict[str, Tensor]:
    """Batches below one another, padded to the longest."""
    if len(parts) == 1:
        return parts[0]
    longest = max(part["input_ids"].shape[1] for part in parts)

    def widen(rows: Tensor, value: int) -> Tensor:
        return torch.nn.functional.pad(rows, (0, longest - rows.shape[1]), value=value)

    return {name: torch.cat([widen(part[name], pad_token_id * (name == "input_ids")) for part in parts]) for name in parts[0]}
