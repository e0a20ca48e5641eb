"""The frozen teacher's token embeddings of sentences or passages: computed once, kept on disk, read from memory maps."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

if TYPE_CHECKING:
    from ..models import OpticalTeacherModel

_SENTENCES_PER_CHUNK = 2048
_LEFTOVER_SECONDS = 3600


class EmbeddingCache:
    """Sequence of `(tokens, d)` float16 tensors, one for each sentence or passage.

    The folder's name is a hash of the teacher's weights, the token ids and the way they are padded: another teacher or other data
    never meet. Each chunk is written beside its final name and renamed, so a killed build goes on where it stopped and a file
    that is there is complete.

    Args:
        folder: made by `build`.
        lengths: number of tokens of each sentence.
    """

    def __init__(self, folder: Path, lengths: Sequence[int]) -> None:
        self.folder = folder
        self._offsets, self._chunks = [], []
        for start in range(0, len(lengths), _SENTENCES_PER_CHUNK):
            part = np.asarray(lengths[start : start + _SENTENCES_PER_CHUNK])
            self._offsets.append(np.concatenate([[0], np.cumsum(part)]))
            self._chunks.append(_open_chunk(_chunk_file(folder, start), int(self._offsets[-1][-1])))
        self._length = len(lengths)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, row: int) -> Tensor:
        chunk, place = divmod(row, _SENTENCES_PER_CHUNK)
        start, stop = self._offsets[chunk][place : place + 2]
        return torch.from_numpy(np.array(self._chunks[chunk][start:stop]))

    @classmethod
    def build(
        cls,
        root: str | Path,
        teacher: OpticalTeacherModel,
        ids: Sequence[Sequence[int]],
        *,
        expand: bool = False,
        side: str = "query",
        batch_size: int = 64,
        process_index: int = 0,
        num_processes: int = 1,
        wait: object = None,
    ) -> EmbeddingCache:
        """Open the cache of these sentences below `root`; compute what is missing.

        Args:
            root: folder of caches.
            teacher: encodes; its device is used.
            ids: token ids of the sentences.
            expand: queries with `[MASK]` expansion.
            side: `query`, or `document`: without the tokens of the skiplist, as `encode_document` returns them.
            batch_size: sentences at a time.
            process_index, num_processes: several processes share the work, chunk by chunk.
            wait: called before opening, so that no process reads what another has not written (`accelerator.wait_for_everyone`).

        Raises:
            OSError: the folder cannot be written to, or the disk is full; chunks that are complete stay.
            ValueError: a chunk is damaged.
        """
        if side not in ("query", "document"):
            raise ValueError(f"side must be query or document, got {side!r}.")
        folder = Path(root) / _key(teacher, ids, expand, side)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"teacher_cache {root} cannot be written to ({error.strerror}): give another folder.") from None
        _remove_leftovers(folder)
        mine = range(process_index * _SENTENCES_PER_CHUNK, len(ids), num_processes * _SENTENCES_PER_CHUNK)
        missing = [start for start in mine if not _chunk_file(folder, start).exists()]
        total = sum(len(ids[start : start + _SENTENCES_PER_CHUNK]) for start in missing)
        with tqdm(
            total=total, desc=f"teacher's {side} embeddings", unit="text", disable=process_index > 0 or not missing
        ) as progress:
            for start in missing:
                part = ids[start : start + _SENTENCES_PER_CHUNK]
                _write_chunk(_chunk_file(folder, start), _encode(teacher, part, expand, side, batch_size))
                progress.update(len(part))
        if callable(wait):
            wait()
        return cls(folder, _lengths(teacher, ids, expand, side))


def _lengths(teacher: OpticalTeacherModel, ids: Sequence[Sequence[int]], expand: bool, side: str) -> list[int]:
    """Number of scored tokens of each row."""
    if side == "document":
        skipped = set(teacher.processor.skiplist_ids)
        return [sum(token not in skipped for token in row) for row in ids]
    return [teacher.config.query_length] * len(ids) if expand else [len(row) for row in ids]


def _encode(teacher: OpticalTeacherModel, ids: Sequence[Sequence[int]], expand: bool, side: str, batch_size: int) -> np.ndarray:
    from ..models.encoding_optical import encode_texts

    def pad(part: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        processor = teacher.processor
        return processor.pad_documents(part) if side == "document" else processor.pad_queries(part, expand=expand)

    return torch.cat(encode_texts(teacher, ids, pad, batch_size, False, "sentences")).half().numpy()


def _write_chunk(file: Path, data: np.ndarray) -> None:
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as out:
            np.save(out, data, allow_pickle=False)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except OSError as error:
        raise OSError(f"the teacher's embeddings could not be written to {file} ({error.strerror or error}): make room.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _open_chunk(file: Path, vectors: int) -> np.ndarray:
    try:
        data = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file} is damaged ({error}): delete it, and it is computed again.") from None
    if data.ndim != 2 or len(data) != vectors:
        raise ValueError(f"{file} has shape {data.shape}, not ({vectors}, embedding_dim): delete it, and it is computed again.")
    return data


def _remove_leftovers(folder: Path) -> None:
    """Delete what killed builds left; one that is being written by another run is younger."""
    for file in folder.glob("*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _LEFTOVER_SECONDS:
                file.unlink()


def _chunk_file(folder: Path, start: int) -> Path:
    return folder / f"chunk-{start // _SENTENCES_PER_CHUNK:06d}.npy"


def _key(teacher: OpticalTeacherModel, ids: Sequence[Sequence[int]], expand: bool, side: str) -> str:
    config = teacher.config
    mask = [config.query_length, config.attend_to_expansion_tokens, teacher.tokenizer.mask_token_id] if expand else None
    settings = [teacher.fingerprint(), mask]
    if side == "document":
        settings.append(teacher.processor.skiplist_ids)
    device = teacher.device.type
    if torch.is_autocast_enabled(device):
        settings.append(str(torch.get_autocast_dtype(device)))
    digest = hashlib.sha256(json.dumps(settings).encode())
    for row in ids:
        digest.update(np.asarray([len(row), *row], dtype=np.int32).tobytes())
    return digest.hexdigest()[:24]
