"""The research question, answered from the figures: does code-switched training generalise better than transport distillation?"""

from __future__ import annotations

from typing import Any

from .collect import Results
from .config import MAIN_METRIC, ComparisonConfig
from .figures import paired_tests
from .methods import Method

SIGNIFICANT = 0.05


def answer(results: Results, figures: dict[str, Any]) -> dict[str, Any]:
    """The answer in words, and the tests that it rests on.

    The best of the code-switched models is taken, and p is corrected for their number: the choice favours them, the correction
    makes up for it.

    Returns:
        `text`; `verdict`: `better`, `worse`, `undecided` or `unknown`, of code-switched training; `tests`.
    """
    config = results.config
    transport, switched = transport_method(config), code_switched_methods(config)
    scope, languages = _low_resource(results)
    present = [name for name in switched if name != transport and _has_seen(results, name, languages, seen=True)]
    if transport is None or not languages or not all(results.main_runs(transport, one) for one in languages):
        return _unknown("there is no finished run of transport distillation on these languages")
    if not present:
        return _unknown("there is no finished run of code-switched training on these languages")
    tests = paired_tests(results, scope, languages, present, transport)
    best = max(tests, key=lambda test: test["difference"])
    verdict = "undecided" if best["p_holm"] >= SIGNIFICANT else "better" if best["difference"] > 0 else "worse"
    sentences = [_main(config, figures, best, len(present), languages)]
    others = [name for name in config.groups if f"group:{name}" != scope and name != "all"]
    for group in others:
        members = config.groups[group]
        if all(results.main_runs(name, one) for name in (best["method"], transport) for one in members):
            test = paired_tests(results, f"group:{group}", members, [best["method"]], transport)[0]
            sentences.append(f"On the group {group} ({', '.join(members)}) its difference is {_difference(test)}.")
            tests.append(test)
    unseen = [
        name for name in config.methods if config.methods[name].is_switched and _has_seen(results, name, languages, seen=False)
    ]
    if unseen:
        tests += paired_tests(results, scope, languages, unseen, transport)
        best = max(tests[-len(unseen) :], key=lambda test: test["difference"])
        title = config.methods[best["method"]].title
        sentences.append(f"Trained on other languages alone, {title} differs there by {_difference(best)}.")
    elif text := _unseen(results, figures, transport):
        sentences.append(text)
    return {"text": " ".join(sentences), "verdict": verdict, "transport": transport, "code_switched": present, "tests": tests}


def transport_method(config: ComparisonConfig) -> str | None:
    """`paper`, else the reference if it is distilled by transport from bitext alone, else the first such method."""
    if config.paper:
        return config.paper
    candidates = [config.reference, *config.methods]
    return next((name for name in candidates if _is_transport(config.methods[name])), None)


def code_switched_methods(config: ComparisonConfig) -> list[str]:
    """`code_switched`, else the students that are trained on switched queries without transport, else those on switched pairs."""
    if config.code_switched:
        return list(config.code_switched)
    students = {name: method for name, method in config.methods.items() if method.is_switched}
    pure = [name for name, method in students.items() if method.option("loss", "optical") == "none"]
    return pure or [name for name, method in students.items() if method.option("pairs", "bitext") == "switched"]


def _has_seen(results: Results, method: str, languages: list[str], *, seen: bool) -> bool:
    """Whether a method has results for all of the languages, and was trained on each, or on none."""
    runs = [results.main_runs(method, language) for language in languages]
    return all(runs) and all(run.seen is seen for one in runs for run in one)


def _is_transport(method: Method) -> bool:
    return method.system == "student" and method.option("loss", "optical") == "optical" and not method.is_switched


def _low_resource(results: Results) -> tuple[str, list[str]]:
    """The group `low`; without one, every language."""
    with_results = [name for name in results.config.languages if results.queries(name)]
    low = [name for name in with_results if results.config.languages[name].group == "low"]
    languages = low or with_results
    if len(languages) == 1:
        return languages[0], languages
    groups = (name for name, members in results.config.groups.items() if set(members) == set(languages))
    return f"group:{'low' if low else next(groups, 'all')}", languages


def _main(config: ComparisonConfig, figures: dict[str, Any], test: dict[str, Any], count: int, languages: list[str]) -> str:
    rows = {row["method"]: row for row in figures["rows"] if row["scope"] == test["scope"]}
    titles = {name: config.methods[name].title for name in (test["method"], test["reference"])}
    figure = {name: _figure(rows[name]) if name in rows else "not averaged" for name in titles}
    which = "the code-switched model" if count == 1 else f"the best of {count} code-switched models"
    are_low = all(config.languages[name].group == "low" for name in languages)
    what = f"{'low-resource ' if are_low else ''}language{'s' if len(languages) > 1 else ''}"
    queries = sum(figures["languages"][name]["queries"] for name in languages)
    conclusion = {
        "better": "Code-switched training generalises better than transport distillation here.",
        "worse": "Code-switched training generalises worse than transport distillation here.",
        "undecided": "That difference is not significant: these data do not tell whether code-switched training or transport "
        f"distillation generalises better{_bound(test)}.",
    }[_verdict(test)]
    return (
        f"On the {what} {', '.join(languages)} ({queries:,} queries) {which}, {titles[test['method']]}, reaches {MAIN_METRIC} "
        f"{figure[test['method']]}, transport distillation, {titles[test['reference']]}, {figure[test['reference']]}: a difference "
        f"of {_difference(test)}. {conclusion}"
    )


def _verdict(test: dict[str, Any]) -> str:
    if test["p_holm"] >= SIGNIFICANT:
        return "undecided"
    return "better" if test["difference"] > 0 else "worse"


def _bound(test: dict[str, Any]) -> str:
    if test["low"] is None:
        return ""
    return f" (their difference is, with 95 % confidence, less than {100 * max(-test['low'], test['high']):.1f} points)"


def _figure(row: dict[str, Any]) -> str:
    metric = row["metrics"][MAIN_METRIC]
    text = f"{100 * metric['mean']:.1f}"
    if metric["low"] is not None:
        text += f" [{100 * metric['low']:.1f}, {100 * metric['high']:.1f}]"
    seeds = len(row["seeds"])
    return f"{text} ({seeds} seed{'s' if seeds != 1 else ''})" if seeds else text


def _difference(test: dict[str, Any]) -> str:
    text = f"{100 * test['difference']:+.1f} points"
    if test["low"] is not None:
        text += f" [{100 * test['low']:+.1f}, {100 * test['high']:+.1f}]"
    p = p_text(test["p_holm"])
    return f"{text} (p {p if p.startswith('<') else f'= {p}'}, {test['wins']} queries won, {test['losses']} lost)"


def p_text(p: float) -> str:
    """Three digits, or that it is less than what they can tell.

    Example:
        >>> p_text(0.04321), p_text(0.0002)
        ('0.043', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _unseen(results: Results, figures: dict[str, Any], transport: str) -> str:
    """How code-switched students do on languages that they were not trained on, beside transport that was."""
    points = [point for point in figures["unseen"] if point["code_switched"] and point["seen"] is False]
    if not points:
        return ""
    best: dict[str, dict[str, Any]] = {}
    for point in points:
        if point["mean"] > best.get(point["language"], {"mean": -1.0})["mean"]:
            best[point["language"]] = point
    texts = []
    for language, point in best.items():
        own = results.main_runs(transport, language)
        beside = f", transport trained on it {100 * results.values(own, MAIN_METRIC).mean():.1f}" if own else ""
        texts.append(f"{language} {100 * point['mean']:.1f} ({results.config.methods[point['method']].title}{beside})")
    return f"On languages that they never saw, code-switched students reach: {'; '.join(texts)}."


def _unknown(why: str) -> dict[str, Any]:
    text = f"Whether code-switched training generalises better than transport distillation cannot be told yet: {why}."
    return {"text": text, "verdict": "unknown", "tests": []}
