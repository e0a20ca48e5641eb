"""The report in Markdown: tables of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .answer import SIGNIFICANT, p_text


def short_table(figures: dict[str, Any]) -> str:
    """Methods by group: recall@10 in points with its interval, share of the teacher kept, and p against the reference."""
    scopes = _averages(figures)
    metric, reference = figures["main_metric"], figures["reference"]
    header = ["method", *(text for scope in scopes for text in (f"{_scope(scope)}: {metric}", "kept", "p"))]
    rows = []
    for name, method in figures["methods"].items():
        cells = [method["title"]]
        for scope in scopes:
            row, test = _row(figures, name, scope), _test(figures, name, reference, scope)
            p = "reference" if name == reference else "" if test is None else p_text(test["p_holm"])
            cells += [_points(row, metric), _kept(row), p] if row else ["", "", ""]
        if any(cells[1:]):
            rows.append(cells)
    return markdown_table(header, rows)


def report_text(figures: dict[str, Any], plots: Sequence[str]) -> str:
    """report.md."""
    parts = [
        "# Comparison of methods",
        figures["answer"]["text"],
        f"Recall and other metrics in points, with 95 % bootstrap intervals over queries. *kept*: {figures['main_metric']} on "
        "foreign queries over the teacher's on the human English versions of the same queries. *p*: paired randomisation test on "
        f"{figures['main_metric']} against {_title(figures, figures['reference'])}, Holm-corrected over the methods of a column. "
        "*Trained on*: examples left after those too long for a query (`max_length`) were dropped; mean over seeds and languages.",
        short_table(figures),
    ]
    for scope in dict.fromkeys(row["scope"] for row in figures["rows"]):
        parts += [f"## {_heading(figures, scope)}", _scope_table(figures, scope)]
    for reference in dict.fromkeys(test["reference"] for test in figures["tests"]):
        parts += [f"## Against {_title(figures, reference)}", _tests_table(figures, reference)]
    for plot in plots:
        parts.append(f"![{plot}]({plot}.png)")
    parts += _sizes(figures) + _unseen(figures) + _methods(figures) + _unfinished(figures) + [_how(figures)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are aligned in the source, too.

    Example:
        >>> print(markdown_table(["a", "b"], [["1", "x|y"]]))
        | a | b    |
        |---|------|
        | 1 | x\\|y |
    """
    cells = [[" ".join(str(cell).split()).replace("|", r"\|") for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _averages(figures: dict[str, Any]) -> list[str]:
    """The scopes of the short table: groups, or the one language."""
    found = list(dict.fromkeys(row["scope"] for row in figures["rows"]))
    return [scope for scope in found if scope.startswith("group:")] or found


def _scope_table(figures: dict[str, Any], scope: str) -> str:
    metrics = figures["metrics"]
    rows = []
    for row in (row for row in figures["rows"] if row["scope"] == scope):
        seeds = f"{len(row['seeds'])}" if row["seeds"] else ""
        deviation = row["metrics"][figures["main_metric"]].get("seed_deviation")
        spread = "" if deviation is None else f"{100 * deviation:.1f}"
        examples = f"{row['took']['pairs_used']:,.0f}" if "pairs_used" in row["took"] else ""
        points = [_points(row, metric) for metric in metrics]
        rows.append([_title(figures, row["method"]), *points, _kept(row, True), examples, seeds, spread])
    header = ["method", *metrics, "kept", "trained on", "seeds", f"deviation of {figures['main_metric']} over seeds"]
    return markdown_table(header, rows)


def _tests_table(figures: dict[str, Any], reference: str) -> str:
    tests = [test for test in figures["tests"] if test["reference"] == reference]
    scopes = list(dict.fromkeys(test["scope"] for test in tests))
    by_place = {(test["method"], test["scope"]): test for test in tests}
    rows = []
    for name in dict.fromkeys(test["method"] for test in tests):
        rows.append([_title(figures, name), *(_difference(by_place.get((name, scope))) for scope in scopes)])
    note = (
        f"Differences in {figures['main_metric']} (points) with 95 % intervals, queries won/lost, and Holm-corrected p; "
        f"bold where p < {SIGNIFICANT}. Positive: better than {_title(figures, reference)}."
    )
    return f"{note}\n\n{markdown_table(['method', *map(_scope, scopes)], rows)}"


def _difference(test: dict[str, Any] | None) -> str:
    if test is None:
        return ""
    text = f"{100 * test['difference']:+.1f}"
    if test["p_holm"] < SIGNIFICANT:
        text = f"**{text}**"
    if test["low"] is not None:
        text += f" [{100 * test['low']:+.1f}, {100 * test['high']:+.1f}]"
    return f"{text} {test['wins']}/{test['losses']}, p {p_text(test['p_holm']).replace('< ', '<')}"


def _sizes(figures: dict[str, Any]) -> list[str]:
    if not figures["sizes"]:
        return []
    languages = list(dict.fromkeys(point["language"] for point in figures["sizes"]))
    rows = []
    for name in dict.fromkeys(point["method"] for point in figures["sizes"]):
        own = [point for point in figures["sizes"] if point["method"] == name]
        for limit in sorted({point["limit"] for point in own}, key=lambda limit: float("inf") if limit is None else limit):
            at = {point["language"]: point for point in own if point["limit"] == limit}
            cells = [f"{_interval(at[language])} ({at[language]['pairs']:,})" if language in at else "" for language in languages]
            rows.append([_title(figures, name), "all" if limit is None else f"{limit:,}", *cells])
    return [f"## {figures['main_metric']} by number of sentence pairs", markdown_table(["method", "pairs", *languages], rows)]


def _unseen(figures: dict[str, Any]) -> list[str]:
    points = [point for point in figures["unseen"] if point["seen"] is not None]
    if not points:
        return []
    languages = list(dict.fromkeys(point["language"] for point in points))
    rows = []
    for name in dict.fromkeys(point["method"] for point in points):
        at = {point["language"]: point for point in points if point["method"] == name}
        cells = [_interval(at[one]) + ("" if at[one]["seen"] else " *unseen*") if one in at else "" for one in languages]
        rows.append([_title(figures, name), *cells])
    return ["## Students of several languages", markdown_table(["method", *languages], rows)]


def _methods(figures: dict[str, Any]) -> list[str]:
    """What each method is: its settings, without those that all students share."""
    students = [method["settings"] for method in figures["methods"].values() if method["system"] == "student"]
    shared = {key: value for key, value in students[0].items() if all(s.get(key) == value for s in students)} if students else {}
    rows = []
    for name, method in figures["methods"].items():
        own = [f"{key}: {value}" for key, value in method["settings"].items() if method["system"] != "student" or key not in shared]
        if trained_on := method["train_languages"]:
            own.append(f"trained on {trained_on if isinstance(trained_on, str) else ', '.join(trained_on)}")
        took = [row["took"] for row in figures["rows"] if row["method"] == name and not row["scope"].startswith("group:")]
        steps = {one["steps"] for one in took if "steps" in one}
        seconds = [one["train_seconds"] for one in took if "train_seconds" in one]
        mean = f"{sum(seconds) / len(seconds):,.0f}" if seconds else ""
        rows.append([method["title"], method["system"], ", ".join(own), ", ".join(map(str, sorted(steps))), mean])
    text = ["## The methods", markdown_table(["method", "system", "settings", "steps", "seconds of training"], rows)]
    if shared:
        text.append(f"All students: {', '.join(f'{key}: {value}' for key, value in shared.items())}.")
    return text


def _unfinished(figures: dict[str, Any]) -> list[str]:
    lines = [f"- {name}: failed: {reason}" for name, reason in figures["failed"].items()]
    lines += [f"- {name}: left out, made with other settings: {what}" for name, what in figures["changed"].items()]
    waiting: dict[str, list[str]] = {}
    for name in figures["missing"]:
        method, _, run = name.partition("/")
        waiting.setdefault(method, []).append(run)
    lines += [f"- {method}: not run: {', '.join(runs)}" for method, runs in waiting.items()]
    return ["## Not finished", "\n".join(lines)] if lines else []


def _how(figures: dict[str, Any]) -> str:
    languages = figures["languages"].values()
    sizes = ", ".join(
        f"{one['title']} {one['queries']:,} queries, {one['passages']:,} passages"
        + (f", {one['pairs']:,} sentence pairs" if one["pairs"] else "")
        for one in languages
        if one["queries"]
    )
    machines = "; ".join(
        f"{one['device'] if one['device'] != 'cpu' else one['processor']}, {one['threads']} threads, torch {one['torch']}"
        for one in figures["environments"]
    )
    fingerprints = ", ".join(figures["teacher"]["fingerprints"])
    return f"""## How it was measured

{sizes}. Teacher {figures["teacher"]["name"]} (fingerprint {fingerprints}).

With several seeds the values of a query are averaged over seeds before intervals and tests, which are over queries; how much seeds
differ is told beside them. A group's figure is the mean of its languages; languages with the same questions are resampled together.
Intervals: BCa bootstrap, 10,000 resamples. Tests: 10,000 exchanges, all of them where at most 14 queries differ.

Machines: {machines}."""


def _heading(figures: dict[str, Any], scope: str) -> str:
    if scope.startswith("group:"):
        return f"{_scope(scope).capitalize()} ({', '.join(figures['groups'][scope.removeprefix('group:')])})"
    title = figures["languages"][scope]["title"]
    return title if title == scope else f"{title} ({scope})"


def _scope(scope: str) -> str:
    name = scope.removeprefix("group:")
    return scope if name == scope else "average of all" if name == "all" else f"average of {name}"


def _title(figures: dict[str, Any], name: str) -> str:
    return figures["methods"][name]["title"]


def _row(figures: dict[str, Any], method: str, scope: str) -> dict[str, Any] | None:
    return next((row for row in figures["rows"] if (row["method"], row["scope"]) == (method, scope)), None)


def _test(figures: dict[str, Any], method: str, reference: str, scope: str) -> dict[str, Any] | None:
    place = (method, reference, scope)
    return next((test for test in figures["tests"] if (test["method"], test["reference"], test["scope"]) == place), None)


def _points(row: dict[str, Any], metric: str) -> str:
    return _interval(row["metrics"][metric])


def _interval(figure: dict[str, Any]) -> str:
    text = f"{100 * figure['mean']:.1f}"
    return text if figure["low"] is None else f"{text} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"


def _kept(row: dict[str, Any], with_interval: bool = False) -> str:
    kept = row["retention"]
    if kept is None:
        return ""
    text = f"{100 * kept['value']:.0f} %"
    return f"{text} [{100 * kept['low']:.0f}, {100 * kept['high']:.0f}]" if with_interval and kept["low"] is not None else text
