"""Our retrievers as mteb's search models: given the documents, then the queries, they rank."""

from __future__ import annotations

import heapq
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models import OpticalPreTrainedModel, OpticalStudentModel, OpticalTeacherModel
    from ..search import ExactIndex

logger = logging.getLogger(__name__)

# Documents of one index, about 1 GB of passages. A larger corpus is encoded and searched piece by piece.
DOCUMENTS_PER_INDEX = 20_000

Ranking = list[tuple[str, float]]


class MtebMissingError(ImportError, ValueError):
    """mteb, an optional dependency, is not installed."""


def import_mteb() -> ModuleType:
    """The module. Raises MtebMissingError, which says how to install it."""
    try:
        import mteb
    except ImportError as error:
        raise MtebMissingError(f"mteb's tasks need mteb ({error}): pip install 'hf_optical[mteb]'") from error
    return mteb


def subset_languages(metadata: Any, subset: str) -> tuple[str, str]:
    """ISO 639-3 codes of the documents and of the queries of a subset, from a task's metadata.

    mteb notes two languages for a pair, without saying which is which. Documents first is the order of MLQARetrieval and
    BelebeleRetrieval.
    """
    tags = metadata.hf_subsets_to_langscripts[subset]
    return tags[0].split("-")[0], tags[-1].split("-")[0]


class MtebSearch(ABC):
    """`mteb.models.SearchProtocol`, for `mteb.evaluate`. A subclass ranks; this keeps the rankings.

    Args:
        name: for mteb's records.
        revision: of the model, likewise.

    Attributes:
        runs: (split, subset) -> query id -> ranked `(document id, score)`, of what mteb has run so far.
        fingerprint: of the weights that encode the queries, "" for a system without.
    """

    fingerprint = ""

    def __init__(self, name: str, revision: str = "none") -> None:
        word = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-") or "model"
        self.mteb_model_meta = import_mteb().models.ModelMeta.create_empty({"name": f"hf_optical/{word}", "revision": revision})
        self.runs: dict[tuple[str, str], dict[str, Ranking]] = {}
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._document_language = ""

    def index(self, corpus: Any, *, task_metadata: Any, hf_split: str, hf_subset: str, **_: Any) -> None:
        """Take the documents: columns `id`, `text` and perhaps `title`, joined by a space as everywhere here."""
        titles = corpus["title"] if "title" in corpus.column_names else [""] * len(corpus)
        self._ids = list(corpus["id"])
        self._texts = [f"{title or ''} {text}".strip() for title, text in zip(titles, corpus["text"], strict=True)]
        self._document_language = subset_languages(task_metadata, hf_subset)[0]

    def search(
        self,
        queries: Any,
        *,
        hf_split: str,
        hf_subset: str,
        top_k: int,
        encode_kwargs: Mapping[str, Any],
        top_ranked: Any = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """Query id -> document id -> score. Raises ValueError for a task that gives candidates to rerank."""
        if top_ranked is not None:
            raise ValueError("the task gives candidates to rerank: only tasks of retrieval are run here.")
        ranked = self.rank(list(queries["text"]), top_k, encode_kwargs.get("batch_size", 32))
        self.runs[hf_split, hf_subset] = run = dict(zip(queries["id"], ranked, strict=True))
        return {query: dict(ranking) for query, ranking in run.items()}

    @abstractmethod
    def rank(self, queries: list[str], k: int, batch_size: int) -> list[Ranking]:
        """The k best of the documents that `index` was given for every query, best first."""


class Bm25Search(MtebSearch):
    """BM25 on the queries as they are."""

    def __init__(self) -> None:
        super().__init__("bm25")

    def rank(self, queries: list[str], k: int, batch_size: int) -> list[Ranking]:
        from ..search import Bm25Index

        return Bm25Index(self._ids, self._texts).search(queries, k)


@dataclass
class SharedIndex:
    """The documents that were encoded last, for the next system that wants the same from the same encoder."""

    encoder: str = ""
    ids: list[str] | None = None
    texts: list[str] | None = None
    index: ExactIndex | None = None


class OpticalSearch(MtebSearch):
    """A student, or the teacher itself: `mteb.evaluate(OpticalSearch("mine", student, teacher), task)`.

    Queries are encoded by the model. Documents in English are encoded by the teacher; others by the student, if it was distilled
    to encode documents, else by the teacher too, which cannot read them: a warning says so.

    Args:
        name: for mteb's records.
        model: student or teacher.
        teacher: the student's.
        shared: given to several systems, saves encoding the same documents again.

    Raises:
        TeacherMismatchError (a ValueError): the student is not this teacher's.
        MtebMissingError: mteb is not installed.
    """

    def __init__(
        self,
        name: str,
        model: OpticalStudentModel | OpticalTeacherModel,
        teacher: OpticalTeacherModel,
        shared: SharedIndex | None = None,
    ) -> None:
        from ..models import OpticalStudentModel

        self.fingerprint = model.fingerprint()
        super().__init__(name, self.fingerprint)
        self.model, self.teacher = model, teacher
        self._shared = SharedIndex() if shared is None else shared
        self._own_documents = isinstance(model, OpticalStudentModel) and getattr(model.config, "side", "query") != "query"
        if isinstance(model, OpticalStudentModel):
            model.attach_teacher(teacher)

    def rank(self, queries: list[str], k: int, batch_size: int) -> list[Ranking]:
        encoded = self.model.encode_query(queries)
        best: list[Ranking] = [[] for _ in queries]
        for index in self._indexes(self._document_encoder(), batch_size):
            found = index.search(encoded, k)
            # the merge is stable: equal scores stay in the order of the documents, since earlier pieces come first
            merged = (heapq.merge(old, new, key=lambda hit: -hit[1]) for old, new in zip(best, found, strict=True))
            best = [list(islice(hits, k)) for hits in merged]
        return best

    def _document_encoder(self) -> OpticalPreTrainedModel:
        if self._document_language == "eng":
            return self.teacher
        if not self._own_documents:
            logger.warning(
                "%s: documents in language %r are encoded by the English teacher, which cannot read them: a student distilled "
                "with --side both encodes them itself",
                self.mteb_model_meta.name,
                self._document_language,
            )
        return self.model if self._own_documents else self.teacher

    def _indexes(self, encoder: OpticalPreTrainedModel, batch_size: int) -> Iterator[ExactIndex]:
        """The index of all documents, kept for the next system; of many documents, one index after the other."""
        from ..search import ExactIndex

        if len(self._ids) > DOCUMENTS_PER_INDEX:
            for start in range(0, len(self._ids), DOCUMENTS_PER_INDEX):
                piece = slice(start, start + DOCUMENTS_PER_INDEX)
                yield ExactIndex.build(encoder, self._ids[piece], self._texts[piece], batch_size=batch_size)
            return
        wanted, held = (encoder.fingerprint(), self._ids, self._texts), self._shared
        if held.index is None or (held.encoder, held.ids, held.texts) != wanted:
            held.index = ExactIndex.build(encoder, self._ids, self._texts, batch_size=batch_size)
            held.encoder, held.ids, held.texts = wanted
        yield held.index
