"""Retrieval collections in BEIR layout, from a folder or from the Hub."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from .beir_hub import fill_from_dataset
from .collection import CollectionBuilder, RetrievalCollection
from .errors import DataError
from .files import existing_file, json_rows, read_lines

__all__ = ["RetrievalCollection", "load_questions", "load_retrieval"]

_QRELS_HEADER = ["query-id", "corpus-id", "score"]


def load_retrieval(
    path_or_repo: str | PathLike[str],
    *,
    split: str = "test",
    corpus: str | PathLike[str] | None = None,
    config: str | None = None,
    revision: str | None = None,
) -> RetrievalCollection:
    """Load a retrieval collection from a folder in BEIR layout, or a data set in the layout BEIR has on the Hub.

    A folder holds `corpus.jsonl`, `queries.jsonl` (each plain or `.gz`) and `qrels/{split}.tsv` with the columns
    `query-id`, `corpus-id`, `score`. A data set has the configurations `corpus`, `queries`, and `qrels` or `default`,
    or the judgements in a data set of their own named `{name}-qrels`. Queries that the split does not judge are counted
    and left out.

    Args:
        path_or_repo: The folder, or the name of the data set.
        split: Which judgements to load.
        corpus: The corpus file, where it is not in the folder.
        config: For data sets of several languages: the prefix of their configurations (`sw` of `sw-corpus`).
        revision: Revision of the data set.

    Raises:
        DataError: A file or field is missing, an id is doubled, or a judgement names an unknown query or document or
            has a bad score, with file and line.

    Example:
        >>> collection = load_retrieval("retrieval/sw-en", corpus="corpus.jsonl.gz")  # doctest: +SKIP
        >>> collection.qrels[collection.query_ids[0]]  # doctest: +SKIP
        {'afriqa-5934581670': 1}
    """
    folder = Path(path_or_repo)
    builder = CollectionBuilder()
    queries = _in_folder(folder, "queries.jsonl")
    if queries is None:
        if corpus is not None:
            read_corpus(existing_file(corpus), builder)
        fill_from_dataset(str(path_or_repo), builder, split=split, config=config, revision=revision)
        return builder.finish(folder.name if config is None else f"{folder.name}-{config}", split, folder)
    qrels = folder / "qrels" / f"{split}.tsv"
    if not qrels.is_file():
        splits = sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
        fix = f"the splits are {', '.join(splits)}" if splits else "put judgements there"
        raise DataError(f"no judgements for split {split!r}", path=qrels, fix=fix)
    read_corpus(_corpus_file(folder, corpus), builder)
    _read_queries(queries, builder)
    read_qrels(qrels, builder)
    return builder.finish(folder.resolve().name, split, folder)


def load_questions(path_or_repo: str | PathLike[str], *, split: str = "test") -> list[str]:
    """Everything that is asked in a collection, in both languages: what training sentences must not contain.

    Args:
        path_or_repo: a folder with `queries.jsonl`, all of which is read, judged or not; or a data set, as for `load_retrieval`.
        split: of a data set.

    Raises:
        DataError: a file is missing or broken, with file and line.

    Example:
        >>> load_questions("retrieval/sw-en")[:2]  # doctest: +SKIP
    """
    folder, builder = Path(path_or_repo), CollectionBuilder()
    if queries := _in_folder(folder, "queries.jsonl"):
        _read_queries(queries, builder)
    elif folder.is_dir():
        raise DataError("no queries.jsonl or queries.jsonl.gz", path=folder, fix="name a folder in BEIR layout")
    else:
        fill_from_dataset(str(path_or_repo), builder, split=split)
    return [*builder.texts.values(), *builder.english.values()]


def read_corpus(path: Path, builder: CollectionBuilder) -> None:
    """Read the documents of a `corpus.jsonl` file."""
    for line, record in json_rows(path):
        builder.add_document(record, path, line)


def _read_queries(path: Path, builder: CollectionBuilder) -> None:
    for line, record in json_rows(path):
        builder.add_query(record, path, line)


def read_qrels(path: Path, builder: CollectionBuilder) -> None:
    """Read a file of judgements; the header may be missing where the first line is a judgement itself."""
    for line, text in read_lines(path):
        fields = (text or "").split("\t")
        if text == "" or (line == 1 and fields == _QRELS_HEADER):
            continue
        if len(fields) != 3 or (line == 1 and not fields[2].strip().isdecimal()):
            problem = f"{len(fields)} fields" if len(fields) != 3 else f"the header is {', '.join(map(repr, fields))}"
            fix = f"write {', '.join(_QRELS_HEADER)}, parted by tabs"
            raise DataError(problem, path=path, line=line, fix=fix)
        builder.add_judgement(*fields, path, line)


def _in_folder(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _corpus_file(folder: Path, corpus: str | PathLike[str] | None) -> Path:
    if corpus is not None:
        return existing_file(corpus)
    found = _in_folder(folder, "corpus.jsonl")
    if found is not None:
        return found
    above = next((path for up in ("..", "../..") if (path := _in_folder(folder / up, "corpus.jsonl"))), None)
    fix = f"pass corpus={os.path.normpath(above)!r}" if above else "pass corpus= with the path of the corpus file"
    raise DataError("no corpus.jsonl or corpus.jsonl.gz", path=folder, fix=fix)
