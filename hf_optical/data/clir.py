"""Cross-lingual training data made from Wikipedia: CLIRMatrix, WikiCLIR, and articles linked across languages.

**What the judgments are worth: synthetic.** Nobody judged a passage. CLIRMatrix (Sun and Duh, EMNLP 2020) takes the title of an
article as query, ranks the articles of that language by BM25, cuts the scores into grades and carries them over to the linked
articles of another language: what it calls relevant is what BM25 finds by the title's words. WikiCLIR (Sasaki et al., NAACL 2018)
calls the article linked to the query's article relevant (grade 2), and those linked with that one half relevant (grade 1). Titles
and first sentences are no questions, and the article that is asked for is mostly about a name: good for learning names and topics,
no evidence about a retriever. Do not report figures on them as if people had judged.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Any

from .errors import DataError, check_limit, shown
from .fields import identifier, plain_text
from .files import json_rows
from .id_texts import Source, dataset_rows, is_table, source_name, table_rows, texts_by_id
from .judgments import JudgedTriples, TriplesReport
from .languages import check_language

_NO_POSITIVE = "queries without a document of the grade asked for"


def load_clirmatrix(
    queries: str | PathLike[str],
    documents: Source,
    *,
    query_language: str,
    document_language: str = "en",
    min_grade: int = 5,
    negatives: int = 8,
    scores: bool = False,
    limit: int | None = None,
) -> JudgedTriples:
    """Load CLIRMatrix: titles in one language, documents in another, grades from 0 to 6. The judgments are synthetic.

    Args:
        queries: `sw.en.train.jl.gz`: `{"src_id", "src_query", "tgt_results": [[document id, grade], ...]}` a line.
        documents: `en.tsv.gz`: id and text a line; or a data set.
        query_language, document_language: codes, for the report.
        min_grade: the document of the highest grade is the positive, if it has at least this one; of several the first. Queries
            without one are left out and counted.
        negatives: at most so many documents of grade 0, in the order of the file.
        scores: give the grades as `scores`. They are not on the scale of a model: for a loss on differences or ranks only.
        limit: read the first N queries only.

    Raises:
        DataError: a line is not of this form, or a document is unknown, with file, line and id.
    """
    check_limit(limit, "queries")
    report = TriplesReport(source_name(queries), "synthetic", *_languages(query_language, document_language))
    chosen: list[tuple[str, list[tuple[str, int]]]] = []
    wanted: dict[str, tuple[str, int]] = {}
    for line, query, graded in islice(_clirmatrix_lines(queries), limit):
        report.rows_read += 1
        best = max(graded, key=lambda hit: hit[1], default=("", -1))
        if best[1] < min_grade:
            report.left_out[_NO_POSITIVE] += 1
            continue
        kept = [best, *[hit for hit in graded if hit[1] == 0 and hit[0] != best[0]][:negatives]]
        for key, _ in kept:
            wanted.setdefault(key, (str(queries), line))
        chosen.append((query, kept))
    texts = texts_by_id(documents, wanted)
    rows = (_graded(query, [(texts[key], grade) for key, grade in kept], scores) for query, kept in chosen)
    return JudgedTriples.collect(rows, report, scores=scores)


def load_wikiclir(
    queries: Source,
    documents: Source,
    relevance: Source,
    *,
    query_language: str,
    document_language: str,
    query_field: str = "title",
    min_grade: int = 2,
    negatives: int = 0,
    seed: int = 42,
    limit: int | None = None,
) -> JudgedTriples:
    """Load WikiCLIR: titles or first sentences, documents in another language, grades 1 and 2. The judgments are synthetic.

    The published files have **English queries and documents in another language** (`wiki_en.queries`, `wiki_sw.documents`,
    `en2sw.rel`): they train the document side of a student, or, with files of your own the other way round, the query side.

    Args:
        queries: id, title and first sentence a line; or a data set with such columns.
        documents: id, title and text a line; or a data set.
        relevance: query id, document id and grade a line; or a data set with `query_id`, `doc_id`, `relevance`.
        query_language, document_language: codes, for the report.
        query_field: `title` or `first_sentence`.
        min_grade: documents with this grade or more are positives, each in a triple of its own.
        negatives: so many documents drawn at random from those that other queries name; never one with a grade for this query.
        seed: of that draw, which depends on nothing but it and the query.
        limit: read the first N judgments only.

    Raises:
        DataError: a line is not of this form, or a query or document is unknown, with file, line and id.
    """
    if query_field not in ("title", "first_sentence"):
        raise DataError(f"query_field is {query_field!r}", fix="give 'title' or 'first_sentence'")
    check_limit(limit, "judgments")
    report = TriplesReport(source_name(relevance), "synthetic", *_languages(query_language, document_language))
    place = source_name(relevance)
    judged: dict[str, dict[str, int]] = {}
    wanted_queries: dict[str, tuple[str, int]] = {}
    wanted: dict[str, tuple[str, int]] = {}
    for line, query, document, grade in islice(_judgment_rows(relevance), limit):
        report.rows_read += 1
        judged.setdefault(query, {})[document] = grade
        wanted_queries.setdefault(query, (place, line))
        wanted.setdefault(document, (place, line))
    field: int | str = query_field
    if is_table(queries):
        field = 1 if query_field == "title" else 2
    query_texts, texts = texts_by_id(queries, wanted_queries, column=field), texts_by_id(documents, wanted)
    pool = list(texts)

    def rows() -> Iterator[dict[str, Any]]:
        for query, grades in judged.items():
            positives = [document for document, grade in grades.items() if grade >= min_grade]
            if not positives:
                report.left_out[_NO_POSITIVE] += 1
            drawn = _drawn(pool, grades, negatives, f"{seed}:{query}")
            for document in positives:
                yield {"query": query_texts[query], "positive": texts[document], "negatives": [texts[key] for key in drawn]}

    return JudgedTriples.collect(rows(), report)


def load_linked_articles(
    source: Source,
    *,
    query_language: str,
    document_language: str = "en",
    query_column: str = "title",
    document_column: str = "document",
    negatives: int = 0,
    seed: int = 42,
    limit: int | None = None,
    split: str = "train",
    revision: str | None = None,
) -> JudgedTriples:
    """Load pairs of a title or first sentence and the linked article in another language. The judgments are synthetic.

    Args:
        source: JSON Lines (`.jsonl`, plain or `.gz`), a Parquet file or a data set, with these columns; or TSV with these two
            fields a line, under a header with their names or none.
        query_language, document_language: codes, for the report.
        query_column: holds the title or first sentence.
        document_column: holds the article, or the passage of it that is to be found.
        negatives: so many documents of other rows, drawn at random under `seed`; none by default, for losses with the other
            documents of the batch.
        limit: read the first N rows only.
        split, revision: of a data set.

    Raises:
        DataError: a column is missing or empty, with file and line.
    """
    check_limit(limit, "rows")
    report = TriplesReport(source_name(source), "synthetic", *_languages(query_language, document_language))
    place = source_name(source)
    names = [query_column, document_column]
    records: Iterator[tuple[int, Mapping[str, Any]]]
    if not isinstance(source, tuple) and str(source).removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        records = json_rows(source)
    elif not isinstance(source, tuple) and is_table(source):
        rows = table_rows(source, 2, 2, "a title or sentence and an article")
        records = ((line, dict(zip(names, fields, strict=True))) for line, fields in rows if (line, fields) != (1, names))
    else:
        _, records = dataset_rows(source, split=split, revision=revision)
    pairs: list[tuple[str, str]] = []
    for line, record in islice(records, limit):
        texts = [plain_text(record, name, place, line).strip() for name in names]
        for name, text in zip(names, texts, strict=True):
            if not text:
                raise DataError("empty", path=place, line=line, column=name, fix="write or remove it")
        pairs.append((texts[0], texts[1]))
    report.rows_read = len(pairs)
    pool = list(dict.fromkeys(document for _, document in pairs))
    linked: dict[str, set[str]] = {}
    for query, document in pairs:
        linked.setdefault(query, set()).add(document)
    triples = (
        {"query": query, "positive": document, "negatives": _drawn(pool, linked[query], negatives, f"{seed}:{query}")}
        for query, document in pairs
    )
    return JudgedTriples.collect(triples, report)


def _languages(query: str, document: str) -> tuple[str, str]:
    return check_language(query), check_language(document)


def _graded(query: str, documents: Sequence[tuple[str, int]], scores: bool) -> dict[str, Any]:
    texts = [text for text, _ in documents]
    row: dict[str, Any] = {"query": query, "positive": texts[0], "negatives": texts[1:]}
    return row | {"scores": [float(grade) for _, grade in documents]} if scores else row


def _drawn(pool: Sequence[str], own: Any, count: int, seed: str) -> list[str]:
    """`count` of the pool that are not the query's own, or as many as there are; the same ones whatever was drawn before."""
    draw = random.Random(seed)
    found: list[str] = []
    seen = set(own)
    if len(pool) <= 2 * (count + len(seen)):
        others = [each for each in pool if each not in seen]
        return draw.sample(others, min(count, len(others)))
    while len(found) < count:
        each = pool[draw.randrange(len(pool))]
        if each not in seen:
            seen.add(each)
            found.append(each)
    return found


def _clirmatrix_lines(path: str | PathLike[str]) -> Iterator[tuple[int, str, list[tuple[str, int]]]]:
    for line, record in json_rows(path):
        query = plain_text(record, "src_query", path, line).strip()
        results = record.get("tgt_results")
        if not query:
            raise DataError("empty", path=path, line=line, column="src_query", fix="write or remove it")
        if not isinstance(results, list):
            problem = "no list of [document id, grade]"
            raise DataError(problem, path=path, line=line, column="tgt_results", fix="give a file of CLIRMatrix's queries (.jl)")
        graded: list[tuple[str, int]] = []
        for hit in results:
            if not isinstance(hit, list) or len(hit) != 2:
                problem = f"{shown(str(hit))} is not [document id, grade]"
                raise DataError(problem, path=path, line=line, column="tgt_results", fix="write two values")
            key = identifier({"id": hit[0]}, ("id",), path, line)
            graded.append((key, _grade(hit[1], path, line, "tgt_results")))
        yield line, query, graded


def _judgment_rows(source: Source) -> Iterator[tuple[int, str, str, int]]:
    place = source_name(source)
    if is_table(source):
        for line, fields in table_rows(source, 3, 4, "query id, document id and grade"):
            if len(fields) == 4:  # TREC's form has a column in the middle that says nothing
                fields.pop(1)
            yield line, fields[0].strip(), fields[1].strip(), _grade(fields[2].strip(), place, line, "grade")
        return
    _, records = dataset_rows(source)
    for line, record in records:
        query = identifier(record, ("query_id", "query-id", "qid"), place, line)
        document = identifier(record, ("doc_id", "corpus-id", "docid"), place, line)
        grade = record.get("relevance", record.get("score"))
        yield line, query, document, _grade(grade, place, line, "relevance")


def _grade(value: Any, place: Any, line: int, column: str) -> int:
    try:
        grade = int(value)
        if grade != float(value):
            raise ValueError
        return grade
    except (TypeError, ValueError):
        problem = f"{shown(str(value))} is not a whole number"
        raise DataError(problem, path=place, line=line, column=column, fix="write the grade of the document") from None
