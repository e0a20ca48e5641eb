"""Plots of a comparison, as PNG and SVG: colours that the colour-blind can tell, and a marker and line style each besides."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), without the yellow, which is hard to see on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_LINES = ("-", "--", "-.", ":")
_COLUMNS = 4


def draw_plots(figures: dict[str, Any], folder: Path) -> list[str]:
    """Draw what the figures have: `sizes`, `unseen`. Returns the names of the plots; each is NAME.png and NAME.svg."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    drawn = []
    for name, draw, points in (
        ("sizes", plot_sizes, _of_several_sizes(figures["sizes"])),
        ("unseen", plot_unseen, [point for point in figures["unseen"] if point["seen"] is not None]),
    ):
        if points:
            # the same figures give the same file: no date, and ids in the SVG that are not random
            with matplotlib.rc_context(
                {"svg.hashsalt": name, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
            ):
                figure = draw(figures, points)
                for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
                    with atomic_write(folder / f"{name}.{kind}") as file:
                        figure.savefig(file, format=kind, dpi=150, metadata=metadata)
            drawn.append(name)
    return drawn


def plot_sizes(figures: dict[str, Any], points: list[dict[str, Any]]) -> Figure:
    """Recall against the number of sentence pairs: a panel for each language, a line for each method."""
    languages = [name for name in figures["languages"] if any(point["language"] == name for point in points)]
    methods = [name for name in figures["methods"] if any(point["method"] == name for point in points)]
    figure, panels = _panels(len(languages))
    for panel, language in zip(panels, languages, strict=True):
        _ceiling(panel, figures, language)
        for place, method in enumerate(methods):
            line = [p for p in points if (p["method"], p["language"]) == (method, language)]
            line.sort(key=lambda point: point["pairs"])
            if line:
                # a little beside each other, so that the intervals can be told apart
                x = [point["pairs"] * 1.04 ** (place - (len(methods) - 1) / 2) for point in line]
                panel.errorbar(
                    x,
                    _means(line),
                    _errors(line),
                    capsize=2,
                    elinewidth=0.8,
                    label=figures["methods"][method]["title"],
                    **_style(place),
                )
        panel.set_xscale("log")
        ticks = sorted({point["pairs"] for point in points if point["language"] == language})
        panel.set_xticks(ticks, [_thousands(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set_title(figures["languages"][language]["title"])
        panel.set_xlabel("sentence pairs")
        panel.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel(f"{figures['main_metric']} (points)")
    _legend(figure, panels)
    return figure


def _of_several_sizes(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of languages that have more than one: the others show nothing of how recall grows."""
    sizes: dict[str, set[int]] = {}
    for point in points:
        sizes.setdefault(point["language"], set()).add(point["pairs"])
    return [point for point in points if len(sizes[point["language"]]) > 1]


def plot_unseen(figures: dict[str, Any], points: list[dict[str, Any]]) -> Figure:
    """Recall of students of several languages: filled where they were trained on the language, hollow where not."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    languages = [name for name in figures["languages"] if any(point["language"] == name for point in points)]
    methods = [name for name in figures["methods"] if any(point["method"] == name for point in points)]
    figure = Figure(figsize=(max(5.0, 1.1 * len(languages) + 2), 3.6), layout="constrained")
    panel = figure.add_subplot()
    rows = {(row["method"], row["scope"]): row for row in figures["rows"]}
    reference = figures["paper"] or figures["reference"]
    shown = [*methods, *([reference] if reference not in methods else [])]
    for place, method in enumerate(shown):
        style = _style(place) | {"linestyle": "none"}
        for column, language in enumerate(languages):
            found = [p for p in points if (p["method"], p["language"]) == (method, language)]
            if not found and (row := rows.get((method, language))):
                found = [row["metrics"][figures["main_metric"]] | {"seen": True}]
            if found:
                x = column + 0.7 * ((place + 0.5) / len(shown) - 0.5)
                fill = style["color"] if found[0]["seen"] else "white"
                panel.errorbar([x], _means(found), _errors(found), capsize=2, elinewidth=0.8, **style | {"markerfacecolor": fill})
        panel.plot([], [], label=figures["methods"][method]["title"], **style)
    panel.set_xticks(range(len(languages)), [figures["languages"][name]["title"] for name in languages])
    panel.set_ylabel(f"{figures['main_metric']} (points)")
    panel.grid(axis="y", alpha=0.3)
    handles, labels = panel.get_legend_handles_labels()
    grey = {"color": "#555555", "marker": "o", "linestyle": "none"}
    handles += [Line2D([], [], **grey), Line2D([], [], **grey, markerfacecolor="white")]
    figure.legend(
        handles, [*labels, "trained on the language", "language never seen"], loc="outside lower center", ncols=2, frameon=False
    )
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = min(count, _COLUMNS)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(max(4.5, 2.8 * columns), 2.6 * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for empty in axes[count:]:
        empty.set_axis_off()
    return figure, list(axes[:count])


def _ceiling(panel: Axes, figures: dict[str, Any], language: str) -> None:
    """The teacher on English queries, as a line."""
    for row in figures["rows"]:
        if row["scope"] == language and figures["methods"][row["method"]]["system"] == "teacher_english":
            height = 100 * row["metrics"][figures["main_metric"]]["mean"]
            panel.axhline(height, color="#555555", linewidth=1, linestyle=":", label=figures["methods"][row["method"]]["title"])


def _legend(figure: Figure, panels: Iterable[Axes]) -> None:
    found: dict[str, Any] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    # a line of the legend holds about 11 characters an inch, with the samples before the titles
    fits = int(figure.get_figwidth() * 11) // (max(map(len, found)) + 8)
    columns = max(1, min(3, fits, len(found)))
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns, frameon=False)


def _style(place: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "linestyle": _LINES[place % len(_LINES)],
        "markersize": 5,
        "linewidth": 1.4,
    }


def _means(points: list[dict[str, Any]]) -> list[float]:
    return [100 * point["mean"] for point in points]


def _errors(points: list[dict[str, Any]]) -> list[list[float]] | None:
    """Distances to the ends of the intervals."""
    if any(point["low"] is None for point in points):
        return None
    ends = [[100 * (point["mean"] - point["low"]), 100 * (point["high"] - point["mean"])] for point in points]
    return [[max(0.0, end) for end in side] for side in zip(*ends, strict=True)]


def _thousands(number: int) -> str:
    return (
        f"{number / 1000:g}k"
        if number >= 1000 and number % 100 == 0
        else f"{number / 1000:.1f}k"
        if number >= 1000
        else str(number)
    )
