"""Tables of sentence pairs in files: TSV, CSV, JSON Lines (plain or gzip) and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import DataError
from .files import (
    EMPTY_LINE,
    LINE_TOO_LONG,
    MAX_LINE_BYTES,
    Line,
    empty_file,
    existing_file,
    read_json_lines,
    read_lines,
)
from .rows import BitextRow, Columns, text_value


class Fields(NamedTuple):
    """A row of a table: line number where it starts and its fields, or the reason why it has none."""

    line: int
    fields: list[str]
    problem: str = ""


def read_tsv(path: Path) -> Iterator[Fields]:
    """Rows of a tab-separated file without quoting: every tab parts two fields, quotes are text."""
    for number, text in read_lines(path):
        if text is None:
            yield Fields(number, [], LINE_TOO_LONG)
        elif not text:
            yield Fields(number, [], EMPTY_LINE)
        else:
            yield Fields(number, text.split("\t"))


def read_csv(path: Path) -> Iterator[Fields]:
    """Rows of a comma-separated file with double quotes; a quoted field may hold commas and line breaks.

    Raises:
        DataError: Text follows a closing quote, or a quote is never closed.
    """
    # The csv module's limit on a field is one for the whole process: raised to ours, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    given = _CsvLines(read_lines(path))
    rows = csv.reader(given, strict=True)
    while True:
        start = given.number + 1
        given.over_long = False
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"not a CSV row ({error})"
            raise DataError(problem, path=path, line=start, fix="close the quote, or double it inside a field") from error
        if given.over_long:
            yield Fields(start, [], LINE_TOO_LONG)
        else:
            yield Fields(start, fields, "" if fields else EMPTY_LINE)


class _CsvLines:
    """Lines as `csv.reader` wants them; an over-long one is blanked and noted."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines = lines
        self.number = 0
        self.over_long = False

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        self.number, text = next(self.lines)
        if text is None:
            self.over_long = True
        return (text or "") + "\n"


def delimited_pairs(path: Path, wanted: Columns, columns: Sequence[str] | None, *, quoted: bool) -> Iterator[BitextRow]:
    """Pairs of a TSV (`quoted=False`) or CSV file.

    Args:
        columns: Names of the fields of a file without a header; None where the first line names them.

    Raises:
        DataError: A column is missing or a row has another number of fields.
    """
    rows = read_csv(path) if quoted else read_tsv(path)
    if columns is None:
        header = next(rows, None)
        if header is None or header.problem:
            problem = f"no header line ({header.problem if header else 'the file is empty'})"
            raise DataError(problem, path=path, line=1, fix="start with the names of the columns, or pass columns=")
        names, named_at = [name.strip() for name in header.fields], header.line
    else:
        names, named_at = [str(name) for name in columns], None
    if wanted.check(names, path, named_at):
        problem = "a translation column needs JSON Lines or Parquet"
        raise DataError(problem, path=path, line=named_at, fix="name the columns with english_column= and non_english_column=")
    english, non_english = names.index(wanted.english), names.index(wanted.non_english)
    source = names.index("source") if "source" in names else None
    for line, fields, problem in rows:
        if problem:
            yield BitextRow(line, "", "", path.name, path.name, problem)
            continue
        if len(fields) != len(names):
            wrong = f"{len(fields)} fields where {len(names)} are named ({', '.join(names)})"
            fix = "double the quotes inside a field" if quoted else "remove tabs and line breaks inside a field"
            raise DataError(wrong, path=path, line=line, fix=fix)
        origin = path.name if source is None else fields[source].strip() or path.name
        yield BitextRow(line, fields[english], fields[non_english], origin, path.name)


def json_pairs(path: Path, wanted: Columns) -> Iterator[BitextRow]:
    """Pairs of a JSON Lines file, in two fields or in `translation`."""
    for number, record, problem in read_json_lines(path):
        if problem:
            yield BitextRow(number, "", "", path.name, path.name, problem)
            continue
        english, non_english = wanted.of_record(record, path, number)
        origin = text_value(record.get("source"), path, number, "source").strip() or path.name
        yield BitextRow(number, english, non_english, origin, path.name)


def parquet_pairs(path: Path, wanted: Columns) -> Iterator[BitextRow]:
    """Pairs of a Parquet file, read in batches.

    Raises:
        DataError: Not a Parquet file, or a column is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if existing_file(path).stat().st_size == 0:
        raise empty_file(path)
    try:
        with pq.ParquetFile(path) as table:
            in_translation = wanted.check(table.schema_arrow.names, path)
            chosen = ["translation"] if in_translation else [wanted.english, wanted.non_english]
            chosen += [name for name in table.schema_arrow.names if name == "source"]
            number = 0
            for batch in table.iter_batches(batch_size=1000, columns=chosen):
                for record in batch.to_pylist():
                    number += 1
                    english, non_english = wanted.of_record(record, path, number)
                    origin = text_value(record.get("source"), path, number, "source").strip() or path.name
                    yield BitextRow(number, english, non_english, origin, path.name)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"not a readable Parquet file ({error})", path=path, fix="download it again") from error
