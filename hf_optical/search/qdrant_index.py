"""The engine index: token embeddings in a Qdrant collection, for those who outgrow one machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models import OpticalPreTrainedModel
from .document import Document
from .document_encoder import document_space
from .processes import shared_build
from .qdrant_collection import QdrantCollection
from .qdrant_connection import QdrantConnection
from .qdrant_plan import encoder_of, new_plan
from .qdrant_settings import CollectionSettings
from .qdrant_writer import QdrantWriter
from .rows import Rows


class QdrantIndex(QdrantCollection):
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
