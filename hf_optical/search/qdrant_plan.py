"""What a Qdrant collection says of itself in its metadata: whose embeddings, of which format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..models import OpticalPreTrainedModel
from .document_encoder import document_space
from .index_error import IndexFormatError
from .qdrant_connection import QdrantConnection
from .qdrant_settings import VECTOR

FORMAT = "hf_optical index"
FORMAT_VERSION = 1


def new_plan(encoder: OpticalPreTrainedModel, pool_factor: int) -> dict[str, Any]:
    """The metadata of a collection of documents that this model encodes. Raises ValueError if it is a student of queries."""
    fingerprint, name = document_space(encoder)
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "teacher_fingerprint": fingerprint,
        "teacher_name": name,
        "encoder_fingerprint": encoder.fingerprint(),
        "dim": encoder.config.embedding_dim,
        "pool_factor": pool_factor,
    }


def encoder_of(plan: Mapping[str, Any]) -> str:
    """Fingerprint of the model that the collection was built with; in those of before there were others it is the teacher."""
    return plan.get("encoder_fingerprint") or plan.get("teacher_fingerprint", "")


def own_collection(connection: QdrantConnection) -> Any:
    """What the server tells of a collection of ours, of whatever version. Raises IndexFormatError if it is not ours."""
    information = connection.call("get_collection")
    if (information.config.metadata or {}).get("format") != FORMAT:
        raise IndexFormatError(
            f"{connection} is not an index of hf_optical: its metadata does not say so. Name another collection; if it "
            "was built just now, the server is older than 1.16 and kept no metadata: upgrade it."
        )
    return information


def read_plan(connection: QdrantConnection) -> dict[str, Any]:
    """The metadata of a collection that is there.

    Raises:
        IndexFormatError: it is not ours, of another format version, or its vectors are not what its metadata says.
        EngineError: no such collection, no answer.
    """
    information = own_collection(connection)
    plan = information.config.metadata
    if plan.get("version") != FORMAT_VERSION:
        raise IndexFormatError(
            f"{connection} has format version {plan.get('version')}, this hf_optical reads version {FORMAT_VERSION}: "
            "upgrade hf_optical, or build the index again."
        )
    vectors = information.config.params.vectors
    stored = vectors.get(VECTOR) if isinstance(vectors, dict) else None
    if stored is None or stored.size != plan["dim"]:
        found = "no" if stored is None else f"{stored.size}-dimensional"
        raise IndexFormatError(
            f"{connection} has {found} vectors named {VECTOR!r}, its metadata says {plan['dim']}: build it again."
        )
    return plan
