"""How a collection is laid out on a Qdrant cluster, and how it is searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The vector of a point that holds a document's token embeddings.
VECTOR = "tokens"
QUANTIZATIONS = ("int8", "binary")
DTYPES = ("float32", "float16")
FIELD_TYPES = ("keyword", "integer", "float", "bool", "datetime")


@dataclass(frozen=True)
class CollectionSettings:
    """Fixed when a collection is made. Local mode keeps float32 in memory, whatever is said here.

    Attributes:
        shard_number: parts that the cluster spreads over its nodes; default: one for each node. It cannot be changed later.
        replication_factor: copies of every shard; default: 1.
        dtype: of the stored embeddings, `float32` or `float16`.
        quantization: `int8` or `binary`: a copy, a quarter or a thirty-second of float32, that is kept in memory and finds the
            candidates; the stored embeddings score them again.
        on_disk: the stored embeddings and texts stay on the disk.
        hnsw_m: 0: every document is scored; above, a graph finds candidates, with so many edges at a node.
        payload_indexes: field of the metadata to its type (`keyword`, `integer`, `float`, `bool`, `datetime`), for fast filters.

    Raises:
        ValueError: a value is unknown or out of range.
    """

    shard_number: int | None = None
    replication_factor: int | None = None
    dtype: str = "float32"
    quantization: str | None = None
    on_disk: bool = False
    hnsw_m: int = 0
    payload_indexes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("shard_number", "replication_factor"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")
        if self.hnsw_m < 0:
            raise ValueError(f"hnsw_m must be 0 (no graph) or more, got {self.hnsw_m}.")
        for name, value, known in (("dtype", self.dtype, DTYPES), ("quantization", self.quantization, (None, *QUANTIZATIONS))):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(filter(None, known))}, got {value!r}.")
        for name, kind in self.payload_indexes.items():
            if kind not in FIELD_TYPES:
                raise ValueError(f"the type of metadata field {name!r} must be one of {', '.join(FIELD_TYPES)}, got {kind!r}.")

    def collection(self, dim: int) -> dict[str, Any]:
        """Arguments of `create_collection`."""
        from qdrant_client import models

        vector = models.VectorParams(
            size=dim,
            distance=models.Distance.DOT,  # of unit vectors, the cosine; Qdrant's COSINE would normalise pooled ones again
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            hnsw_config=models.HnswConfigDiff(m=self.hnsw_m),
            quantization_config=self._quantization(),
            on_disk=self.on_disk,
            datatype=models.Datatype(self.dtype),
        )
        return {
            "vectors_config": {VECTOR: vector},
            "shard_number": self.shard_number,
            "replication_factor": self.replication_factor,
            "on_disk_payload": self.on_disk or None,
        }

    def differences(self, information: Any) -> dict[str, str]:
        """Where a collection, as `get_collection` tells of it, is laid out in another way: setting to what is there.

        What it does not tell, or this leaves to the server, counts as alike.
        """
        parameters, own = information.config.params, self.collection(1)
        vectors = parameters.vectors.get(VECTOR) if isinstance(parameters.vectors, dict) else None
        if vectors is None:
            return {"vectors": "others"}
        wanted = own["vectors_config"][VECTOR]
        quantization = _kind(vectors.quantization_config or information.config.quantization_config)
        hnsw = (vectors.hnsw_config or information.config.hnsw_config).m
        compared = {
            "shard_number": (parameters.shard_number, self.shard_number),
            "replication_factor": (parameters.replication_factor, self.replication_factor),
            "dtype": ((vectors.datatype or wanted.datatype.FLOAT32).value, self.dtype),
            "quantization": (quantization, self.quantization or "none"),
            "on_disk": (bool(vectors.on_disk), self.on_disk),
            "hnsw_m": (hnsw, self.hnsw_m),
        }
        return {name: str(there) for name, (there, here) in compared.items() if None not in (there, here) and there != here}

    def _quantization(self) -> Any:
        from qdrant_client import models

        if self.quantization == "int8":
            config = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            return models.ScalarQuantization(scalar=config)
        if self.quantization == "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        return None


def _kind(config: Any) -> str:
    """Of a quantisation, in our words."""
    if config is None:
        return "none"
    return "int8" if hasattr(config, "scalar") else "binary" if hasattr(config, "binary") else type(config).__name__


@dataclass(frozen=True)
class SearchSettings:
    """May differ from search to search.

    Attributes:
        exact: score every document by its stored embeddings, whatever the collection has to be quicker.
        oversampling: so many times k candidates of the quantised copy, or of the graph, are scored by the stored embeddings.
        hnsw_ef: documents that the search of a graph keeps in view; default: the collection's.
    """

    exact: bool = False
    oversampling: float = 3.0
    hnsw_ef: int | None = None

    def __post_init__(self) -> None:
        if self.oversampling < 1:
            raise ValueError(f"oversampling must be at least 1, got {self.oversampling}.")

    def parameters(self) -> Any:
        """The `params` of a Qdrant query."""
        from qdrant_client import models

        if self.exact:
            return models.SearchParams(exact=True)
        rescored = models.QuantizationSearchParams(rescore=True, oversampling=self.oversampling)
        return models.SearchParams(hnsw_ef=self.hnsw_ef, quantization=rescored)
