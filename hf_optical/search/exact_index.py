"""Exact MaxSim search over token embeddings held in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers.utils import logging as hf_logging

from ..models import OpticalPreTrainedModel
from .document import Document
from .document_encoder import document_space
from .int8_scan import Int8Block, Int8Queries, documents_per_product, fits_int8, int8_is_faster
from .model_check import check_model
from .scoring import best, check_positive, checked_embeddings, maxsim_scores, membership

# Token vectors in one block; a product with many query tokens takes a part of it (`documents_per_product`).
_TOKENS_PER_BLOCK = 8192
# Documents wait until they have this many tokens before they are sorted by length into blocks: all that is held twice.
_TOKENS_WAITING = 32 * _TOKENS_PER_BLOCK
# From so many documents on it is worth finding candidates with integers first.
_DOCUMENTS_FOR_INT8 = 512
# Documents encoded at a time when an index is built.
_DOCUMENTS_PER_CHUNK = 1024


class ExactIndex:
    """Documents, encoded once by the teacher, or a student of documents in its language; any of its students searches them.

    Held as float32 on the CPU, 512 bytes for a token of 128 dimensions; `build` needs hardly more than that. Where the processor
    multiplies 8-bit integers fast, a copy in int8 (128 bytes a token) finds the documents that can be among the k best, and only
    these are scored in float32: the results are those of scoring every document (`Int8Queries.scan` has the bound).

    Args:
        ids: document ids.
        embeddings: `(tokens, d)` of each document, as `encode_document` returns them. Read once and copied: an iterator's
            documents are let go as they come.
        teacher_fingerprint: of the teacher in whose space they are encoded.
        texts: the documents, for showing; optional.
        teacher_name: of the teacher, for messages; optional.

    Raises:
        ValueError: numbers of ids, documents and texts differ, an id occurs twice, or embeddings are not finite `(tokens, d)`
            with the same d.

    Example:
        >>> index = ExactIndex(["a", "b"], [torch.eye(3)[:1], torch.eye(3)], "fingerprint")
        >>> index.search([torch.eye(3)[1:]], k=2)
        [[('b', 2.0), ('a', 0.0)]]
    """

    def __init__(
        self,
        ids: Sequence[str],
        embeddings: Iterable[Tensor],
        teacher_fingerprint: str,
        texts: Sequence[str] | None = None,
        *,
        teacher_name: str = "",
    ) -> None:
        self.ids = list(ids)
        if len(set(self.ids)) != len(self.ids):
            twice = next(i for i, count in Counter(self.ids).items() if count > 1)
            raise ValueError(f"document ids must be unique, but {twice!r} occurs twice.")
        if texts is not None and len(texts) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids, but {len(texts)} texts.")
        self.texts = dict(zip(self.ids, texts, strict=True)) if texts is not None else {}
        self.teacher_fingerprint = teacher_fingerprint
        self.teacher_name = teacher_name
        self._dim: int | None = None
        self._blocks: list[tuple[Tensor, Tensor]] = []  # positions of the documents, (documents, length, d)
        self._int8: list[Int8Block] = []  # of every block, once a search wants them
        self._positions: dict[str, int] | None = None  # by id, once they are asked for
        self._places: dict[int, Tensor] = {}  # position: (length, d), a view of its block
        documents, waiting, tokens = 0, [], 0
        for document in embeddings:
            document = self._checked(document, f"document {documents}")
            if len(document):  # a document without a scored token cannot be found
                waiting.append((documents, document))
                tokens += len(document)
            documents += 1
            if tokens >= _TOKENS_WAITING:
                self._add(waiting)
                waiting, tokens = [], 0
        self._add(waiting)
        if documents != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids, but {documents} documents.")

    @classmethod
    def build(
        cls,
        encoder: OpticalPreTrainedModel,
        ids: Sequence[str],
        texts: Sequence[str],
        *,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
    ) -> ExactIndex:
        """Encode documents with the teacher, or a student distilled to; with a progress bar above 1,000 or if it is asked for."""
        show = len(texts) > 1000 if show_progress_bar is None else show_progress_bar

        def embeddings() -> Iterator[Tensor]:
            with hf_logging.tqdm(total=len(texts), desc="encoding documents", unit="text", disable=not show) as progress:
                for start in range(0, len(texts), _DOCUMENTS_PER_CHUNK):
                    chunk = texts[start : start + _DOCUMENTS_PER_CHUNK]
                    yield from encoder.encode_document(chunk, batch_size=batch_size, show_progress_bar=False)
                    progress.update(len(chunk))

        fingerprint, name = document_space(encoder)
        return cls(ids, embeddings(), fingerprint, texts, teacher_name=name)

    def __len__(self) -> int:
        return len(self.ids)

    def document(self, id: str) -> Document:
        """Text and embeddings of a document. Raises KeyError if it is not there."""
        if self._positions is None:
            self._positions = {own: position for position, own in enumerate(self.ids)}
        embeddings = self._places.get(self._positions[id], torch.empty(0, self._dim or 0))
        return Document(id, self.texts.get(id, ""), {}, embeddings, [])

    def documents(self, ids: Sequence[str]) -> list[Document]:
        """Several documents, in the order of `ids`. Raises KeyError if one is not there."""
        return [self.document(i) for i in ids]

    def stored_texts(self) -> Iterator[str]:
        """Texts in the order of `ids`. Raises ValueError if the index was made without them."""
        if len(self.texts) != len(self.ids):
            raise ValueError("this index was made without the texts of its documents: give ExactIndex its `texts`.")
        return iter(self.texts.values())

    def check_model(self, model: OpticalPreTrainedModel) -> None:
        """Raise TeacherMismatchError (ValueError) unless this model's queries belong to the documents of this index."""
        check_model(model, self.teacher_fingerprint, self.teacher_name)

    @torch.no_grad()
    def search(
        self, queries: Sequence[Tensor], k: int = 10, *, show_progress_bar: bool = False, batch_size: int = 24
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query.

        Args:
            queries: `(tokens, d)` of each query, as `encode_query` returns them.
            k: number of documents.
            batch_size: queries scored at a time. With 32 tokens each, 24 queries are a tenth faster than 32: rows of 4,096 bytes
                fall on the same lines of the processor's cache.

        Returns:
            For each query `(id, score)`, best first; equal scores in the order of the documents. A query without a scored token
            finds nothing.

        Raises:
            ValueError: k or batch_size is less than 1; a query is not finite `(tokens, d)` with the d of the documents.
        """
        check_positive(k=k, batch_size=batch_size)
        results: list[list[tuple[str, float]]] = []
        with tqdm(total=len(queries), desc="searching", unit="query", disable=not show_progress_bar) as progress:
            for start in range(0, len(queries), batch_size):
                batch = [self._checked(query, f"query {i}") for i, query in enumerate(queries[start : start + batch_size], start)]
                scores = self._scores_of_candidates(batch, k) if self._prefers_int8(k) else self.scores(batch)
                results += [self._best(row, k) if len(q) else [] for row, q in zip(scores, batch, strict=True)]
                progress.update(len(batch))
        return results

    @torch.no_grad()
    def scores(self, queries: Sequence[Tensor]) -> Tensor:
        """`(Q, N)` MaxSim scores in the order of `ids`; -inf for documents without a scored token."""
        result = torch.full((len(queries), len(self.ids)), -torch.inf)
        queries = [self._checked(query, f"query {i}") for i, query in enumerate(queries)]
        if not queries:
            return result
        tokens, lengths = torch.cat(queries), [len(query) for query in queries]
        for positions, block in self._blocks:
            products = (
                (part.flatten(0, 1) @ tokens.T).view(*part.shape[:2], len(tokens)).amax(1)
                for part in block.split(documents_per_product(block, len(tokens)))
            )
            maxima = torch.cat(list(products))  # (documents, query tokens)
            # a query's sum by itself, so that it does not depend on what else is in the batch
            result[:, positions] = torch.stack([part.sum(1) for part in maxima.split(lengths, dim=1)])
        return result

    def _prefers_int8(self, k: int) -> bool:
        return len(self._places) >= max(_DOCUMENTS_FOR_INT8, 4 * k) and fits_int8(self._dim) and int8_is_faster()

    def _scores_of_candidates(self, queries: Sequence[Tensor], k: int) -> Tensor:
        """`scores`, with -inf for documents that cannot be among the k best."""
        if not self._int8:
            self._int8 = [Int8Block.quantise(block) for _, block in self._blocks]
        # the greatest and the least score that a document can have
        most, least = torch.full((2, len(queries), len(self.ids)), -torch.inf)
        scan = Int8Queries.quantise(torch.cat(queries), membership(queries))
        scores, bounds = scan.scan(self._int8)
        positions = torch.cat([places for places, _ in self._blocks])
        most[:, positions], least[:, positions] = (scores + bounds).T, (scores - bounds).T
        result = torch.full_like(most, -torch.inf)
        for query, row, reached in zip(queries, result, most >= least.topk(k).values[:, -1:], strict=True):
            candidates = reached.nonzero().squeeze(1)
            if len(query) and len(candidates) > len(self._places) // 4:
                row[:] = self.scores([query])[0]
            elif len(query):
                row[candidates] = maxsim_scores(query, [self._places[position] for position in candidates.tolist()])
        return result

    def _add(self, waiting: list[tuple[int, Tensor]]) -> None:
        """Put documents into blocks of like length. Padding repeats a document's own first token: it changes no maximum."""
        waiting = sorted(waiting, key=lambda entry: len(entry[1]))
        while waiting:
            size = 1
            while size < len(waiting) and (size + 1) * len(waiting[size][1]) <= _TOKENS_PER_BLOCK:
                size += 1
            chosen, waiting = waiting[:size], waiting[size:]
            block = torch.empty(size, len(chosen[-1][1]), chosen[0][1].shape[1])
            for row, (_, document) in zip(block, chosen, strict=True):
                row[: len(document)] = document
                row[len(document) :] = document[0]
            self._blocks.append((torch.tensor([position for position, _ in chosen]), block))
            self._places.update((position, row[: len(own)]) for (position, own), row in zip(chosen, block, strict=True))

    def _checked(self, embeddings: Tensor, name: str) -> Tensor:
        embeddings = checked_embeddings(embeddings, self._dim, name)
        self._dim = embeddings.shape[1]
        return embeddings

    def _best(self, scores: Tensor, k: int) -> list[tuple[str, float]]:
        values, positions = best(scores, k)
        return [(self.ids[i], value) for i, value in zip(positions.tolist(), values.tolist(), strict=True)]
