"""Files: opened with errors that say what is wrong, read in bounded memory, written whole or not at all."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from uuid import uuid4

from .errors import DataError, did_you_mean

MAX_LINE_BYTES = 1_000_000
# A document may be long; a line beyond this is a file without line breaks.
MAX_RECORD_BYTES = 64_000_000
# Reasons for which a line holds no record.
EMPTY_LINE = "empty line"
LINE_TOO_LONG = "line too long"
_CHUNK = 1 << 16
_BOMS = (
    (codecs.BOM_UTF32_LE, None),
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Line(NamedTuple):
    """A line of a text file, its number from 1; `text` is None where the line is longer than the limit."""

    number: int
    text: str | None


class JsonLine(NamedTuple):
    """A line of a JSON Lines file: its number and its object, or the reason why it has none."""

    number: int
    record: dict[str, Any]
    problem: str = ""


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The path, if it is a file.

    Raises:
        DataError: It is a folder, or there is no such file; near names in the same folder are suggested.
    """
    path = Path(path)
    if path.is_file():
        return path
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())[:5]
        raise DataError("a folder, not a file", path=path, fix=f"name a file in it: {', '.join(names) or 'it is empty'}")
    if not path.parent.is_dir():
        raise DataError("no such file, and no such folder", path=path, fix=f"check the path of {str(path.parent)!r}")
    beside = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    hint = did_you_mean(path.name, beside) or f"beside it are: {', '.join(beside[:5]) or 'no files'}"
    raise DataError("no such file", path=path, fix=hint)


def empty_file(path: str | os.PathLike[str]) -> DataError:
    """The error for a file that holds nothing to read."""
    return DataError("the file is empty", path=path, fix="check that it was written or downloaded whole")


@contextmanager
def open_bytes(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The bytes of a plain or gzip file (told by its first bytes, whatever its name)."""
    path = existing_file(path)
    try:
        with path.open("rb") as raw:
            magic = raw.read(2)
            raw.seek(0)
            if not magic:
                raise empty_file(path)
            if magic == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield io.BufferedReader(unpacked, _CHUNK)
            elif path.name.lower().endswith(".gz"):
                raise DataError("not a gzip file although its name ends with .gz", path=path, fix="rename or compress it")
            else:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"the gzip data is broken or cut off ({error})", path=path, fix="download it again") from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", path=path, fix="check the file") from error


def read_lines(path: str | os.PathLike[str], max_bytes: int = MAX_LINE_BYTES) -> Iterator[Line]:
    """Lines of a UTF-8 text file, plain or gzip, without their ends (`\\n` or `\\r\\n`).

    A UTF-8 byte order mark is dropped and UTF-16 with a byte order mark is read. A line of more than `max_bytes` bytes
    of UTF-8 is passed over in bounded memory and given as `Line(number, None)`.

    Raises:
        DataError: Missing, a folder, empty, binary (NUL bytes), not UTF-8, or broken gzip.
    """
    with open_bytes(path) as stream:
        number, pieces, size = 1, [], 0
        for text in _decoded(stream, path):
            *ended, rest = text.split("\n")
            for piece in ended:
                pieces.append(piece)
                size += len(piece)
                yield Line(number, _joined(pieces, size, max_bytes))
                number, pieces, size = number + 1, [], 0
            size += len(rest)
            # Past the limit only the size is kept, so that a line of any length costs one chunk.
            pieces = [*pieces, rest] if size <= max_bytes else []
        if size:
            yield Line(number, _joined(pieces, size, max_bytes))
        elif number == 1:
            raise empty_file(path)


def _joined(pieces: list[str], size: int, max_bytes: int) -> str | None:
    if size > max_bytes:
        return None
    line = "".join(pieces).removesuffix("\r")
    return line if size * 4 <= max_bytes or len(line.encode("utf-8", "surrogatepass")) <= max_bytes else None


def _decoded(stream: IO[bytes], path: str | os.PathLike[str]) -> Iterator[str]:
    chunk = stream.read(_CHUNK)
    if not chunk:
        raise empty_file(path)
    encoding = next((name for bom, name in _BOMS if chunk.startswith(bom)), "utf-8")
    if encoding is None:
        raise DataError("the file is UTF-32", path=path, fix="save it as UTF-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    newline = b"\n" if encoding == "utf-8" else b"\n\x00" if chunk.startswith(codecs.BOM_UTF16_LE) else b"\x00\n"
    position, number = 0, 1
    while True:
        if encoding != "utf-16" and (nul := chunk.find(b"\x00")) >= 0:
            number += chunk[:nul].count(b"\n")
            fix = "give a UTF-8 text file, or UTF-16 with a byte order mark"
            raise DataError(f"a binary file (NUL byte at byte {position + nul:,})", path=path, line=number, fix=fix)
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            number += bytes(error.object[: error.start]).count(newline)
            offset = position - waiting + error.start
            problem = f"not {encoding.upper()} at byte {offset:,} ({error.reason})"
            raise DataError(problem, path=path, line=number, fix="save the file as UTF-8") from error
        yield text.removeprefix("\ufeff") if position == 0 else text
        if not chunk:
            return
        position += len(chunk)
        number += text.count("\n")
        chunk = stream.read(_CHUNK)


def read_json_lines(path: str | os.PathLike[str], max_bytes: int = MAX_LINE_BYTES) -> Iterator[JsonLine]:
    """The object of every line of a JSON Lines file.

    Raises:
        DataError: A line is not a JSON object, and all that `read_lines` raises.
    """
    for number, text in read_lines(path, max_bytes):
        if text is None or not text.strip():
            yield JsonLine(number, {}, LINE_TOO_LONG if text is None else EMPTY_LINE)
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            problem = "a JSON array over several lines" if text.strip() == "[" else f"not JSON ({reason})"
            raise DataError(problem, path=path, line=number, fix="write one JSON object on each line") from error
        if not isinstance(record, dict):
            problem = f"a JSON {type(record).__name__}, not an object"
            raise DataError(problem, path=path, line=number, fix='write for example {"english": "…", "non_english": "…"}')
        yield JsonLine(number, record)


def json_rows(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """`(line number, object)` of a JSON Lines file of documents, queries or triples; empty lines are passed over.

    Raises:
        DataError: A line is no JSON object or longer than `MAX_RECORD_BYTES`, and all that `read_lines` raises.
    """
    for line, record, problem in read_json_lines(path, MAX_RECORD_BYTES):
        if problem and problem != EMPTY_LINE:
            raise DataError(problem, path=path, line=line, fix="write one JSON object on each line")
        if not problem:
            yield line, record


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write bytes to: it takes its name only when the block ends well. `.gz` is compressed, reproducibly."""
    path = Path(path)
    if path.is_dir():
        raise DataError("a folder, not a file to write to", path=path, fix="name a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        with beside.open("xb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    yield packed
            else:
                yield raw
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8: it appears whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())
