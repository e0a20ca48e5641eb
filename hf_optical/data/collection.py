"""A retrieval collection: a corpus, queries, and judgements of which document answers which query."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from .errors import DataError, did_you_mean, shown
from .fields import check_characters, identifier, plain_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetrievalCollection:
    """Documents, the judged queries of one split, and their judgements.

    Attributes:
        name: Name of the collection, such as "sw-en".
        split: Name of the split.
        corpus_ids: Document ids, in the order of the corpus.
        corpus_texts: Title and text of the documents, joined by a space.
        query_ids: Ids of the queries judged in this split, in the order of the query file.
        query_texts: Their texts.
        english: Query id to human English version, for queries that have one.
        qrels: Query id to document id to relevance (0 is judged, not relevant).
        queries_unjudged: Number of queries left out since this split does not judge them.
        judgements_repeated: Number of lines that repeat a judgement with the same score, and were counted once.
    """

    name: str
    split: str
    corpus_ids: list[str]
    corpus_texts: list[str]
    query_ids: list[str]
    query_texts: list[str]
    english: dict[str, str]
    qrels: dict[str, dict[str, int]]
    queries_unjudged: int = 0
    judgements_repeated: int = 0

    @property
    def corpus(self) -> dict[str, str]:
        """Document id to text."""
        return dict(zip(self.corpus_ids, self.corpus_texts, strict=True))

    @property
    def queries(self) -> dict[str, str]:
        """Query id to text."""
        return dict(zip(self.query_ids, self.query_texts, strict=True))


@dataclass
class CollectionBuilder:
    """Puts a collection together, record by record, and refuses what does not fit, naming the place.

    `metadata`, if it is a dictionary, takes the title and the `metadata` object of every document.
    """

    documents: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] | None = None
    texts: dict[str, str] = field(default_factory=dict)
    english: dict[str, str] = field(default_factory=dict)
    qrels: dict[str, dict[str, int]] = field(default_factory=dict)
    repeated: int = 0

    def add_document(self, record: Mapping[str, object], path: str | PathLike[str], line: int) -> None:
        """Take a document `{"_id", "title", "text"}`; the title may be missing."""
        key = identifier(record, ("_id", "id", "corpus-id"), path, line)
        if key in self.documents:
            raise DataError(f"document {shown(key)} is there twice", path=path, line=line, column="_id", fix="keep one")
        title = plain_text(record, "title", path, line, required=False)
        self.documents[key] = f"{title} {plain_text(record, 'text', path, line)}".strip()
        if self.metadata is not None:
            self.metadata[key] = ({"title": title.strip()} if title.strip() else {}) | _metadata(record, path, line)

    def add_query(self, record: Mapping[str, object], path: str | PathLike[str], line: int) -> None:
        """Take a query `{"_id", "text"}`, with its English version in `english` if there is one."""
        key = identifier(record, ("_id", "id", "query-id"), path, line)
        if key in self.texts:
            raise DataError(f"query {shown(key)} is there twice", path=path, line=line, column="_id", fix="keep one")
        self.texts[key] = plain_text(record, "text", path, line)
        if not self.texts[key].strip():
            raise DataError(f"query {shown(key)} is empty", path=path, line=line, column="text", fix="write or remove it")
        if english := plain_text(record, "english", path, line, required=False):
            self.english[key] = english

    def add_judgement(self, query: str, document: str, score: object, path: str | PathLike[str], line: int) -> None:
        """Take a judgement; queries and documents have to be known by then."""
        for key, known, kind in ((query, self.texts, "query"), (document, self.documents, "document")):
            if key not in known:
                hint = did_you_mean(key, known) if len(known) <= 10_000 else ""
                fix = hint or f"check that the {kind} ids are those of this collection"
                raise DataError(f"unknown {kind} {shown(key)}", path=path, line=line, fix=fix)
        try:
            relevance = int(score) if isinstance(score, int | str) else int(f"{score:g}")
        except (ValueError, TypeError):
            relevance = -1
        if relevance < 0 or isinstance(score, bool):
            problem = f"score {shown(str(score))} is not a whole number of 0 or more"
            raise DataError(problem, path=path, line=line, column="score", fix="write 1 for relevant, 0 for not")
        judged = self.qrels.setdefault(query, {})
        if judged.get(document, relevance) != relevance:
            problem = f"query {shown(query)} and document {shown(document)} are judged {judged[document]} and {relevance}"
            raise DataError(problem, path=path, line=line, fix="keep one of the two")
        self.repeated += document in judged
        judged[document] = relevance

    def finish(self, name: str, split: str, place: str | PathLike[str]) -> RetrievalCollection:
        """The collection of the judged queries."""
        if not self.qrels:
            raise DataError(f"no judgement in split {split!r}", path=place, fix="check split= and the qrels file")
        judged = [key for key in self.texts if key in self.qrels]
        unjudged = len(self.texts) - len(judged)
        if unjudged:
            logger.info("%s: %d of %d queries are not judged in split %r", name, unjudged, len(self.texts), split)
        return RetrievalCollection(
            name=name,
            split=split,
            corpus_ids=list(self.documents),
            corpus_texts=list(self.documents.values()),
            query_ids=judged,
            query_texts=[self.texts[key] for key in judged],
            english={key: self.english[key] for key in judged if key in self.english},
            qrels={key: self.qrels[key] for key in judged},
            queries_unjudged=unjudged,
            judgements_repeated=self.repeated,
        )


def _metadata(record: Mapping[str, object], path: str | PathLike[str], line: int) -> dict[str, Any]:
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        problem = f"a {type(metadata).__name__}, not an object"
        raise DataError(problem, path=path, line=line, column="metadata", fix='write {"year": 1999}')
    check_characters(json.dumps(metadata, ensure_ascii=False), "metadata", path, line)
    return metadata
