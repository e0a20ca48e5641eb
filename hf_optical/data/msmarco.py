"""MS MARCO and mMARCO training triples, by name on the Hub or from their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from .errors import DataError, check_limit, shown
from .fields import identifier, plain_text
from .id_texts import Source, dataset_rows, is_table, table_rows, texts_by_id
from .judgments import JudgedTriples, TriplesReport
from .languages import check_language, language_name

_QUERY = ("query", "query_id", "qid")
_POSITIVE = ("positive", "positive_id", "pos", "pid_pos")
_NEGATIVE = re.compile(r"neg(ative)?(_id|_\d+)?|negatives|negative_ids|pid_neg")
_SAME = "the positive is also the negative"


def load_msmarco(
    source: str | PathLike[str],
    *,
    queries: Source | None = None,
    collection: Source | None = None,
    query_language: str = "en",
    document_language: str = "en",
    limit: int | None = None,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
) -> JudgedTriples:
    """Load MS MARCO passage triples, English or in the translations of mMARCO.

    **What the judgments are worth: shallow.** Annotators marked on average one passage of the ten that a search engine showed
    for a query (Bajaj et al. 2016, arXiv 1611.09268); the rest of 8.8 million passages was not looked at. The negatives of the
    official triples are other passages that BM25 finds, those of the sentence-transformers data sets are mined by a model: many
    of them answer the query. mMARCO (Bonifacio et al. 2021, arXiv 2108.13897) carries the same judgments over to texts that a
    machine translated, so that a translation may have lost what made a passage relevant. The report says both.

    Args:
        source: one of

            - ids: `qidpidtriples.train.full.2.tsv`, `triples.train.ids.small.tsv` (query, positive and negative id a line), with
              `queries` and `collection`;
            - texts: `triples.train.small.tsv` (query, positive and negative a line);
            - a folder with these files: the queries and passages of the languages are found by their names, `queries.de.tsv`,
              `german_queries.train.tsv` or (English) `queries.train.tsv`, `collection.de.tsv`, `german_collection.tsv` or
              `collection.tsv`;
            - a data set, by name, as a folder or a Parquet file, with the columns `query`, `positive` and `negative` or
              `negative_1`, `negative_2`, ... (`sentence-transformers/msmarco-bm25`, `config="triplet-hard"`): texts; or ids
              (`triplet-ids`), with `queries` and `collection`.

            Files may be gzipped. Data sets with a loading script (`unicamp-dl/mmarco`) are not run: the error says what to do.
        queries: texts of the query ids: a TSV file of id and text, a data set, or `(data set, configuration)` such as
            `("sentence-transformers/msmarco-corpus", "query")`.
        collection: likewise of the passages.
        query_language: language of the queries; picks their file in a folder, and is noted in the report.
        document_language: likewise of the passages. English passages with translated queries train a cross-lingual retriever.
        limit: read the first N triples only; then only the texts that they name are held.
        split: of a data set; so are `config` and `revision`.

    Returns:
        Triples as of `load_triples`, one for each row, and the report. A triple whose positive is its negative is left out and
        counted.

    Raises:
        DataError: a file, column or id is missing, or a line is no triple, with file, line and id.

    Example:
        >>> found = load_msmarco("mmarco/", query_language="de", limit=100_000)  # doctest: +SKIP
        >>> found.report.judgments, found.triples.column_names  # doctest: +SKIP
        ('shallow', ['query', 'positive', 'negatives'])
    """
    languages = check_language(query_language), check_language(document_language)
    check_limit(limit, "triples")
    path = Path(source)
    if path.is_dir() and (triples := _triples_in(path)):
        by_id = _holds_ids(triples)
        if by_id:
            queries = queries or _named(path, "queries", languages[0])
            collection = collection or _named(path, "collection", languages[1])
        path = triples
    elif is_table(source):
        by_id = queries is not None or collection is not None or _holds_ids(path)
    else:
        path, by_id = None, None
    report = TriplesReport(str(source), "shallow", *languages, machine_translated=languages != ("en", "en"))
    if path is not None:
        rows = ((line, fields[0], fields[1], fields[2:]) for line, fields in table_rows(path, 3, 3, "query, positive and negative"))
        place = str(path)
    else:
        columns, records = dataset_rows(str(source), split=split, config=config, revision=revision)
        place = str(source)
        rows, by_id = _records(columns, records, place)
    chosen = islice(rows, limit)
    if by_id:
        chosen = _with_texts(list(chosen), queries, collection, place, report)
    return JudgedTriples.collect(_triples(chosen, place, report), report)


Row = tuple[int, str, str, list[str]]  # line, query, positive, negatives


def _triples(rows: Iterator[Row], place: str, report: TriplesReport) -> Iterator[dict[str, Any]]:
    for line, query, positive, negatives in rows:
        for name, text in (("query", query), ("positive", positive), *(("negative", negative) for negative in negatives)):
            if not text.strip():
                raise DataError("empty", path=place, line=line, column=name, fix="write or remove it")
        report.rows_read += 1
        if positive in negatives:
            report.left_out[_SAME] += 1
            continue
        yield {"query": query.strip(), "positive": positive.strip(), "negatives": [text.strip() for text in negatives]}


def _with_texts(
    rows: list[Row], queries: Source | None, collection: Source | None, place: str, report: TriplesReport
) -> Iterator[Row]:
    """Rows of ids as rows of texts."""
    for source, name in ((queries, "queries"), (collection, "collection")):
        if source is None:
            problem = f"triples of ids need the {name}"
            raise DataError(problem, path=place, fix=f"pass {name}= with a TSV file of id and text, or a data set")
    wanted_queries: dict[str, tuple[str, int]] = {}
    wanted_passages: dict[str, tuple[str, int]] = {}
    for line, query, positive, negatives in rows:
        wanted_queries.setdefault(query.strip(), (place, line))
        for passage in (positive, *negatives):
            wanted_passages.setdefault(passage.strip(), (place, line))
    query_texts, passages = texts_by_id(queries, wanted_queries), texts_by_id(collection, wanted_passages)
    for line, query, positive, negatives in rows:
        texts = [passages[negative.strip()] for negative in negatives]
        yield line, query_texts[query.strip()], passages[positive.strip()], texts


def _records(columns: list[str], records: Iterator[tuple[int, Mapping[str, Any]]], place: str) -> tuple[Iterator[Row], bool]:
    """Rows of a data set, and whether they are of ids."""
    query, positive = (next((name for name in columns if name in names), None) for names in (_QUERY, _POSITIVE))
    negatives = [name for name in columns if _NEGATIVE.fullmatch(name)]
    missing = [name for name, found in (("query", query), ("positive", positive), ("negative", negatives)) if not found]
    if missing:
        problem = f"missing; the columns are {', '.join(map(repr, columns))}"
        fix = "choose another config=, with the columns query, positive and negative"
        raise DataError(problem, path=place, column=missing[0], fix=fix)
    first = next(records, None)
    if first is None:
        raise DataError("the data set holds no row", path=place, fix="check config= and split=")
    by_id = query != "query" or not isinstance(first[1][query], str)

    def text(record: Mapping[str, Any], name: str, line: int) -> str:
        return identifier(record, (name,), place, line) if by_id else plain_text(record, name, place, line)

    def rows() -> Iterator[Row]:
        yield of(*first)
        for line, record in records:
            yield of(line, record)

    def of(line: int, record: Mapping[str, Any]) -> Row:
        found: list[str] = []
        for name in negatives:
            values = record[name] if isinstance(record[name], list) else [record[name]]
            found += [text({name: value}, name, line) for value in values]
        return line, text(record, query, line), text(record, positive, line), found

    return rows(), by_id


def _holds_ids(path: Path) -> bool:
    """Whether the first line of a file of triples has numbers instead of texts."""
    _, fields = next(table_rows(path, 3, 3, "query, positive and negative"), (0, []))
    if not fields:
        raise DataError("no triples", path=path, fix="check that the file was written whole")
    return all(field.strip().isdecimal() for field in fields)


def _triples_in(folder: Path) -> Path | None:
    found = _files(folder, re.compile(r"(qidpid)?triples\.[^/]*\.?tsv(\.gz)?"))
    return _only(found, folder, "triples", "give the path of one of them as source") if found else None


def _named(folder: Path, noun: str, language: str) -> Path:
    """The file of queries or passages in a language."""
    spelt = "|".join(sorted({re.escape(language), re.escape(language_name(language).lower())}))
    names = rf"{noun}\.({spelt})(\.train)?|{noun}\.train\.({spelt})|({spelt})_{noun}(\.train)?"
    patterns = [names, rf"{noun}(\.train)?"] if language == "en" else [names]
    for pattern in patterns:
        if found := _files(folder, re.compile(rf"({pattern})\.tsv(\.gz)?")):
            return _only(found, folder, noun, f"pass {noun}= with one of them")
    looked = f"{noun}.{language}.tsv or {language_name(language).lower()}_{noun}{'.train' if noun == 'queries' else ''}.tsv"
    raise DataError(f"no {noun} in {language!r} ({looked})", path=folder, fix=f"pass {noun}= with the path of the file")


def _files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return sorted(path for path in folder.rglob("*.tsv*") if pattern.fullmatch(path.name))


def _only(found: list[Path], folder: Path, noun: str, fix: str) -> Path:
    if len(found) > 1:
        names = ", ".join(shown(str(path.relative_to(folder)), 200) for path in found[:5])
        raise DataError(f"{len(found)} files of {noun}: {names}", path=folder, fix=fix)
    return found[0]
