"""The embedded index: token embeddings on disk, mapped into memory, searched exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..models import OpticalPreTrainedModel
from .candidates import Candidates
from .document import Document
from .document_encoder import document_space
from .index_error import IndexFormatError
from .index_writer import IndexWriter
from .manifest import DTYPES, Manifest
from .metadata_filter import Filter
from .model_check import check_model
from .processes import shared_build
from .rows import Rows
from .scoring import best, check_positive, checked_embeddings, maxsim_scores
from .segment_scan import SegmentScan
from .stored_segments import damages, deleted_positions, hidden_places, open_segments

# Documents scored again at a time: more than there are candidates, unless k is large.
_DOCUMENTS_PER_SCORING = 2048
_ATTEMPTS = 20


class DiskIndex:
    """Documents in a folder, encoded once by the teacher; any of its students searches them.

    They are English, and those in other languages, which students encode that were distilled to, may be among them.

    A search finds what scoring every stored document in float32 finds, in the same order. It sees the index as it was when it was
    opened, whatever is added or deleted meanwhile; `reload` looks again. A collection may be larger than memory.

    Args:
        folder: made by `build`.
        device: where documents are scanned.
        cache_bytes: up to this size embeddings are kept prepared for scanning (int8 on the CPU), at least twice as fast as mapped.

    Raises:
        IndexFormatError: (ValueError) nothing there, a newer format, a missing or cut file. `verify` finds changed bytes.

    Example:
        >>> index = DiskIndex.build("passages", teacher, ids, texts)  # doctest: +SKIP
        >>> index = DiskIndex.open("passages")  # doctest: +SKIP
        >>> index.search(student.encode_query(["mahindi huhifadhiwaje?"]), k=3, filter={"country": "KE"})  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, *, device: str | torch.device = "cpu", cache_bytes: int = 2**31) -> None:
        self.folder = Path(folder)
        self._device, self._cache_bytes = torch.device(device), cache_bytes
        self.reload()

    @classmethod
    def open(cls, folder: str | Path, **options: Any) -> DiskIndex:
        """The index in the folder; options as for the class."""
        return cls(folder, **options)

    @classmethod
    def build(
        cls,
        folder: str | Path,
        encoder: OpticalPreTrainedModel,
        ids: Sequence[str],
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        *,
        dtype: str = "float16",
        pool_factor: int = 1,
        batch_size: int = 32,
        overwrite: bool = False,
        show_progress_bar: bool = True,
    ) -> DiskIndex:
        """Encode documents and write them; under `accelerate launch` the processes share the work.

        Killed, it leaves an index that was there untouched; called again with the same documents, it goes on where it stopped.
        Of a whole index it reads every file, and encodes again what is damaged.

        Args:
            folder: to write to.
            encoder: encodes, on its device: the teacher, or a student of documents in its language.
            ids, texts, metadata: of the documents; metadata is JSON, for filters.
            dtype: `float16`, or `int8` with a scale for each token: half the size.
            pool_factor: so many tokens of a document become about one (`pool_tokens`).
            overwrite: replace an index of other documents.

        Raises:
            ValueError: numbers differ, an id is there twice, dtype or pool_factor is unknown, a student encodes queries.
            IndexFormatError: another index is there.
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}.")
        if pool_factor < 1:
            raise ValueError(f"pool_factor must be at least 1, got {pool_factor}.")
        plan = Manifest(*document_space(encoder), encoder.config.embedding_dim, dtype, pool_factor)
        rows = Rows(ids, texts, metadata)
        with torch.no_grad():
            IndexWriter(folder, **shared_build()).build(
                plan, encoder, rows, batch_size=batch_size, overwrite=overwrite, show=show_progress_bar
            )
        return cls(folder)

    def add(
        self,
        encoder: OpticalPreTrainedModel,
        ids: Sequence[str],
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        *,
        batch_size: int = 32,
        show_progress_bar: bool = True,
    ) -> None:
        """Encode documents and add them, all or none.

        Args:
            encoder: the teacher of the documents that are there, or a student of it, for documents in its language.

        Raises:
            ValueError: an id is there already, the teacher is another, the student encodes queries.
        """
        with torch.no_grad():
            IndexWriter(self.folder, **shared_build()).add(
                encoder, Rows(ids, texts, metadata), batch_size=batch_size, show=show_progress_bar
            )
        self.reload()

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out of every later search, all or none; `compact` frees their room. Raises ValueError for unknown ids."""
        IndexWriter(self.folder).delete(ids)
        self.reload()

    def compact(self) -> None:
        """Free the room of deleted documents, and join what was added in small portions.

        Raises:
            IndexFormatError: a file that would be copied is damaged; then nothing is changed.
        """
        IndexWriter(self.folder).compact()
        self.reload()

    def reload(self) -> None:
        """Look at the folder again."""
        manifest = Manifest.read(self.folder)
        for _ in range(_ATTEMPTS):
            try:
                segments, deleted = open_segments(self.folder, manifest), deleted_positions(self.folder, manifest)
                break
            except IndexFormatError:  # a writer may have come between manifest and files
                before, manifest = manifest, Manifest.read(self.folder)
                if manifest == before:
                    raise
        else:
            raise IndexFormatError(f"{self.folder} changed {_ATTEMPTS} times while it was opened: try again.")
        self.manifest, self._segments, self._deleted = manifest, segments, deleted
        self._starts = np.cumsum([0, *map(len, segments)])
        self._scan = SegmentScan(segments, self._device, self._cache_bytes)
        for name in ("ids", "_positions"):
            self.__dict__.pop(name, None)

    def __len__(self) -> int:
        return int(self._starts[-1]) - len(self._deleted)

    @property
    def teacher_fingerprint(self) -> str:
        return self.manifest.teacher_fingerprint

    @property
    def teacher_name(self) -> str:
        return self.manifest.teacher_name

    @cached_property
    def ids(self) -> list[str]:
        """Of the documents, in their order, without the deleted ones."""
        return list(self._positions)

    @cached_property
    def _positions(self) -> dict[str, int]:
        gone = set(self._deleted.tolist())
        ids = (i for segment in self._segments for i in segment.ids)
        return {i: position for position, i in enumerate(ids) if position not in gone}

    def document(self, id: str) -> Document:
        """Text, metadata, embeddings and spans of a document. Raises KeyError if it is not there."""
        segment, place = self._place(self._positions[id])
        return Document(id, segment.text(place), segment.metadata[place], segment.embeddings(place), segment.spans(place))

    def documents(self, ids: Sequence[str]) -> list[Document]:
        """Several documents, in the order of `ids`. Raises KeyError if one is not there."""
        return [self.document(i) for i in ids]

    def stored_texts(self) -> Iterator[str]:
        """Texts in the order of `ids`; no embedding is read."""
        return (segment.text(place) for segment, place in map(self._place, self._positions.values()))

    def ids_where(self, filter: Filter) -> list[str]:
        """Ids of the documents that a search with this filter can find."""
        places = zip(self._segments, hidden_places(self._segments, self._deleted, filter), strict=True)
        return [i for segment, hidden in places for i in np.delete(np.array(segment.ids, dtype=object), hidden)]

    def check_model(self, model: OpticalPreTrainedModel) -> None:
        """Raise TeacherMismatchError (ValueError) unless this model's queries belong to the documents of this index."""
        check_model(model, self.teacher_fingerprint, self.teacher_name)

    def verify(self) -> list[str]:
        """Read every file: one line for each that is damaged or missing, none if the index is whole."""
        return list(damages(self.folder, self.manifest))

    @torch.no_grad()
    def search(
        self,
        queries: Sequence[Tensor],
        k: int = 10,
        *,
        filter: Filter | None = None,
        show_progress_bar: bool = False,
        batch_size: int = 24,
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query, as `ExactIndex.search`.

        Args:
            filter: only documents whose metadata has these values (a list: any of them), or for which the function is true.

        Raises:
            ValueError: k or batch_size is less than 1; a query is not finite `(tokens, d)` with the d of the documents.
        """
        check_positive(k=k, batch_size=batch_size)
        hidden = list(hidden_places(self._segments, self._deleted, filter))
        results: list[list[tuple[str, float]]] = []
        with tqdm(total=len(queries), desc="searching", unit="query", disable=not show_progress_bar) as progress:
            for start in range(0, len(queries), batch_size):
                batch = queries[start : start + batch_size]
                batch = [checked_embeddings(query, self.manifest.dim, f"query {i}") for i, query in enumerate(batch, start)]
                candidates = Candidates(len(batch), k)
                for first, scores, bounds in self._scan(batch, hidden):
                    candidates.add(first, scores, bounds)
                results += [self._best(q, found, k) for q, found in zip(batch, candidates.positions, strict=True)]
                progress.update(len(batch))
        return results

    def _best(self, query: Tensor, positions: Tensor, k: int) -> list[tuple[str, float]]:
        """The candidates in their order by the float32 scores of what is stored."""
        if not len(query) or not len(positions):
            return []
        scores = []
        for part in positions.split(_DOCUMENTS_PER_SCORING):
            documents = [segment.embeddings(place) for segment, place in map(self._place, part.tolist())]
            scores.append(maxsim_scores(query, documents))
        values, order = best(torch.cat(scores), k)
        found = (self._place(position) for position in positions[order].tolist())
        return [(segment.ids[place], value) for (segment, place), value in zip(found, values.tolist(), strict=True)]

    def _place(self, position: int) -> tuple[Any, int]:
        number = int(np.searchsorted(self._starts, position, side="right")) - 1
        return self._segments[number], position - int(self._starts[number])
