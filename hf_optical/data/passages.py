"""Passages to index: ids and texts from a JSON Lines, TSV or plain-text file, or a folder of text files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .collection import CollectionBuilder
from .errors import DataError
from .files import EMPTY_LINE, existing_file, read_json_lines, read_lines

# A passage may be long; a line beyond this is a file without line breaks.
_MAX_BYTES = 64_000_000


def load_passages(path: str | PathLike[str]) -> tuple[list[str], list[str]]:
    """Ids and texts of the passages at `path`, in order.

    Args:
        path: `.jsonl` with `_id` (or `id`), `text` and perhaps `title`; `.tsv` with id and text, or id, title and text
            (a header naming them may lead); any other file is one passage a line, whose id is the line number. Each
            plain or `.gz`. Of a folder, every `.txt` file below it is one passage, whose id is its path in the folder.

    Raises:
        DataError: Missing, empty or broken file, wrong number of fields, an id that is there twice, or no passage.

    Example:
        >>> ids, texts = load_passages("corpus.jsonl.gz")  # doctest: +SKIP
    """
    path = Path(path)
    builder = CollectionBuilder()
    if path.is_dir():
        _folder(path, builder)
    else:
        kind = Path(existing_file(path).name.lower().removesuffix(".gz")).suffix
        if kind in (".jsonl", ".ndjson"):
            _json_lines(path, builder)
        elif kind == ".tsv":
            _tsv(path, builder)
        else:
            _plain(path, builder)
    if not builder.documents:
        raise DataError("no passage", path=path, fix="check that the file was written whole")
    return list(builder.documents), list(builder.documents.values())


def _json_lines(path: Path, builder: CollectionBuilder) -> None:
    for line, record, problem in read_json_lines(path, _MAX_BYTES):
        if problem and problem != EMPTY_LINE:
            raise DataError(problem, path=path, line=line, fix="write one passage on each line")
        if not problem:
            builder.add_document(record, path, line)


def _tsv(path: Path, builder: CollectionBuilder) -> None:
    names: list[str] = []
    for line, text in read_lines(path, _MAX_BYTES):
        if text == "":
            continue
        fields = (text or "").split("\t")
        if not names:
            names = ["_id", "title", "text"] if len(fields) == 3 else ["_id", "text"]
            header = [field.strip().lower() for field in fields]
            if len(header) in (2, 3) and header[0] in ("_id", "id") and "text" in header:
                names = ["_id", *header[1:]]
                continue
        if len(fields) != len(names):
            problem = f"{len(fields)} fields where {len(names)} are expected ({', '.join(names)})"
            raise DataError(problem, path=path, line=line, fix="part id and text by one tab")
        builder.add_document(dict(zip(names, fields, strict=True)), path, line)


def _plain(path: Path, builder: CollectionBuilder) -> None:
    for line, text in read_lines(path, _MAX_BYTES):
        if text is None:
            raise DataError("line too long", path=path, line=line, fix="write one passage on each line")
        if text.strip():
            builder.add_document({"_id": str(line), "text": text.strip()}, path, line)


def _folder(path: Path, builder: CollectionBuilder) -> None:
    for file in sorted(path.rglob("*.txt")):
        lines = [line.text for line in read_lines(file, _MAX_BYTES)]
        if None in lines:
            raise DataError("line too long", path=file, fix="give a text file with line breaks")
        text = "\n".join(line for line in lines if line is not None).strip()
        builder.add_document({"_id": file.relative_to(path).as_posix(), "text": text}, file, 1)
    if not builder.documents:
        raise DataError("no .txt file in this folder", path=path, fix="name a .jsonl, .tsv or text file instead")
