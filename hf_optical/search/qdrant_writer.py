"""Put documents into a Qdrant collection: made if it is not there, and what is in it is not sent again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from tqdm.auto import tqdm

from ..models import OpticalPreTrainedModel, TeacherMismatchError
from .document import Document
from .index_error import IndexFormatError
from .qdrant_connection import QdrantConnection
from .qdrant_filter import field_path
from .qdrant_plan import encoder_of, own_collection
from .qdrant_points import digest, point_id, requests, send_all
from .qdrant_settings import CollectionSettings
from .rows import Rows
from .scoring import checked_embeddings
from .token_pooling import pool_tokens
from .token_spans import document_spans

logger = logging.getLogger(__name__)

IDS_PER_REQUEST = 1000
_DOCUMENTS_PER_CHUNK = 256  # encoded while the ones before are sent
_DEFAULT = vars(CollectionSettings())


class QdrantWriter:
    """Writes to the collection of a connection.

    Args:
        plan: of the collection, as its metadata holds it.
        process_index, num_processes: processes that share the encoding.
    """

    def __init__(
        self, connection: QdrantConnection, plan: Mapping[str, Any], process_index: int = 0, num_processes: int = 1
    ) -> None:
        self._connection, self._plan = connection, plan
        self._process, self._processes = process_index, num_processes

    @staticmethod
    def prepare(
        connection: QdrantConnection, plan: dict[str, Any], layout: CollectionSettings, rows: Rows, *, overwrite: bool
    ) -> None:
        """Make the collection, unless it is there; its payload indexes too, which a killed build may not have come to.

        Raises:
            IndexFormatError: the collection is not ours; it is left alone, to be overwritten or not.
        """
        if connection.call("collection_exists"):
            information = own_collection(connection)
            # local mode has no layout
            other = {} if connection.is_local else layout.differences(information)
            if overwrite and (other or not _begun(connection, information.config.metadata, plan, rows)):
                connection.call("delete_collection")
                connection.call("create_collection", metadata=plan, **layout.collection(plan["dim"]))
            elif asked := [name for name in other if name in _DEFAULT and getattr(layout, name) != _DEFAULT[name]]:
                kept = ", ".join(f"{name} {other[name]}, not {getattr(layout, name)}" for name in asked)
                logger.warning("%s is there and keeps its layout: %s. Only overwriting changes it.", connection, kept)
            if not _is_same(information.config.metadata, plan) and not overwrite:
                return  # it will be refused: leave it as it is
        else:
            connection.call("create_collection", metadata=plan, **layout.collection(plan["dim"]))
        if not connection.is_local:
            for name, kind in layout.payload_indexes.items():
                connection.call("create_payload_index", field_name=field_path(name), field_schema=kind, wait=True, retry=True)

    def check_plan(self, plan: Mapping[str, Any]) -> None:
        """Raise ValueError unless documents encoded by this plan belong to the collection."""
        there = self._plan
        if plan["teacher_fingerprint"] != there["teacher_fingerprint"]:
            raise TeacherMismatchError(
                f"the documents of {self._connection} are encoded by {there['teacher_name'] or 'a teacher'} (fingerprint "
                f"{there['teacher_fingerprint']}), not by {plan['teacher_name'] or 'this one'} (fingerprint "
                f"{plan['teacher_fingerprint']}): take the same teacher, or a student of it, or another collection."
            )
        if encoder_of(plan) != encoder_of(there):
            raise IndexFormatError(
                f"{self._connection} was built by another model (fingerprint {encoder_of(there)}, not {encoder_of(plan)}): add the "
                "documents to it, name another collection, or overwrite it."
            )
        for name in ("dim", "pool_factor"):
            if plan[name] != there[name]:
                raise IndexFormatError(
                    f"{self._connection} has {name} {there[name]}, not {plan[name]}: give it the same, or name another collection."
                )

    def check_rows(self, rows: Rows, encoder: str, *, alone: bool) -> None:
        """Raise ValueError if a document is there with other content, or, `alone`, if others are there.

        Args:
            encoder: fingerprint of the model that is to encode them.
        """
        there, student = self.digests(rows.ids), self._student(encoder)
        content = zip(rows.ids, rows.texts, rows.metadata, strict=True)
        changed = [i for i, text, metadata in content if i in there and there[i] != digest(text, metadata, student)]
        if changed:
            raise ValueError(
                f"{len(changed)} of {len(rows.ids)} documents are in {self._connection} with another text or other metadata, or "
                f"encoded by another model, the first is {changed[0]!r}: delete them first."
            )
        if alone and (others := int(self._connection.call("count", exact=True).count) - len(there)):
            raise IndexFormatError(
                f"{self._connection} holds {others:,} other documents already: name another collection, add to it, or overwrite it."
            )

    def upload(self, encoder: OpticalPreTrainedModel, rows: Rows, *, batch_size: int, parallel: int, show: bool) -> None:
        """Encode and send those of this process's share that are not there."""
        # shared by place, not by what is missing, which other processes change meanwhile
        share = range(self._process, len(rows.ids), self._processes)
        student = self._student(encoder.fingerprint())
        there = self.digests([rows.ids[place] for place in share])
        missing = [place for place in share if rows.ids[place] not in there]
        with tqdm(
            total=len(share), initial=len(there), desc="encoding and sending", unit="text", disable=not show or self._process > 0
        ) as progress:
            self.send(self._encoded(encoder, rows, missing, batch_size), parallel, progress.update, student)

    def send(self, documents: Iterable[Document], parallel: int, sent: Any = lambda number: None, student: str = "") -> None:
        """Send encoded documents, in place of those with their ids."""
        send_all(requests(self._checked(documents), student), self._upsert, 1 if self._connection.is_local else parallel, sent)

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out. Raises ValueError if one is not there; then none is."""
        from qdrant_client import models

        there = self.digests(ids)
        if unknown := sorted(set(ids) - there.keys()):
            raise ValueError(
                f"{len(unknown)} of {len(set(ids))} documents to delete are not in {self._connection}, such as {unknown[0]!r}: "
                "nothing was deleted."
            )
        for part in parts(list(there)):
            selector = models.PointIdsList(points=[point_id(i) for i in part])
            self._connection.call("delete", points_selector=selector, wait=True, retry=True)

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """Of those that are there: id to digest."""
        found: dict[str, str] = {}
        for part in parts(list(dict.fromkeys(ids))):
            records = self._connection.call(
                "retrieve", ids=[point_id(i) for i in part], with_payload=["id", "digest"], with_vectors=False, retry=True
            )
            found |= {record.payload["id"]: record.payload["digest"] for record in records}
        return found

    def _student(self, encoder: str) -> str:
        """The fingerprint as it goes into digests: not the teacher's, so that theirs stay as they are in collections of before."""
        return "" if encoder == self._plan["teacher_fingerprint"] else encoder

    @torch.no_grad()
    def _encoded(self, encoder: OpticalPreTrainedModel, rows: Rows, places: Sequence[int], batch_size: int) -> Iterator[Document]:
        for part in parts(places, _DOCUMENTS_PER_CHUNK):
            texts = [rows.texts[place] for place in part]
            embeddings = encoder.encode_document(texts, batch_size=batch_size, show_progress_bar=False)
            all_spans = document_spans(encoder.processor, texts)
            for place, tokens, spans in zip(part, embeddings, all_spans, strict=True):
                pooled, nearest = pool_tokens(tokens, self._plan["pool_factor"])
                kept = [spans[row] for row in nearest.tolist()]
                yield Document(rows.ids[place], rows.texts[place], rows.metadata[place], pooled, kept)

    def _checked(self, documents: Iterable[Document]) -> Iterator[Document]:
        for document in documents:
            checked_embeddings(document.embeddings, self._plan["dim"], f"document {document.id!r}")
            yield document

    def _upsert(self, points: list[Any]) -> None:
        self._connection.call("upsert", points=points, wait=True, retry=True)


def _is_same(there: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """The name of the teacher may differ: its fingerprint tells."""
    there = {**there, "encoder_fingerprint": encoder_of(there)}
    return all(there.get(name) == value for name, value in plan.items() if name != "teacher_name")


def _begun(connection: QdrantConnection, there: Mapping[str, Any], plan: Mapping[str, Any], rows: Rows) -> bool:
    """Whether the collection holds nothing but some of these rows, by the same plan: this build, stopped."""
    if not _is_same(there, plan):
        return False
    try:
        QdrantWriter(connection, there).check_rows(rows, encoder_of(plan), alone=True)
    except ValueError:
        return False
    return True


def parts(items: Sequence[Any], size: int = IDS_PER_REQUEST) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
