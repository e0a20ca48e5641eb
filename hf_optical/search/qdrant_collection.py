"""A collection of ours on a Qdrant server, as it is read and searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..models import OpticalPreTrainedModel
from .document import Document
from .model_check import check_model
from .qdrant_connection import QdrantConnection
from .qdrant_filter import metadata_filter
from .qdrant_plan import read_plan
from .qdrant_points import point_id, to_document
from .qdrant_settings import VECTOR, SearchSettings
from .qdrant_writer import IDS_PER_REQUEST, parts
from .scoring import checked_embeddings

# A larger k is first compared with the number of documents: the engine would make room for so many results.
_LARGE_K = 10_000


class QdrantCollection:
    """Documents in a Qdrant collection, read and searched; `QdrantIndex` also writes them.

    Args:
        path, url, collection, settings, connection: as for `QdrantIndex`.

    Raises:
        IndexFormatError: (ValueError) no such collection, one of something else, or of a newer format.
        EngineError: (OSError) no answer, a refused key, qdrant-client is not installed.
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
    def open(cls, **options: Any) -> Self:
        """The index in a collection; options as for the class."""
        return cls(**options)

    def close(self) -> None:
        """Let go of the folder or the network."""
        self._connection.close()

    def __enter__(self) -> Self:
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
