"""Open an index, wherever it is: a folder, the Hub, a Qdrant server, or Qdrant's local mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .hub_index import fetch_index, is_on_hub

if TYPE_CHECKING:
    from ..models import OpticalPreTrainedModel
    from .disk_index import DiskIndex
    from .qdrant_index import QdrantIndex

LOCAL_PREFIX = "qdrant+path:"
DEFAULT_COLLECTION = "passages"


def is_engine(where: str | Path) -> bool:
    """Whether the place is a Qdrant collection, not a folder of a `DiskIndex`."""
    return str(where).startswith((LOCAL_PREFIX, "http://", "https://"))


def engine_place(where: str) -> dict[str, str]:
    """Arguments `path` or `url`, and `collection`, of a QdrantIndex.

    Raises:
        ValueError: a URL without a collection, or no folder.

    Example:
        >>> engine_place("http://localhost:6333/passages")
        {'url': 'http://localhost:6333', 'collection': 'passages'}
        >>> engine_place("qdrant+path:trial#news")
        {'path': 'trial', 'collection': 'news'}
    """
    if where.startswith(LOCAL_PREFIX):
        path, _, collection = where.removeprefix(LOCAL_PREFIX).partition("#")
        if not path:
            raise ValueError(f"{where!r}: write {LOCAL_PREFIX}FOLDER, or {LOCAL_PREFIX}FOLDER#COLLECTION.")
        return {"path": path, "collection": collection or DEFAULT_COLLECTION}
    prefix, _, collection = urlsplit(where).path.rstrip("/").rpartition("/")
    if not collection:
        raise ValueError(f"{urlsplit(where).hostname}: write the collection behind the address, as in http://HOST:6333/passages.")
    parts = urlsplit(where)
    return {"url": parts._replace(path=prefix).geturl(), "collection": collection}


def open_index(where: str | Path, *, device: Any = None, **options: Any) -> DiskIndex | QdrantIndex:
    """The index at a place.

    Args:
        where: a folder; `hf://datasets/OWNER/NAME[@REVISION][/FOLDER]`, only to be read; `http(s)://HOST:6333/COLLECTION`; or
            `qdrant+path:FOLDER[#COLLECTION]`.
        device: where a DiskIndex is scanned; an engine has its own.
        options: of `DiskIndex` or `QdrantIndex`.

    Raises:
        IndexFormatError: (ValueError) nothing there, or something else; EngineError: (OSError) no answer from the engine.
    """
    if is_engine(where):
        from .qdrant_index import QdrantIndex

        return QdrantIndex.open(**engine_place(str(where)), **options)
    from .disk_index import DiskIndex

    if is_on_hub(where):
        where = fetch_index(str(where))
    return DiskIndex.open(where, **({"device": device} if device is not None else {}), **options)


def build_index(
    where: str | Path,
    encoder: OpticalPreTrainedModel,
    ids: Sequence[str],
    texts: Sequence[str],
    metadata: Sequence[Mapping[str, Any]] | None = None,
    **options: Any,
) -> DiskIndex | QdrantIndex:
    """Build the index at a place as `open_index` takes it; options of `DiskIndex.build` or `QdrantIndex.build`.

    Raises:
        ValueError: the place is on the Hub; as these two.
    """
    if is_on_hub(where):
        raise ValueError(f"index {where} is on the Hub: build it in a folder, and upload that.")
    if is_engine(where):
        from .qdrant_index import QdrantIndex

        return QdrantIndex.build(encoder, ids, texts, metadata, **engine_place(str(where)), **options)
    from .disk_index import DiskIndex

    return DiskIndex.build(where, encoder, ids, texts, metadata, **options)
