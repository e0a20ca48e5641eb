"""Exact MaxSim search over token embeddings held in memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..models import OpticalPreTrainedModel, OpticalStudentModel, OpticalTeacherModel

# Token vectors in one block: large enough for the matrix product to be efficient, small enough for its result to stay in cache.
_TOKENS_PER_BLOCK = 16384


class ExactIndex:
    """English documents, encoded once by the teacher; any of its students searches them.

    Args:
        ids: document ids.
        embeddings: `(tokens, d)` of each document, as `encode_document` returns them.
        teacher_fingerprint: of the teacher that encoded them.
        texts: the documents, for showing; optional.

    Raises:
        ValueError: lengths differ, or an id occurs twice.
    """

    def __init__(
        self, ids: Sequence[str], embeddings: Sequence[Tensor], teacher_fingerprint: str, texts: Sequence[str] | None = None
    ) -> None:
        if len(ids) != len(embeddings):
            raise ValueError(f"{len(ids)} ids, but {len(embeddings)} documents.")
        if len(set(ids)) != len(ids):
            raise ValueError("document ids must be unique.")
        self.ids = list(ids)
        self.texts = dict(zip(ids, texts, strict=True)) if texts is not None else {}
        self.teacher_fingerprint = teacher_fingerprint
        # A document without a scored token cannot be found. The others go into blocks of like length; padding repeats a
        # document's own first token, which changes no maximum, so that no mask is needed.
        order = sorted((i for i in range(len(ids)) if len(embeddings[i])), key=lambda i: len(embeddings[i]))
        self._positions = torch.tensor(order, dtype=torch.long)
        self._blocks: list[Tensor] = []
        block: list[Tensor] = []
        for i in order:
            if block and (len(block) + 1) * len(embeddings[i]) > _TOKENS_PER_BLOCK:
                self._blocks.append(_pad(block))
                block = []
            block.append(embeddings[i])
        if block:
            self._blocks.append(_pad(block))

    @classmethod
    def build(cls, teacher: OpticalTeacherModel, ids: Sequence[str], texts: Sequence[str], *, batch_size: int = 32) -> ExactIndex:
        """Encode documents with the teacher, with a progress bar."""
        return cls(ids, teacher.encode_document(texts, batch_size=batch_size), teacher.fingerprint(), texts)

    def __len__(self) -> int:
        return len(self.ids)

    def check_model(self, model: OpticalPreTrainedModel) -> None:
        """Raise TeacherMismatchError (ValueError) unless this model's queries belong to the documents of this index."""
        if isinstance(model, OpticalStudentModel):
            model.check_teacher(self.teacher_fingerprint)
        elif model.fingerprint() != self.teacher_fingerprint:
            raise ValueError(
                f"the documents are encoded by a teacher with fingerprint {self.teacher_fingerprint}, the queries by "
                f"{model.name_or_path} with {model.fingerprint()}: build the index with the same teacher."
            )

    @torch.inference_mode()
    def search(
        self, queries: Sequence[Tensor], k: int = 10, *, show_progress_bar: bool = False, batch_size: int = 32
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query.

        Args:
            queries: `(tokens, d)` of each query, as `encode_query` returns them.
            k: number of documents.
            batch_size: queries scored at a time.

        Returns:
            For each query `(id, score)`, best first; equal scores in the order of the documents. A query without a scored token
            finds nothing.

        Raises:
            ValueError: k is less than 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}.")
        results: list[list[tuple[str, float]]] = []
        with tqdm(total=len(queries), desc="searching", unit="query", disable=not show_progress_bar) as progress:
            for start in range(0, len(queries), batch_size):
                batch = queries[start : start + batch_size]
                results += [self._best(scores, k) if len(q) else [] for scores, q in zip(self.scores(batch), batch, strict=True)]
                progress.update(len(batch))
        return results

    def scores(self, queries: Sequence[Tensor]) -> Tensor:
        """`(Q, N)` MaxSim scores in the order of `ids`; -inf for documents without a scored token."""
        result = torch.full((len(queries), len(self.ids)), -torch.inf)
        if not self._blocks or not len(queries):
            return result
        lengths = [len(q) for q in queries]
        tokens = torch.cat(list(queries))
        column = 0
        for block in self._blocks:
            documents, length, dim = block.shape
            best = (block.view(-1, dim) @ tokens.T).view(documents, length, -1).amax(1)  # (documents, query tokens)
            per_query = torch.stack([part.sum(1) for part in best.split(lengths, dim=1)])
            result[:, self._positions[column : column + documents]] = per_query
            column += documents
        return result

    def _best(self, scores: Tensor, k: int) -> list[tuple[str, float]]:
        values, positions = scores.topk(min(k, int((scores > -torch.inf).sum())))
        found = sorted(zip(positions.tolist(), values.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))
        return [(self.ids[position], value) for position, value in found]


def _pad(documents: Sequence[Tensor]) -> Tensor:
    longest = max(map(len, documents))
    block = torch.empty(len(documents), longest, documents[0].shape[1])
    for row, document in zip(block, documents, strict=True):
        row[: len(document)] = document
        row[len(document) :] = document[0]
    return block
