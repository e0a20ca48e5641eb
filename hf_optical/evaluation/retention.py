"""Retention: what a student keeps in another language of what its teacher can do in English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .retrieval import RetrievalResult
from .significance import ratio_interval


class Retention(NamedTuple):
    """A ratio of two means and its 95 % interval, None where there are too few queries for one."""

    value: float
    interval: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"{self.value:.3f}" + (f" [{self.interval[0]:.3f}, {self.interval[1]:.3f}]" if self.interval else "")


def retention(student: RetrievalResult, ceiling: RetrievalResult, metrics: Iterable[str]) -> dict[str, Retention]:
    """The student's metrics on foreign queries over the teacher's on human English versions of the same queries.

    Args:
        student: on the foreign queries.
        ceiling: of the teacher, on the English ones.
        metrics: which, such as `recall@10`; those that the teacher has at 0 have no ratio and are left out.

    Raises:
        ValueError: the two are not of the same queries, or were not scored by a metric.

    Example:
        >>> def result(name, values):
        ...     return RetrievalResult(name, 3, {"recall@10": sum(values) / 3}, {}, {"recall@10": dict(zip("abc", values))}, {})
        >>> kept = retention(result("student", [1.0, 0.5, 0.0]), result("teacher", [1.0, 1.0, 0.5]), ["recall@10"])
        >>> print(kept["recall@10"])
        0.600 [0.000, 1.000]
    """
    kept = {}
    for metric in metrics:
        for result in (student, ceiling):
            if metric not in result.per_query:
                raise ValueError(f"{result.system} was not scored by {metric}: its metrics are {', '.join(result.per_query)}.")
        ours, theirs = student.per_query[metric], ceiling.per_query[metric]
        if ours.keys() != theirs.keys():
            raise ValueError(f"{student.system} and {ceiling.system} are not scored on the same queries: retention needs pairs.")
        if ceiling.metrics[metric] == 0:
            continue
        value = student.metrics[metric] / ceiling.metrics[metric]
        try:
            interval = ratio_interval(list(ours.values()), [theirs[query] for query in ours])
        except ValueError:  # one query, or so few that the teacher finds none in some resamples
            interval = None
        kept[metric] = Retention(value, interval)
    return kept
