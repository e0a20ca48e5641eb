"""Sentence pairs from wherever they are: the form is told by the name, the rows come one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from .errors import DataError
from .files import existing_file
from .hub import dataset_pairs, delimited_files, is_hub_name
from .moses import moses_files, moses_pairs
from .rows import BitextRow, Columns
from .tables import delimited_pairs, json_pairs, parquet_pairs
from .tmx import tmx_pairs

# One source: a file, folder, Moses prefix or Hub name; or the two files of a Moses corpus, English first.
BitextSource: TypeAlias = str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]]

_TABLES = (".tsv", ".csv", ".jsonl", ".ndjson", ".json", ".parquet")
_TMX = (".tmx", ".tmx.gz", ".tmx.zip")


def is_hub_bitext(source: str, language: str) -> bool:
    """Whether `read_bitext` takes a source for the name of a data set on the Hub: nothing here has that name, or begins with it.

    Example:
        >>> is_hub_bitext("org/bitext", "sw"), is_hub_bitext("pairs.tsv", "sw"), is_hub_bitext("org/corpus.{en,sw}", "sw")
        (True, False, False)
    """
    path = Path(source)
    name = path.name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    here = path.exists() or name.endswith(_TMX) or kind in _TABLES or "{" in source or moses_files(source, language)
    return not here and is_hub_name(source)


def read_bitext(
    source: BitextSource,
    *,
    language: str,
    english_column: str = "english",
    non_english_column: str = "non_english",
    columns: Sequence[str] | None = None,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
) -> Iterator[BitextRow]:
    """Rows of one source, as read: nothing normalised, nothing filtered, nothing left out.

    Args:
        source: One of

            - `pairs.tsv` (no quoting), `pairs.csv` (double quotes), `pairs.jsonl`, plain or `.gz`; `pairs.parquet`;
            - `memory.tmx`, `memory.tmx.gz`, `memory.tmx.zip`;
            - Moses files: `("corpus.en", "corpus.sw")` (English first), `"corpus.{en,sw}"`, or `"corpus"`;
            - a folder or the Hub name of a data set, with two text columns or a `translation` column.
        language: Code of the other language; selects from TMX, Moses prefixes and `translation`.
        english_column: Name of the column or field of English sentences.
        non_english_column: Name of the other.
        columns: Names of all fields of a TSV or CSV file without a header, for example `("english", "non_english")`.
        split: Split of a data set; so are `config`, `revision` and `streaming` for data sets only.

    Raises:
        DataError: The source is missing, broken, or not in the form its name says; rows are read as they are asked for,
            so most errors come at the row that has them.
    """
    wanted = Columns(english_column, non_english_column, language)
    if isinstance(source, tuple):
        if len(source) != 2:
            problem = f"{len(source)} files where a Moses corpus has two"
            raise DataError(problem, fix="give (english, non_english), or a list for several sources")
        return moses_pairs(existing_file(source[0]), existing_file(source[1]))
    if not isinstance(source, str | PathLike):
        raise DataError(f"a source is a path or a name, not {type(source).__name__}", fix="give for example 'pairs.tsv'")
    path = Path(source)
    name = path.name.lower()
    if path.is_dir():
        tables = delimited_files(path, split, config)
        if tables:
            parts = (delimited_pairs(file, wanted, columns, quoted=".csv" in file.suffixes) for file in tables)
            return chain.from_iterable(parts)
        return dataset_pairs(path, wanted, split=split, config=config, revision=revision, streaming=streaming)
    if not path.is_file() and (files := moses_files(str(source), language)):
        return moses_pairs(existing_file(files[0]), existing_file(files[1]))
    if name.endswith(_TMX):
        return tmx_pairs(existing_file(path), language)
    kind = Path(name.removesuffix(".gz")).suffix
    if kind in (".tsv", ".csv"):
        return delimited_pairs(existing_file(path), wanted, columns, quoted=kind == ".csv")
    if kind in (".jsonl", ".ndjson", ".json"):
        return json_pairs(existing_file(path), wanted)
    if name.endswith(".parquet"):
        return parquet_pairs(existing_file(path), wanted)
    if path.is_file() or not is_hub_name(str(source)):
        existing_file(path)
        fix = f"give one of {', '.join(_TABLES)} (plain or .gz), {', '.join(_TMX)}, two Moses files, or a data set's name"
        raise DataError(f"unknown kind of file {path.suffix!r}", path=path, fix=fix)
    return dataset_pairs(str(source), wanted, split=split, config=config, revision=revision, streaming=streaming)
