"""Passages to index: ids and texts from a JSON Lines, TSV or plain-text file, a folder, or a data set of the Hub."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from .beir_hub import fill_corpus
from .collection import CollectionBuilder
from .errors import DataError
from .files import MAX_RECORD_BYTES, existing_file, json_rows, read_lines
from .hub import is_hub_name

_JSON_LINES = (".jsonl", ".ndjson", ".json")
# Files that are known to hold something else than a passage a line.
_OTHER = (".csv", ".parquet", ".arrow", ".xml", ".html", ".pdf", ".doc", ".docx", ".xlsx", ".zip", ".tar", ".zst", ".bz2", ".xz")
_FILES = (*_JSON_LINES, ".tsv", ".txt", *_OTHER)


def load_passages(path: str | PathLike[str]) -> tuple[list[str], list[str]]:
    """Ids and texts of the passages at `path`, in order.

    Args:
        path: `.jsonl` (`.ndjson`, `.json`) with `_id` (or `id`), `text` and perhaps `title`; `.tsv` with id and text, or id, title
            and text (a header naming them may lead); any other text file is one passage a line, whose id is the line number. Each
            plain or `.gz`. Of a folder its `corpus.jsonl`, or else every `.txt` file below it as one passage, whose id is its
            path in the folder. Or the name of a data set on the Hub, of which the configuration `corpus` is read.

    Raises:
        DataError: Missing, empty or broken file, a kind of file that is not known here, wrong number of fields, an id that is
            there twice, or no passage.

    Example:
        >>> ids, texts = load_passages("corpus.jsonl.gz")  # doctest: +SKIP
    """
    documents = _read(path, CollectionBuilder()).documents
    return list(documents), list(documents.values())


def load_passages_with_metadata(path: str | PathLike[str]) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """As `load_passages`, and for each passage its title and what stands in its field `metadata`; {} where there is neither.

    Raises:
        DataError: as `load_passages`; `metadata` is no object, or holds half of a surrogate pair.
    """
    builder = _read(path, CollectionBuilder(metadata={}))
    return list(builder.documents), list(builder.documents.values()), list((builder.metadata or {}).values())


def _read(path: str | PathLike[str], builder: CollectionBuilder) -> CollectionBuilder:
    name, path = str(path), Path(path)
    if path.is_dir():
        _folder(path, builder)
    elif not path.exists() and "/" in name and is_hub_name(name) and _kind(path) not in _FILES:
        fill_corpus(name, builder)
    else:
        kind = _kind(existing_file(path))
        if kind in _JSON_LINES:
            _json_lines(path, builder)
        elif kind == ".tsv":
            _tsv(path, builder)
        elif kind in _OTHER:
            problem = f"passages are not read from {kind} files"
            raise DataError(problem, path=path, fix="write JSON Lines (_id, title, text), TSV, or one passage a line as .txt")
        else:
            _plain(path, builder)
    if not builder.documents:
        raise DataError("no passage", path=path, fix="check that the file was written whole")
    return builder


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _json_lines(path: Path, builder: CollectionBuilder) -> None:
    for line, record in json_rows(path):
        builder.add_document(record, path, line)


def _tsv(path: Path, builder: CollectionBuilder) -> None:
    names: list[str] = []
    for line, text in read_lines(path, MAX_RECORD_BYTES):
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
    for line, text in read_lines(path, MAX_RECORD_BYTES):
        if text is None:
            raise DataError("line too long", path=path, line=line, fix="write one passage on each line")
        if text.strip():
            builder.add_document({"_id": str(line), "text": text.strip()}, path, line)


def _folder(path: Path, builder: CollectionBuilder) -> None:
    corpus = next((file for name in ("corpus.jsonl", "corpus.jsonl.gz") if (file := path / name).is_file()), None)
    if corpus:
        _json_lines(corpus, builder)
        return
    if (path / "README.md").is_file() and not any(path.rglob("*.txt")):  # a data set
        fill_corpus(str(path), builder)
        return
    for file in sorted(path.rglob("*.txt")):
        lines = [line.text for line in read_lines(file, MAX_RECORD_BYTES)]
        if None in lines:
            raise DataError("line too long", path=file, fix="give a text file with line breaks")
        text = "\n".join(line for line in lines if line is not None).strip()
        builder.add_document({"_id": file.relative_to(path).as_posix(), "text": text}, file, 1)
    if not builder.documents:
        raise DataError(
            "no corpus.jsonl and no .txt file in this folder", path=path, fix="name a .jsonl, .tsv or text file instead"
        )
