"""Texts by id, from a TSV file or a data set: queries and passages that judgments name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from .errors import DataError, did_you_mean, shown
from .fields import identifier, plain_text
from .files import MAX_RECORD_BYTES, existing_file, read_lines
from .hub import column_names, is_hub_name, open_dataset, records

# A file or folder, a data set's name, or (name, configuration).
Source: TypeAlias = str | PathLike[str] | tuple[str, str]

_IDS = ("id", "_id", "qid", "pid", "query_id", "passage_id", "doc_id", "docid", "query-id", "corpus-id")
_TEXTS = ("text", "query", "passage", "contents")
_TABLES = (".tsv", ".txt", ".documents", ".queries", ".rel")


def source_name(source: Source) -> str:
    """The source, for messages."""
    return f"{source[0]} ({source[1]})" if isinstance(source, tuple) else str(source)


def is_table(source: Source) -> bool:
    """Whether it is a file of lines with tabs, there or (by its name) missing."""
    if isinstance(source, tuple):
        return False
    path = Path(source)
    return (path.is_file() and path.suffix != ".parquet") or Path(path.name.removesuffix(".gz")).suffix in _TABLES


def table_rows(path: str | PathLike[str], least: int, most: int, what: str) -> Iterator[tuple[int, list[str]]]:
    """`(line number, fields)` of a file with `least` to `most` fields a line, parted by tabs; empty lines are passed over.

    Raises:
        DataError: another number of fields, or a line that is too long; `what` says what is expected.
    """
    for line, text in read_lines(existing_file(path), MAX_RECORD_BYTES):
        if text == "":
            continue
        fields = (text or "").split("\t")
        if not least <= len(fields) <= most:
            problem = f"{len(fields)} fields where {what} are expected" if text else "the line is too long"
            raise DataError(problem, path=path, line=line, fix="part them by tabs, one row a line")
        yield line, fields


def dataset_rows(
    source: Source, *, split: str = "train", config: str | None = None, revision: str | None = None
) -> tuple[list[str], Iterator[tuple[int, Mapping[str, Any]]]]:
    """Columns, and `(row number, record)`, of a data set.

    Raises:
        DataError: it is neither there nor to be had, or needs a loading script, which `datasets` no longer runs.
    """
    name, config = source if isinstance(source, tuple) else (source, config)
    if Path(name).suffix == ".parquet":
        return _parquet_rows(existing_file(name))
    if not Path(name).is_dir() and not is_hub_name(str(name)):
        existing_file(name)
        raise DataError("not a kind of file that is known here", path=name, fix="give a .tsv file, or a data set")
    with no_script(name):
        data = open_dataset(name, split=split, config=config, revision=revision)
    columns = column_names(data, name)
    return columns, records(data, columns, name)


def _parquet_rows(path: Path) -> tuple[list[str], Iterator[tuple[int, Mapping[str, Any]]]]:
    import pyarrow as pa
    from pyarrow import parquet

    def rows() -> Iterator[tuple[int, Mapping[str, Any]]]:
        number = 0
        try:
            for batch in file.iter_batches(1000):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"cannot be read after row {number:,} ({error})", path=path, fix="download it again") from error

    try:
        file = parquet.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"not a Parquet file ({error})", path=path, fix="download it again") from error
    return file.schema_arrow.names, rows()


@contextmanager
def no_script(name: str | PathLike[str]) -> Iterator[None]:
    """Says what to do about a data set with a loading script."""
    try:
        yield
    except DataError as error:
        if "Dataset scripts are no longer supported" not in str(error):
            raise
        fix = (
            "pass revision='refs/convert/parquet', where the Hub has a copy in Parquet, or download the files with "
            f"`hf download {name} --repo-type dataset --local-dir FOLDER` and give these"
        )
        raise DataError("the data set needs a loading script, which is not run", path=name, fix=fix) from error


def texts_by_id(
    source: Source,
    wanted: Mapping[str, tuple[str, int]] | None = None,
    *,
    column: int | str | None = None,
) -> dict[str, str]:
    """Id to text, of the ids that are wanted.

    Args:
        source: a TSV file of id and text (or of id, title and text, joined by a space), or a data set with an id column (`id`,
            `_id`, `qid`, `pid`, ...) and a text column (`text`, `query`, `passage`), with a `title` or not.
        wanted: id to `(file, line)` where it is named first; None: all.
        column: take this field alone: its position in a line (1 is behind the id), or the name of a column.

    Raises:
        DataError: a wanted id is not there (the file and line that name it are told), an id is there twice, or a text is empty.
    """
    place = source_name(source)
    rows = _table_texts(source, column) if is_table(source) else _dataset_texts(source, column)
    texts: dict[str, str] = {}
    for line, key, text in rows:
        if wanted is not None and key not in wanted:
            continue
        if key in texts:
            raise DataError(f"id {shown(key)} is there twice", path=place, line=line, fix="keep one")
        if not text.strip():
            raise DataError(f"the text of id {shown(key)} is empty", path=place, line=line, fix="write or remove it")
        texts[key] = text
    for key, (file, line) in (wanted or {}).items():
        if key not in texts:
            fix = f"check that {place} is the one that these ids were made from"
            raise DataError(f"unknown id {shown(key)}", path=file, line=line, fix=fix)
    return texts


def _table_texts(path: Any, column: int | str | None) -> Iterator[tuple[int, str, str]]:
    for line, fields in table_rows(path, 2, 3, "an id and a text"):
        chosen = fields[1:] if not isinstance(column, int) else fields[column : column + 1]
        yield line, fields[0].strip(), " ".join(part.strip() for part in chosen).strip()


def _dataset_texts(source: Source, column: int | str | None) -> Iterator[tuple[int, str, str]]:
    columns, rows = dataset_rows(source)
    place = source_name(source)
    key = _column(columns, _IDS, place)
    text = column if isinstance(column, str) else _column(columns, _TEXTS, place)
    parts = [text] if isinstance(column, str) or "title" not in columns else ["title", text]
    for line, record in rows:
        texts = (plain_text(record, part, place, line).strip() for part in parts)
        yield line, identifier(record, (key,), place, line), " ".join(texts).strip()


def _column(columns: Sequence[str], names: Collection[str], place: str) -> str:
    found = [name for name in columns if name in names]
    if not found:
        problem = f"no column {' or '.join(map(repr, names))}; the columns are {', '.join(map(repr, columns))}"
        raise DataError(problem, path=place, fix=did_you_mean(next(iter(names)), columns) or "rename one")
    return found[0]
