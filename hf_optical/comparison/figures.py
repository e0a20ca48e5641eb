"""The figures of a comparison: means with intervals, retention, tests; by language and by group. What report.json holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..evaluation.significance import bootstrap_interval, holm, randomisation_test, ratio_interval, wins_and_losses
from .collect import Results, took
from .config import MAIN_METRIC
from .methods import CEILING


def build_figures(results: Results) -> dict[str, Any]:
    """Everything that the report tells.

    Returns:
        `rows`: method x scope (a language, or `group:NAME`) with every metric; `tests`: method x reference x scope; `sizes`: method
        x language x number of pairs; `unseen`: multilingual students by language; `missing`, `failed`, `changed`: names of runs.
    """
    config = results.config
    rows, tests = [], []
    for scope, languages in scopes(results).items():
        rows += _rows(results, scope, languages)
        tests += _tests(results, scope, languages)
    return {
        "reference": config.reference,
        "baseline": config.baseline,
        "paper": config.paper,
        "main_metric": MAIN_METRIC,
        "metrics": config.metrics,
        "teacher": {"name": config.teacher, "fingerprints": results.teachers()},
        "methods": {name: _method(results, name) for name in config.methods},
        "languages": {name: _language(results, name) for name in config.languages},
        "groups": config.groups,
        "rows": rows,
        "tests": tests,
        "sizes": _sizes(results),
        "unseen": _unseen(results),
        "missing": results.missing,
        "failed": results.failed,
        "changed": results.changed,
        "environments": _environments(results),
    }


def scopes(results: Results) -> dict[str, list[str]]:
    """Languages with results, then the groups of which every language has some."""
    with_results = [name for name in results.config.languages if results.queries(name)]
    single = {name: [name] for name in with_results}
    groups = {f"group:{name}": members for name, members in results.config.groups.items() if set(members) <= set(with_results)}
    return single | groups


def strata(results: Results, methods: list[str], languages: list[str], metrics: list[str]) -> tuple[list[np.ndarray], list[float]]:
    """Values of the queries of several languages, `(queries, methods x metrics)` each, and the weights of their means.

    Languages with the same questions (XQuAD) are averaged question by question: they are one sample, not several.
    """
    same: dict[tuple[str, ...], list[np.ndarray]] = {}
    for language in languages:
        columns = [results.values(results.main_runs(method, language), metric) for method in methods for metric in metrics]
        same.setdefault(tuple(results.queries(language)), []).append(np.stack(columns, axis=1))
    return [np.mean(parts, axis=0) for parts in same.values()], [len(parts) / len(languages) for parts in same.values()]


def _present(results: Results, languages: list[str]) -> list[str]:
    return [name for name in results.config.methods if all(results.main_runs(name, language) for language in languages)]


def _rows(results: Results, scope: str, languages: list[str]) -> list[dict[str, Any]]:
    methods, metrics = _present(results, languages), results.config.metrics
    if not methods:
        return []
    values, weights = strata(results, methods, languages, metrics)
    means = sum(weight * x.mean(0) for weight, x in zip(weights, values, strict=True))
    lows, highs = _interval(values, weights)
    ceiling = next((name for name in methods if results.config.methods[name].system == CEILING), None)
    rows = []
    for place, name in enumerate(methods):
        runs = [results.main_runs(name, language) for language in languages]
        columns = {metric: place * len(metrics) + i for i, metric in enumerate(metrics)}
        rows.append(
            {
                "method": name,
                "scope": scope,
                "queries": sum(len(results.queries(language)) for language in languages),
                "seeds": sorted({run.seed for one in runs for run in one if run.seed is not None}),
                "metrics": {
                    metric: {"mean": float(means[i]), "low": _number(lows[i]), "high": _number(highs[i])} | _spread(runs, metric)
                    for metric, i in columns.items()
                },
                "retention": _retention(results, name, ceiling, languages),
                "took": took([run for one in runs for run in one]),
            }
        )
    return rows


def _interval(values: list[np.ndarray], weights: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """NaN where a language has a single query, which has no interval."""
    if min(map(len, values)) < 2:
        return np.full((2, values[0].shape[1]), np.nan)
    return bootstrap_interval(values, weights=weights)


def _spread(runs: list[list[Any]], metric: str) -> dict[str, float]:
    """Standard deviation, least and most over the seeds that every language has; {} for one seed."""
    common = set.intersection(*({run.seed for run in one} for one in runs))
    if len(common) < 2:
        return {}
    means = [np.mean([next(r for r in one if r.seed == seed).metrics[metric] for one in runs]) for seed in sorted(common)]
    return {"seed_deviation": float(np.std(means, ddof=1)), "seed_least": float(min(means)), "seed_most": float(max(means))}


def _retention(results: Results, method: str, ceiling: str | None, languages: list[str]) -> dict[str, float | None] | None:
    """Recall on the foreign queries over the teacher's on the human English versions of the same."""
    if ceiling is None or results.config.methods[method].is_english:
        return None
    values, weights = strata(results, [method, ceiling], languages, [MAIN_METRIC])
    own, most = sum(weight * x.mean(0) for weight, x in zip(weights, values, strict=True))
    if not most:
        return None
    try:
        low, high = ratio_interval([x[:, 0] for x in values], [x[:, 1] for x in values], weights=weights)
    except ValueError:  # too few queries for an interval
        low, high = None, None
    return {"value": float(own / most), "low": low, "high": high}


def _tests(results: Results, scope: str, languages: list[str]) -> list[dict[str, Any]]:
    """Every method against every reference: Holm's correction within a scope and reference."""
    present = _present(results, languages)
    rivals = [name for name in present if not results.config.methods[name].is_english]
    return [
        test
        for reference in results.config.references
        if reference in present
        for test in paired_tests(results, scope, languages, [name for name in rivals if name != reference], reference)
    ]


def paired_tests(results: Results, scope: str, languages: list[str], methods: list[str], reference: str) -> list[dict[str, Any]]:
    """Each method against the reference on the same queries, averaged over seeds, Holm-corrected over the methods."""
    if not methods:
        return []
    values, weights = strata(results, [*methods, reference], languages, [MAIN_METRIC])
    differences = [x[:, :-1] - x[:, -1:] for x in values]
    means = sum(weight * x.mean(0) for weight, x in zip(weights, differences, strict=True))
    lows, highs = _interval(differences, weights)
    base = [x[:, -1].copy() for x in values]
    tests = []
    for i, method in enumerate(methods):
        own = [x[:, i].copy() for x in values]
        single = [strata(results, [method, reference], [language], [MAIN_METRIC])[0][0] for language in languages]
        counts = [wins_and_losses(x[:, 0].copy(), x[:, 1].copy()) for x in single]
        wins, losses = (sum(count[side] for count in counts) for side in (0, 1))
        tests.append(
            {
                "method": method,
                "reference": reference,
                "scope": scope,
                "difference": float(means[i]),
                "low": _number(lows[i]),
                "high": _number(highs[i]),
                "p": randomisation_test(own, base, weights=weights),
                "wins": wins,
                "losses": losses,
                "ties": sum(map(len, single)) - wins - losses,
            }
        )
    corrected = holm([test["p"] for test in tests])
    return [test | {"p_holm": p} for test, p in zip(tests, corrected, strict=True)]


def _sizes(results: Results) -> list[dict[str, Any]]:
    found = []
    for name, method in results.config.methods.items():
        if len(method.sizes) < 2:
            continue
        for language in results.config.languages:
            for limit in method.sizes:
                if runs := results.runs(name, language, limit):
                    pairs = sum(runs[0].pairs.values())
                    found.append({"method": name, "language": language, "limit": limit, "pairs": pairs} | _point(results, runs))
    return sorted(found, key=lambda point: (point["method"], point["language"], point["pairs"]))


def _unseen(results: Results) -> list[dict[str, Any]]:
    """Recall of the students for several languages, by language and whether they were trained on it."""
    found = []
    for name, method in results.config.methods.items():
        if method.train_languages is None and not method.leave_one_out:
            continue
        for language in results.config.languages:
            if runs := results.main_runs(name, language):
                found.append(
                    {"method": name, "language": language, "seen": runs[0].seen, "code_switched": method.is_switched}
                    | _point(results, runs)
                )
    return found


def _point(results: Results, runs: list[Any]) -> dict[str, Any]:
    values = results.values(runs, MAIN_METRIC)
    low, high = _interval([values[:, None]], [1.0])
    mean = {"mean": float(values.mean()), "low": _number(low[0]), "high": _number(high[0])}
    return mean | {"seeds": [run.seed for run in runs if run.seed is not None]}


def _method(results: Results, name: str) -> dict[str, Any]:
    method = results.config.methods[name]
    return {
        "title": method.title,
        "system": method.system,
        "settings": {key: " ".join(texts) for key, texts in method.settings.items()},
        "train_languages": "others" if method.leave_one_out else method.train_languages and list(method.train_languages),
        "sizes": list(method.sizes),
        "languages": results.languages_of(name),
    }


def _language(results: Results, name: str) -> dict[str, Any]:
    language = results.config.languages[name]
    learned = [run.pairs[name] for m in results.config.methods for run in results.main_runs(m, name) if name in run.pairs]
    return {
        "title": language.title,
        "code": language.code,
        "group": language.group,
        "queries": len(results.queries(name)),
        "passages": results.passages(name),
        "pairs": max(learned, default=None),
    }


def _environments(results: Results) -> list[dict[str, Any]]:
    found = [
        run.environment for m in results.config.methods for name in results.config.languages for run in results.main_runs(m, name)
    ]
    return [dict(entry) for entry in {tuple(sorted(one.items())): one for one in found}.values()]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
