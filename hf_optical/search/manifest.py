"""The small file that makes a folder an index: what it holds, and a checksum of every file."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .index_error import IndexFormatError

FORMAT = "hf_optical index"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DTYPES = ("float16", "int8")


@dataclass(frozen=True)
class FileEntry:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, file: Path) -> FileEntry:
        with file.open("rb") as stream:
            return cls(os.fstat(stream.fileno()).st_size, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class SegmentEntry:
    """A folder of documents. `max_norm`: length of its longest stored token embedding. `files`: name to entry."""

    name: str
    documents: int
    tokens: int
    max_norm: float
    files: dict[str, FileEntry]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SegmentEntry:
        return cls(**(values | {"files": {name: FileEntry(**entry) for name, entry in values["files"].items()}}))


@dataclass(frozen=True)
class Manifest:
    """All that must be known to open an index; immutable, changes are written as a new one.

    Attributes:
        teacher_fingerprint, teacher_name: of the teacher in whose space the documents are encoded.
        dim: of a token embedding. dtype: `float16` or `int8`. pool_factor: 1: no pooling.
        segments: in the order of the documents.
        deleted: name of the file of deleted positions and its entry.
        encoders: fingerprint -> name of the models that documents were added by, the teacher or students of it; {}: the teacher.
    """

    teacher_fingerprint: str
    teacher_name: str
    dim: int
    dtype: str
    pool_factor: int = 1
    segments: list[SegmentEntry] = field(default_factory=list)
    deleted: tuple[str, FileEntry, int] | None = None
    encoders: dict[str, str] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """With the deleted ones."""
        return sum(segment.documents for segment in self.segments)

    def changed(self, **values: Any) -> Manifest:
        return replace(self, **values)

    def without_paths(self) -> Manifest:
        """As it may be read elsewhere: folders of models by their last part."""
        encoders = {fingerprint: model_name(name) for fingerprint, name in self.encoders.items()}
        return self.changed(teacher_name=model_name(self.teacher_name), encoders=encoders)

    def to_bytes(self) -> bytes:
        """Content of the file."""
        content = {"format": FORMAT, "version": FORMAT_VERSION} | asdict(self)
        if not self.encoders:  # a reader of before there were any takes it, too
            del content["encoders"]
        content["checksum"] = checksum(content)
        return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"

    def write(self, folder: Path) -> None:
        """In place of the one that is there, at once: a reader sees the old or the new."""
        write_synced(folder / MANIFEST, self.to_bytes())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises IndexFormatError: no manifest, a damaged one, or one of a newer format."""
        file = folder / MANIFEST
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            beside = " (a build was begun there: run it again, it goes on)" if any(folder.glob("segment-*")) else ""
            raise IndexFormatError(
                f"no index in {folder}: there is no {MANIFEST}{beside}; make one with `optical index PASSAGES --teacher T --output "
                f"{folder}`."
            ) from None
        except (UnicodeDecodeError, ValueError) as error:
            raise IndexFormatError(f"{file} is damaged ({error}): restore it from a copy, or build the index again.") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise IndexFormatError(f"{file} is not the manifest of an {FORMAT}: name the folder of an index.")
        if content.get("version") != FORMAT_VERSION:
            raise IndexFormatError(
                f"{folder} has format version {content.get('version')}, this hf_optical reads version {FORMAT_VERSION}: upgrade "
                "hf_optical, or build the index again."
            )
        expected = content.pop("checksum", None)
        if checksum(content) != expected:
            raise IndexFormatError(f"{file} is damaged (its checksum differs): restore it from a copy, or build the index again.")
        del content["format"], content["version"]
        segments = [SegmentEntry.from_dict(segment) for segment in content.pop("segments")]
        deleted = content.pop("deleted")
        return cls(**content, segments=segments, deleted=(deleted[0], FileEntry(**deleted[1]), deleted[2]) if deleted else None)


def model_name(path_or_repo: str) -> str:
    """A folder's last part: a path means nothing elsewhere, and may tell whose machine it was. Of a repository its name."""
    is_folder = path_or_repo and (os.path.isabs(path_or_repo) or Path(path_or_repo).is_dir())
    return Path(os.path.abspath(path_or_repo)).name if is_folder else path_or_repo


def write_synced(file: Path, data: bytes) -> None:
    """The file appears whole, on the disk and not only in its cache, or not at all."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, file)
        sync_folder(file.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder last through a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def checksum(content: dict[str, Any]) -> str:
    """Of what is stored as JSON, however it is laid out."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
