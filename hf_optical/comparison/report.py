"""The report of a comparison: report.json, report.md, table.md for a README, and the plots."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from ..data.files import atomic_write
from .answer import answer
from .collect import Results
from .config import ComparisonConfig
from .figures import build_figures
from .report_text import report_text, short_table
from .results import write_json

logger = logging.getLogger(__name__)


def write_report(config: ComparisonConfig, seeds: Collection[int] = ()) -> dict[str, Any]:
    """Read the results that are there, and write the report into the output folder.

    Args:
        config: the comparison.
        seeds: seeds beside those of the configuration.

    Returns:
        What report.json holds.

    Raises:
        DataError: results that do not belong together, or no result at all.
    """
    results = Results(config, seeds)
    figures = build_figures(results)
    figures = {"answer": answer(results, figures)} | figures
    write_json(config.output / "report.json", figures)
    plots = _draw(figures, config)
    _write(config, "table.md", short_table(figures) + "\n")
    _write(config, "report.md", report_text(figures, plots))
    return figures


def _draw(figures: dict[str, Any], config: ComparisonConfig) -> list[str]:
    try:
        import matplotlib  # noqa: F401 - a report without plots is a report
    except ImportError:
        logger.warning("no plots are drawn: matplotlib is not installed (pip install matplotlib).")
        return []
    from .plots import draw_plots

    return draw_plots(figures, config.output)


def _write(config: ComparisonConfig, name: str, text: str) -> None:
    with atomic_write(config.output / name) as file:
        file.write(text.encode())
