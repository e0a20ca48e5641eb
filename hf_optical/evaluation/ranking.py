"""Ranking metrics: recall, hit rate, MRR and nDCG at a cut-off, from lists of ids.

The one implementation of the project. It needs the standard library alone, because the same file travels to the Hub
inside the `recall_at_k` metric. The definitions are those of trec_eval: `R@k`, `Success@k`, `RR@k` and `nDCG@k` of
ir_measures give the same figures.

Let `g(r)` be the grade of the document at rank `r`, ranks counted from 1: 0 for a document that is not among the
references, 1 for one that is where no grades are given. Let `R` be the number of references of grade 1 or more. Then:

- `recall@k`: relevant documents among the first k, divided by R;
- `hit_rate@k`: 1 if there is one among the first k, else 0;
- `mrr@k`: 1 / rank of the first one among the first k, else 0;
- `ndcg@k`: `sum_{r<=k} g(r) / log2(r + 1)`, divided by the same sum over the best possible ranking
  (Järvelin and Kekäläinen, 2002, with the grade itself as gain).

A query without relevant document has no recall. It is left out of the means and counted: see `ranking_metrics`.
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from typing import Any

DEFAULT_K = (1, 10, 100)

_Found = list[tuple[int, int]]  # (rank from 1, grade) of the relevant documents that were retrieved, best rank first


class RankingInputError(ValueError):
    """Rankings, references or options that have no well-defined score; the message says which query and why."""


def _recall(found: _Found, ideal: list[int], k: int) -> float:
    return sum(rank <= k for rank, _ in found) / len(ideal)


def _hit_rate(found: _Found, ideal: list[int], k: int) -> float:
    return float(bool(found) and found[0][0] <= k)


def _reciprocal_rank(found: _Found, ideal: list[int], k: int) -> float:
    return 1.0 / found[0][0] if found and found[0][0] <= k else 0.0


def _ndcg(found: _Found, ideal: list[int], k: int) -> float:
    gain = math.fsum(grade / math.log2(rank + 1) for rank, grade in found if rank <= k)
    return gain / math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(ideal[:k], start=1))


_FUNCTIONS = {"recall": _recall, "hit_rate": _hit_rate, "mrr": _reciprocal_rank, "ndcg": _ndcg}
METRICS = tuple(_FUNCTIONS)


def ranking_metrics(
    predictions: Sequence[Sequence[Any]],
    references: Sequence[Sequence[Any]],
    k: Iterable[int] | int = DEFAULT_K,
    metrics: Iterable[str] | str = ("recall",),
    grades: Sequence[Sequence[int]] | None = None,
) -> dict[str, float]:
    """Mean of each metric over the queries that have a relevant document.

    Args:
        predictions: for each query, document ids from best to worst; of any length, also none.
        references: for each query, the ids of its relevant documents; any number, also none, in any order.
        k: cut-offs, positive integers. A ranking shorter than k is taken as it is.
        metrics: names among `"recall"`, `"hit_rate"`, `"mrr"`, `"ndcg"`.
        grades: grades of `references`, in the same shape. A document of grade 0 or less counts as not relevant
            (trec_eval). `"ndcg"` takes the grade as gain; without grades every reference has grade 1.

    Returns:
        One float per metric and cut-off (`"recall@10"`), in [0, 1]; then two counts: `"queries"`, all that were given,
        and `"queries_without_relevant"`, those among them that are left out of the means. A query with relevant
        documents but no prediction scores 0 and stays in.

    Raises:
        RankingInputError: (a ValueError) no query; no query with a relevant document, so that the means are not
            defined; different numbers of queries; an id twice in one list; ids that are neither strings nor integers,
            or strings in one place and integers in another; a string in the place of a list; a cut-off that is not a
            positive integer; an unknown metric. The message names the position of the query, from 0.

    Example:
        >>> ranking_metrics([["d3", "d1", "d7"], ["d9"]], [["d1", "d2"], ["d9"]], k=[1, 3])
        {'recall@1': 0.5, 'recall@3': 0.75, 'queries': 2, 'queries_without_relevant': 0}
        >>> ranking_metrics([["d3", "d1"]], [["d1", "d3"]], k=2, metrics="ndcg", grades=[[2, 1]])["ndcg@2"]
        0.8597186998521972
    """
    per_query = per_query_metrics(predictions, references, k=k, metrics=metrics, grades=grades)
    values = next(iter(per_query.values()))
    without = values.count(None)
    scored = len(values) - without
    if not scored:
        raise RankingInputError(
            f"none of the {len(values)} queries has a relevant document, so no mean is defined: check that references "
            "(and grades) belong to these queries"
        )
    means = {key: math.fsum(v for v in values if v is not None) / scored for key, values in per_query.items()}
    return means | {"queries": len(values), "queries_without_relevant": without}


def per_query_metrics(
    predictions: Sequence[Sequence[Any]],
    references: Sequence[Sequence[Any]],
    k: Iterable[int] | int = DEFAULT_K,
    metrics: Iterable[str] | str = ("recall",),
    grades: Sequence[Sequence[int]] | None = None,
) -> dict[str, list[float | None]]:
    """Value of each metric for each query, in the order of the queries: what paired significance tests need.

    Arguments and errors are those of `ranking_metrics`, except that here every query may be without relevant document.

    Returns:
        For each metric and cut-off (`"recall@10"`) one value per query: a float in [0, 1], or None for a query without
        relevant document, in the same places for every metric. Leave the Nones out of means; never count them as 0.

    Example:
        >>> per_query_metrics([["d1", "d2"], ["d5"], ["d8"]], [["d2"], ["d4"], []], k=2, metrics=["recall", "mrr"])
        {'recall@2': [1.0, 0.0, None], 'mrr@2': [0.5, 0.0, None]}
    """
    cutoffs = _check_cutoffs(k)
    names = _check_metrics(metrics)
    per_query: dict[str, list[float | None]] = {f"{name}@{cutoff}": [] for name in names for cutoff in cutoffs}
    queries = check_queries(predictions, references, grades)
    if not queries:
        raise RankingInputError("there is no query: predictions and references are empty, so no metric is defined")
    for ranking, judged in queries:
        ideal = sorted((grade for grade in judged.values() if grade > 0), reverse=True)
        found = [(rank, judged[doc]) for rank, doc in enumerate(ranking, start=1) if judged.get(doc, 0) > 0]
        for name in names:
            for cutoff in cutoffs:
                per_query[f"{name}@{cutoff}"].append(_FUNCTIONS[name](found, ideal, cutoff) if ideal else None)
    return per_query


def standard_error(values: Iterable[float | None]) -> float:
    """Standard error of the mean, `s / sqrt(n)` with the sample standard deviation `s` (n - 1 in the denominator).

    Args:
        values: one value per query, as `per_query_metrics` gives them; Nones are left out.

    Raises:
        RankingInputError: (a ValueError) fewer than two values, or a value that is not finite.

    Example:
        >>> standard_error([1.0, 0.0, None, 1.0, 0.0])
        0.28867513459481287
    """
    scored = [float(value) for value in values if value is not None]
    if len(scored) < 2:
        raise RankingInputError(f"a standard error needs at least 2 values, got {len(scored)} (None is left out)")
    if not all(map(math.isfinite, scored)):
        raise RankingInputError("a standard error needs finite values, got NaN or infinity among them")
    mean = math.fsum(scored) / len(scored)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in scored) / (len(scored) - 1) / len(scored))


def check_queries(predictions: Any, references: Any, grades: Any = None) -> list[tuple[list[Any], dict[Any, int]]]:
    """Check the queries, raising the errors of `ranking_metrics`, and give the ranking and the judgements of each.

    Returns:
        One pair per query: the ranked ids, and the grades of its references by id. Empty where no query is given.

    Example:
        >>> check_queries([["d3", "d1"]], [["d1"]])
        [(['d3', 'd1'], {'d1': 1})]
    """
    predictions = _as_list(predictions, "predictions", "lists of ids, one per query")
    references = _as_list(references, "references", "lists of ids, one per query")
    grades = None if grades is None else _as_list(grades, "grades", "lists of integers, one per query")
    for name, other in (("references", references), ("grades", grades)):
        if other is not None and len(other) != len(predictions):
            raise RankingInputError(
                f"predictions holds {len(predictions)} queries and {name} {len(other)}: they must be the same queries "
                f"in the same order, and position {min(len(predictions), len(other))} is in one of the two only"
            )
    kinds: dict[type, str] = {}  # type of an id -> "string" or "integer"; one entry for each type that occurs
    queries = []
    for query, ranked in enumerate(predictions):
        ranking = _check_ids(ranked, f"predictions[{query}]", kinds)
        relevant = _check_ids(references[query], f"references[{query}]", kinds)
        row = [1] * len(relevant) if grades is None else _check_grades(grades[query], relevant, query)
        queries.append((ranking, dict(zip(relevant, row, strict=True))))
    return queries


def _check_cutoffs(k: Any) -> list[int]:
    cutoffs = list(k) if isinstance(k, Iterable) and not isinstance(k, str | bytes) else [k]
    for cutoff in cutoffs:
        if not isinstance(cutoff, Integral) or isinstance(cutoff, bool) or cutoff < 1:
            raise RankingInputError(f"k must hold positive integers such as [1, 10, 100], got {_show(cutoff)}")
    if not cutoffs:
        raise RankingInputError("k is empty: give at least one positive integer")
    return list(dict.fromkeys(int(cutoff) for cutoff in cutoffs))


def _check_metrics(metrics: Any) -> list[str]:
    names = [metrics] if isinstance(metrics, str) or not isinstance(metrics, Iterable) else list(metrics)
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(str(name).lower(), METRICS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RankingInputError(f"unknown metric {_show(name)}: {hint}the metrics are {', '.join(METRICS)}")
    if not names:
        raise RankingInputError(f"metrics is empty: give at least one of {', '.join(METRICS)}")
    return list(dict.fromkeys(names))


def _check_ids(values: Any, place: str, kinds: dict[type, str]) -> list[Any]:
    ids = _as_list(values, place, "a list of ids")
    for cls in dict.fromkeys(map(type, ids)):
        if cls not in kinds:
            # An id of another type (a tensor's element, None) would match nothing and score 0 without a word.
            example = next(value for value in ids if type(value) is cls)
            integer = issubclass(cls, Integral) and not issubclass(cls, bool)
            if not integer and not issubclass(cls, str):
                raise RankingInputError(f"{place} holds {_show(example)} ({cls.__name__}): ids are strings or integers")
            kinds[cls] = "integer" if integer else "string"
            if len(set(kinds.values())) > 1:
                raise RankingInputError(
                    f"{place} holds the {kinds[cls]} id {_show(example)} while earlier ids are of the other type: "
                    "a string never equals an integer, convert one side"
                )
    if len(set(ids)) != len(ids):
        first: dict[Any, int] = {}
        position, twice = next((i, value) for i, value in enumerate(ids) if first.setdefault(value, i) != i)
        raise RankingInputError(
            f"{place} holds the id {_show(twice)} twice (positions {first[twice]} and {position}): keep each id once"
        )
    return ids


def _check_grades(values: Any, relevant: list[Any], query: int) -> list[int]:
    row = _as_list(values, f"grades[{query}]", "a list of integers")
    if len(row) != len(relevant):
        raise RankingInputError(f"grades[{query}] holds {len(row)} grades for {len(relevant)} references")
    for grade in row:
        if not isinstance(grade, Integral) or isinstance(grade, bool):
            raise RankingInputError(f"grades[{query}] holds {_show(grade)}: grades are integers")
    return [int(grade) for grade in row]


def _as_list(values: Any, place: str, expected: str) -> list[Any]:
    # A string is a list of its letters to Python, and a set or a dict has no ranks: each would give a wrong figure.
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        raise RankingInputError(f"{place} is {_show(values)} ({type(values).__name__}): expected {expected}")
    return list(values)


def _show(value: Any) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."
