"""Results as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from .retrieval import RetrievalResult


def results_table(results: Sequence[RetrievalResult], metrics: Sequence[str] = ("recall@1", "recall@10", "recall@100")) -> str:
    """Rows of systems, columns of metrics in points (0-100), each with its standard error over queries if there are two or more.

    Raises:
        ValueError: a result lacks one of the metrics.

    Example:
        >>> r = RetrievalResult("BM25", 4, {"recall@1": 0.5}, {"recall@1": 0.25}, {}, {})
        >>> print(results_table([r], ["recall@1"]))
        | system | queries | recall@1   |
        |--------|---------|------------|
        | BM25   | 4       | 50.0 ±25.0 |
    """
    header = ["system", "queries", *metrics]
    rows = [[_cell(result.system), str(result.queries), *(_points(result, metric) for metric in metrics)] for result in results]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in [header, *rows]
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _points(result: RetrievalResult, metric: str) -> str:
    if metric not in result.metrics:
        raise ValueError(f"{result.system} was not scored by {metric}: its metrics are {', '.join(result.metrics)}.")
    points = f"{100 * result.metrics[metric]:.1f}"
    error = result.standard_errors.get(metric)
    return points if error is None else f"{points} ±{100 * error:.1f}"


def _cell(text: str) -> str:
    """Text that stays inside its cell."""
    return " ".join(text.split()).replace("|", r"\|")
