"""The engine index: token embeddings in a Qdrant collection, for those who outgrow one machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..models import OpticalPreTrainedModel
from .document import Document
from .document_encoder import document_space
from .model_check import check_model
from .processes import shared_build
from .qdrant_connection import QdrantConnection
from .qdrant_filter import metadata_filter
from .qdrant_plan import encoder_of, new_plan, read_plan
from .qdrant_points import point_id, to_document
from .qdrant_settings import VECTOR, CollectionSettings, SearchSettings
from .qdrant_writer import IDS_PER_REQUEST, QdrantWriter, parts
from .rows import Rows
from .scoring import checked_embeddings

# A larger k is first compared with the number of documents: the engine would make room for so many results.
_LARGE_K = 10_000


class QdrantIndex:
    """Documents in a Qdrant collection, one multivector each, compared by MaxSim; with the calls of `DiskIndex`.

    The collection's metadata tells the teacher; ids, texts and metadata of documents are in the payload. Needs
    `pip install hf_optical[qdrant]` and, on the other side, Qdrant 1.16 or later.

    Args:
        path: folder of local mode, for tests and trials: all in memory, one process at a time.
        url: of a server or cluster. Its key is read from the environment variable QDRANT_API_KEY.
        collection: its name.
        settings: how to search.
        connection: further arguments of QdrantConnection: `timeout`, `attempts`, `prefer_grpc`, ...

    Raises:
        IndexFormatError: (ValueError) no such collection, one of something else, or of a newer format.
        EngineError: (OSError) no answer, a refused key, qdrant-client is not installed.

    Example:
        >>> index = QdrantIndex.build(teacher, ids, texts, url="http://localhost:6333")  # doctest: +SKIP
        >>> index.search(student.encode_query(["mahindi huhifadhiwaje?"]), k=3, filter={"country": "KE"})  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        url: str | None = None,
        collection: str = "passages",
        settings: SearchSettings | None = None,
        **connection: Any,
    ) -> None:
        self._attach(QdrantConnection(path=path, url=url, collection=collection, **connection), settings)

    def _attach(self, connection: QdrantConnection, settings: SearchSettings | None = None) -> None:
        self._connection, self._settings = connection, settings or SearchSettings()
        try:
            self.plan = read_plan(connection)
            self.dim: int = self.plan["dim"]
        except BaseException:
            connection.close()
            raise

    @classmethod
    def open(cls, **options: Any) -> QdrantIndex:
        """The index in a collection; options as for the class."""
        return cls(**options)

    @classmethod
    def build(
        cls,
        encoder: OpticalPreTrainedModel,
        ids: Sequence[str],
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        *,
        path: str | Path | None = None,
        url: str | None = None,
        collection: str = "passages",
        layout: CollectionSettings | None = None,
        pool_factor: int = 1,
        batch_size: int = 32,
        parallel: int = 4,
        overwrite: bool = False,
        show_progress_bar: bool = True,
        **connection: Any,
    ) -> QdrantIndex:
        """Encode documents and send them; under `accelerate launch` the processes share the work.

        What is in the collection is neither encoded nor sent again: stopped, the same call goes on where it was.

        Args:
            encoder: encodes, on its device: the teacher, or a student of documents in its language.
            ids, texts, metadata: of the documents; metadata is JSON, for filters.
            path, url, collection, connection: as for the class.
            layout: shards, replicas, quantisation, ... of a new collection; one that is there keeps its own, with a warning.
            pool_factor: so many tokens of a document become about one (`pool_tokens`).
            parallel: requests sent at a time.
            overwrite: delete the collection first, if there is one; not where it holds nothing but some of these documents, by
                the same encoder and layout: so a build that was stopped goes on.

        Raises:
            ValueError: numbers differ, an id is there twice, a student encodes queries; TeacherMismatchError: the collection is
                another teacher's.
            IndexFormatError: the collection holds other documents; or it is not ours, which is never deleted.
            EngineError: as for the class; a request failed for good.
        """
        if pool_factor < 1:
            raise ValueError(f"pool_factor must be at least 1, got {pool_factor}.")
        if parallel < 1:
            raise ValueError(f"parallel must be at least 1, got {parallel}.")
        rows, processes, layout = Rows(ids, texts, metadata), shared_build(), layout or CollectionSettings()
        plan = new_plan(encoder, pool_factor)
        opened = QdrantConnection(path=path, url=url, collection=collection, create=True, **connection)
        if processes and opened.is_local:
            opened.close()
            raise ValueError("local mode (path=) has one process at a time: start one, or use a server (url=).")
        wait = processes.pop("wait", lambda: None)
        try:
            if not processes.get("process_index"):
                QdrantWriter.prepare(opened, plan, layout, rows, overwrite=overwrite)
            wait()
            index = cls.__new__(cls)
            index._attach(opened)
            writer = QdrantWriter(opened, index.plan, **processes)
            writer.check_plan(plan)
            if not processes.get("process_index"):
                writer.check_rows(rows, encoder_of(plan), alone=True)
            wait()
            writer.upload(encoder, rows, batch_size=batch_size, parallel=parallel, show=show_progress_bar)
            wait()
        except BaseException:
            opened.close()
            raise
        return index

    def add(
        self,
        encoder: OpticalPreTrainedModel,
        ids: Sequence[str],
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        *,
        batch_size: int = 32,
        parallel: int = 4,
        show_progress_bar: bool = True,
    ) -> None:
        """Encode documents and add them; those that are there by the same encoder, text and metadata are not sent again.

        Args:
            encoder: the teacher of the documents that are there, or a student of it, for documents in its language.

        Raises:
            ValueError: an id is there with another text or other metadata, or by another encoder; then nothing is sent. The
                teacher is another, the student encodes queries.
        """
        rows, writer = Rows(ids, texts, metadata), QdrantWriter(self._connection, self.plan)
        fingerprint, name = document_space(encoder)
        writer.check_plan(self.plan | {"teacher_fingerprint": fingerprint, "teacher_name": name})
        writer.check_rows(rows, encoder.fingerprint(), alone=False)
        writer.upload(encoder, rows, batch_size=batch_size, parallel=parallel, show=show_progress_bar)

    def add_documents(self, documents: Iterable[Document], *, parallel: int = 4) -> None:
        """Send documents that are encoded already, in place of those with their ids: to move a `DiskIndex` to a cluster.

        Later calls take them for the teacher's: a student does not add the same documents again.

        Example:
            >>> index.add_documents(disk_index.document(i) for i in disk_index.ids)  # doctest: +SKIP
        """
        QdrantWriter(self._connection, self.plan).send(documents, parallel)

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out, all or none. Raises ValueError for unknown ids."""
        QdrantWriter(self._connection, self.plan).delete(ids)

    def close(self) -> None:
        """Let go of the folder or the network."""
        self._connection.close()

    def __enter__(self) -> QdrantIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._connection.call("count", exact=True).count)

    @property
    def teacher_fingerprint(self) -> str:
        return self.plan["teacher_fingerprint"]

    @property
    def teacher_name(self) -> str:
        return self.plan["teacher_name"]

    @property
    def ids(self) -> list[str]:
        """Of all documents, asked for anew each time; in no particular order."""
        found: list[str] = []
        offset = None
        while True:
            records, offset = self._connection.call(
                "scroll", limit=IDS_PER_REQUEST, offset=offset, with_payload=["id"], with_vectors=False
            )
            found += [record.payload["id"] for record in records]
            if offset is None:
                return found

    def document(self, id: str) -> Document:
        """Text, metadata, embeddings and spans of a document. Raises KeyError if it is not there."""
        return self.documents([id])[0]

    def documents(self, ids: Sequence[str]) -> list[Document]:
        """Several documents in one request, in the order of `ids`. Raises KeyError if one is not there."""
        found: dict[str, Document] = {}
        for part in parts(list(dict.fromkeys(ids)), 100):
            records = self._connection.call("retrieve", ids=[point_id(i) for i in part], with_payload=True, with_vectors=[VECTOR])
            found |= {record.payload["id"]: to_document(record, self.dim) for record in records}
        return [found[i] for i in ids]

    def check_model(self, model: OpticalPreTrainedModel) -> None:
        """Raise TeacherMismatchError (ValueError) unless this model's queries belong to the documents of this index."""
        check_model(model, self.teacher_fingerprint, self.teacher_name)

    def verify(self) -> list[str]:
        """What the engine itself says is wrong with the collection, a line for each; Qdrant checks its own files."""
        information = self._connection.call("get_collection")
        problems = [f"{self._connection} is {information.status.value}"] if information.status.value in ("red", "grey") else []
        optimizer = information.optimizer_status
        return problems + ([f"{self._connection}: {optimizer.error}"] if hasattr(optimizer, "error") else [])

    def describe(self) -> dict[str, Any]:
        """Place, size and teacher, for showing."""
        parameters = self._connection.call("get_collection").config.params
        return {
            "index": self._connection.address,
            "passages": len(self),
            "dim": self.dim,
            "pool_factor": self.plan["pool_factor"],
            "shards": parameters.shard_number,
            "replicas": parameters.replication_factor,
            "teacher": {"name_or_path": self.teacher_name, "fingerprint": self.teacher_fingerprint},
        }

    @torch.no_grad()
    def search(
        self,
        queries: Sequence[Tensor],
        k: int = 10,
        *,
        filter: Mapping[str, Any] | None = None,
        show_progress_bar: bool = False,
        batch_size: int = 24,
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query, as `ExactIndex.search`; of equal ones, those that the engine finds first.

        Args:
            filter: only documents whose metadata has these values (a list: any of them).
            batch_size: queries in one request.

        Raises:
            ValueError: k or batch_size is less than 1; a query is not finite `(tokens, d)`; the filter is a function.
        """
        for name, value in (("k", k), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")
        if k > _LARGE_K:
            k = max(1, min(k, len(self)))
        conditions = metadata_filter(filter)
        checked = [checked_embeddings(query, self.dim, f"query {i}") for i, query in enumerate(queries)]
        results: list[list[tuple[str, float]]] = [[] for _ in checked]
        asked = [i for i, query in enumerate(checked) if len(query)]
        with tqdm(total=len(checked), desc="searching", unit="query", disable=not show_progress_bar) as progress:
            progress.update(len(checked) - len(asked))
            for part in parts(asked, batch_size):
                for i, points in zip(part, self._ask([checked[i] for i in part], k, conditions), strict=True):
                    results[i] = [(point.payload["id"], point.score) for point in points]
                progress.update(len(part))
        return results

    def _ask(self, queries: Sequence[Tensor], k: int, conditions: Any) -> list[list[Any]]:
        from qdrant_client import models

        # local mode scores every document whatever is said, and warns of it
        parameters = None if self._connection.is_local else self._settings.parameters()
        same = {"using": VECTOR, "limit": k, "filter": conditions, "params": parameters, "with_payload": ["id"]}
        asked = [models.QueryRequest(query=query.tolist(), **same) for query in queries]
        return [answer.points for answer in self._connection.call("query_batch_points", requests=asked)]
