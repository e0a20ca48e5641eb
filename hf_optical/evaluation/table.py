"""Results as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from .retrieval import RetrievalResult


def results_table(results: Sequence[RetrievalResult], metrics: Sequence[str] = ("recall@1", "recall@10", "recall@100")) -> str:
    """Rows of systems, columns of metrics in points (0-100), each with its standard error over queries.

    Example:
        >>> r = RetrievalResult("BM25", 4, {"recall@1": 0.5}, {"recall@1": 0.25}, {}, {})
        >>> print(results_table([r], ["recall@1"]))
        | system | queries | recall@1   |
        |--------|---------|------------|
        | BM25   | 4       | 50.0 ±25.0 |
    """
    header = ["system", "queries", *metrics]
    rows = [
        [r.system, str(r.queries), *(f"{100 * r.metrics[m]:.1f} ±{100 * r.standard_errors[m]:.1f}" for m in metrics)]
        for r in results
    ]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in [header, *rows]
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
