"""Change an index on disk: every change is a new manifest, swapped in at once when all that it names is written."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import numpy as np
from transformers.utils import logging as hf_logging

from ..models import OpticalPreTrainedModel, TeacherMismatchError
from .document_encoder import document_space, encoders_of, with_encoder
from .index_error import IndexFormatError
from .manifest import MANIFEST, FileEntry, Manifest, SegmentEntry, write_synced
from .rows import Rows
from .segment import Segment
from .segment_writer import StoredDocument, is_undamaged, read_entry, write_segment
from .stored_segments import damages, deleted_positions, live_ids, open_segments
from .token_pooling import pool_tokens
from .token_spans import document_spans

logger = logging.getLogger(__name__)

# What a killed build loses at most, and each process's share at a time; a block of the search has as many of one length.
DOCUMENTS_PER_SEGMENT = 4096
_LOCK = ".lock"
# All that is ever written here, whole or left by a killed writer: nothing else in the folder is ours to remove.
_OURS = re.compile(
    r"segment-[0-9a-f]{16}|\.segment-[0-9a-f]{16}\.[0-9a-f]{8}\.tmp"
    r"|deleted-[0-9a-f]{16}\.bin|\.deleted-[0-9a-f]{16}\.bin\.\d+\.tmp|\.manifest\.json\.\d+\.tmp"
)
# Encoded between two steps of the progress bar; enough for batches of equal length.
_BATCHES_AT_A_TIME = 8


class IndexWriter:
    """Writes to the index in a folder; one writer at a time.

    Args:
        folder: of the index.
        process_index, num_processes: processes that share the encoding of one build.
        wait: called where all processes must have come so far (`PartialState().wait_for_everyone`).
    """

    def __init__(
        self, folder: str | Path, process_index: int = 0, num_processes: int = 1, wait: Callable[[], None] | None = None
    ) -> None:
        self.folder = Path(folder)
        self._process, self._processes, self._wait = process_index, num_processes, wait or (lambda: None)

    @property
    def is_main(self) -> bool:
        return self._process == 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off other writers; the system lets go if this process dies. Raises IndexFormatError if another one writes."""
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        with (self.folder / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise IndexFormatError(f"another process is writing to {self.folder}: try again when it is done.") from None
            yield

    def build(
        self, plan: Manifest, encoder: OpticalPreTrainedModel, rows: Rows, *, batch_size: int, overwrite: bool, show: bool
    ) -> None:
        """Encode all documents; goes on where a killed build of the same documents stopped, and mends damaged segments.

        Raises:
            IndexFormatError: another index is there, or another process writes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.locked() if self.is_main else nullcontext():
            wanted, there = self._names(plan, encoder, rows), None
            if (self.folder / MANIFEST).exists() and not overwrite:
                there = Manifest.read(self.folder)
                if [segment.name for segment in there.segments] != wanted or there.deleted:
                    by = ", ".join(name or fingerprint for fingerprint, name in encoders_of(there).items())
                    raise IndexFormatError(
                        f"{self.folder} holds another index already ({there.documents:,} documents, encoded by {by}; teacher "
                        f"{there.teacher_fingerprint}): name another folder, add to it, or overwrite it."
                    )
            self._encode(plan, encoder, rows, wanted, batch_size, show)
            if self.is_main:
                entries = self._entries(wanted)
                if there is None or entries != there.segments:  # else it was there already, and whole
                    self._swap(with_encoder(plan, encoder).changed(segments=entries))
            self._wait()

    def add(self, encoder: OpticalPreTrainedModel, rows: Rows, *, batch_size: int, show: bool) -> None:
        """Encode documents and put them behind those that are there."""
        fingerprint, name = document_space(encoder)
        Manifest.read(self.folder)
        with self.locked() if self.is_main else nullcontext():
            manifest = Manifest.read(self.folder)
            if fingerprint != manifest.teacher_fingerprint:
                raise TeacherMismatchError(
                    f"the documents of {self.folder} are encoded by {manifest.teacher_name or 'a teacher'} (fingerprint "
                    f"{manifest.teacher_fingerprint}), not by {name or 'this one'} (fingerprint {fingerprint}): "
                    "add with the same teacher, or a student of it, or build another index."
                )
            there = set(live_ids(self.folder, manifest))
            if twice := [i for i in rows.ids if i in there]:
                raise ValueError(
                    f"{len(twice)} of {len(rows.ids)} documents are in {self.folder} already, the first is {twice[0]!r}: delete "
                    "them first."
                )
            # where the segment goes is part of its name: text that was deleted and is added again is a segment of its own
            wanted = self._names(manifest, encoder, rows, start=manifest.documents)
            self._encode(manifest, encoder, rows, wanted, batch_size, show)
            if self.is_main:
                self._swap(with_encoder(manifest, encoder).changed(segments=manifest.segments + self._entries(wanted)))
            self._wait()

    def delete(self, ids: Sequence[str]) -> None:
        """Mark documents as deleted. Raises ValueError if one is not there; then none is."""
        Manifest.read(self.folder)
        with self.locked():
            manifest = Manifest.read(self.folder)
            wanted, deleted = set(ids), deleted_positions(self.folder, manifest)
            gone, positions, start = set(deleted.tolist()), [], 0
            for segment in open_segments(self.folder, manifest):
                places = [(start + place, i) for place, i in enumerate(segment.ids) if i in wanted and start + place not in gone]
                positions += [position for position, _ in places]
                wanted -= {i for _, i in places}
                start += len(segment)
            if wanted:
                raise ValueError(
                    f"{len(wanted)} of {len(set(ids))} documents to delete are not in {self.folder}, such as {min(wanted)!r}: "
                    "nothing was deleted."
                )
            if positions:
                self._swap(manifest, np.union1d(deleted, np.array(positions, dtype=np.int64)))

    def compact(self) -> None:
        """Write the documents that are not deleted into segments of full size, in their order, without encoding them again.

        Raises:
            IndexFormatError: what would be copied is damaged, and would get fresh checksums; then nothing is changed.
        """
        Manifest.read(self.folder)
        with self.locked():
            manifest = Manifest.read(self.folder)
            gone = set(deleted_positions(self.folder, manifest).tolist())
            entries: list[SegmentEntry] = []
            waiting: list[StoredDocument] = []
            start = 0
            segments = open_segments(self.folder, manifest)
            kept = _full_segments(segments, gone)
            rewritten = [segment.entry for segment in segments if segment.entry.name not in kept]
            if problems := list(damages(self.folder, manifest.changed(segments=rewritten, deleted=None))):
                raise IndexFormatError(
                    f"{'; '.join(problems)}: restore from a copy, or build the index again. Nothing was changed."
                )
            for segment in segments:
                if segment.entry.name in kept:
                    entries.append(segment.entry)
                    start += len(segment)
                    continue
                for place in range(len(segment)):
                    if start + place not in gone:
                        waiting.append(segment.document(place))
                    if len(waiting) == DOCUMENTS_PER_SEGMENT:
                        entries.append(write_segment(self.folder, f"segment-{uuid4().hex[:16]}", waiting))
                        waiting = []
                start += len(segment)
            if waiting:
                entries.append(write_segment(self.folder, f"segment-{uuid4().hex[:16]}", waiting))
            self._swap(manifest.changed(segments=entries), np.empty(0, dtype=np.int64))

    def _names(self, manifest: Manifest, encoder: OpticalPreTrainedModel, rows: Rows, start: int = 0) -> list[str]:
        """Of the segments: a hash of what goes in, so that what a killed build wrote is known again."""
        kind = [encoder.fingerprint(), manifest.dim, manifest.dtype, manifest.pool_factor, start]
        names = []
        for part in rows.parts(DOCUMENTS_PER_SEGMENT):
            content = json.dumps([*kind, len(names), part.ids, part.texts, part.metadata], sort_keys=True)
            names.append(f"segment-{hashlib.sha256(content.encode()).hexdigest()[:16]}")
        return names

    def _encode(
        self, manifest: Manifest, encoder: OpticalPreTrainedModel, rows: Rows, names: Sequence[str], batch_size: int, show: bool
    ) -> None:
        """Write this process's share of the segments that are not there yet, or are not as they were written."""
        parts = list(zip(names, rows.parts(DOCUMENTS_PER_SEGMENT), strict=True))[self._process :: self._processes]
        missing = [(name, part) for name, part in parts if not is_undamaged(self.folder, name)]
        for name in (name for name, _ in missing if (self.folder / name).exists()):
            logger.warning("%s is damaged: its documents are encoded again", self.folder / name)
        if 0 < len(missing) < len(parts) and self.is_main:
            logger.info("%d of %d parts of the index were written before: going on", len(parts) - len(missing), len(parts))
        total = sum(len(part.ids) for _, part in missing)
        step = _BATCHES_AT_A_TIME * batch_size
        with hf_logging.tqdm(total=total, desc="encoding documents", unit="text", disable=not (show and self.is_main)) as progress:
            for name, part in missing:
                embeddings = []
                for start in range(0, len(part.texts), step):
                    texts = part.texts[start : start + step]
                    embeddings += encoder.encode_document(texts, batch_size=batch_size, show_progress_bar=False)
                    progress.update(len(texts))
                spans = document_spans(encoder.processor, part.texts)
                documents = []
                for i, text, metadata, tokens, places in zip(part.ids, part.texts, part.metadata, embeddings, spans, strict=True):
                    if not tokens.isfinite().all():
                        raise ValueError(f"document {i!r} has embeddings that are not finite: the model is broken.")
                    pooled, nearest = pool_tokens(tokens, manifest.pool_factor)
                    places = [places[row] for row in nearest.tolist()]
                    documents.append(StoredDocument.quantise(i, text, metadata, pooled, places, manifest.dtype))
                shutil.rmtree(self.folder / name, ignore_errors=True)  # damaged: only now that there is something in its place
                write_segment(self.folder, name, documents)
        self._wait()

    def _entries(self, names: Sequence[str]) -> list[SegmentEntry]:
        entries = [read_entry(self.folder, name) for name in names]
        if None in entries:
            raise IndexFormatError(f"{names[entries.index(None)]} of {self.folder} was not written: build it again, it goes on.")
        return entries

    def _swap(self, manifest: Manifest, deleted: np.ndarray | None = None) -> None:
        """Make this the manifest; then remove what only the old one named, and what killed writers left."""
        if deleted is not None:
            name = f"deleted-{uuid4().hex[:16]}.bin"
            if len(deleted):
                write_synced(self.folder / name, deleted.tobytes())
            manifest = manifest.changed(deleted=(name, FileEntry.of(self.folder / name), len(deleted)) if len(deleted) else None)
        manifest.write(self.folder)
        kept = {segment.name for segment in manifest.segments} | ({manifest.deleted[0]} if manifest.deleted else set())
        for entry in list(os.scandir(self.folder)):
            if _OURS.fullmatch(entry.name) and entry.name not in kept:
                shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)


def _full_segments(segments: Sequence[Segment], gone: set[int]) -> set[str]:
    """Names of those that `compact` leaves as they are: full, nothing deleted, and nothing before them waits for more."""
    kept, waiting, start = set(), 0, 0
    for segment in segments:
        live = sum(position not in gone for position in range(start, start + len(segment)))
        if live == len(segment) == DOCUMENTS_PER_SEGMENT and not waiting:
            kept.add(segment.entry.name)
        else:
            waiting = (waiting + live) % DOCUMENTS_PER_SEGMENT
        start += len(segment)
    return kept
