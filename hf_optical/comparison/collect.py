"""The results of a comparison, read back from the folders of its runs."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..data.errors import DataError
from .config import MAIN_METRIC, ComparisonConfig
from .identity import changes_without_data, method_settings, stored_settings
from .jobs import Job, list_jobs
from .results import FAILURE, RunResult


class Results:
    """Values of single queries, averaged over seeds, by method, language and size.

    Runs that were made with other settings than the configuration has now are left out, and named in `changed`.

    Args:
        config: the comparison.
        seeds: seeds beside those of the configuration.

    Raises:
        DataError: a result is broken, or results of one language are not of the same queries, passages and teacher.
    """

    def __init__(self, config: ComparisonConfig, seeds: Collection[int] = ()) -> None:
        self.config = config
        self.missing: list[str] = []
        self.failed: dict[str, str] = {}
        self.changed: dict[str, str] = {}
        self._pairs = known_pairs(config)
        self._runs: dict[tuple[str, str, int | None], list[RunResult]] = {}
        self._queries: dict[str, list[str]] = {}
        self._first: dict[str, RunResult] = {}
        for name, method in config.methods.items():
            own = config.seeds_of(method)
            every = own if own == (None,) else tuple(dict.fromkeys([*own, *seeds]))
            settings = method_settings(method)
            for job in list_jobs(config, methods=[name], seeds=every, pairs=self._pairs):
                if job.method.name == name:
                    self._read(job, settings)

    def _read(self, job: Job, settings: Mapping[str, Any]) -> None:
        found = {language: self._result(job, place, settings) for language, place in job.results.items()}
        if not all(found.values()) and job.name not in self.changed:
            failure = job.folder / FAILURE
            if failure.exists():
                self.failed[job.name] = json.loads(failure.read_text(encoding="utf-8"))["reason"]
            else:
                self.missing.append(job.name)
        for language, result in found.items():
            if result is not None:
                self._check(job.name, language, result)
                self._runs.setdefault((job.method.name, language, job.limit), []).append(result)

    def _result(self, job: Job, place: Path, settings: Mapping[str, Any]) -> RunResult | None:
        """The result in a folder; None if there is none that was made as the configuration has it."""
        result = RunResult.read(place)
        before = stored_settings(place) or stored_settings(job.folder)
        differences = changes_without_data(before, job, settings) if result and before else []
        if differences:
            self.changed[job.name] = "; ".join(differences)
        return None if differences else result

    def _check(self, job: str, language: str, result: RunResult) -> None:
        first = self._first.setdefault(language, result)
        ids = self._queries.setdefault(language, sorted(result.per_query[MAIN_METRIC]))
        wrong = "other queries" if sorted(result.per_query[MAIN_METRIC]) != ids else ""
        wrong = "other passages" if result.passages != first.passages else wrong
        wrong = "the documents of another teacher" if result.teacher != first.teacher else wrong
        lacking = [name for name in self.config.metrics if name not in result.per_query]
        wrong = f"other cut-offs ({', '.join(lacking)} is missing)" if lacking else wrong
        if wrong:
            raise DataError(f"{job} was evaluated on {wrong} than {first.method}", fix="run it again with --rerun")

    def runs(self, method: str, language: str, limit: int | None = None) -> list[RunResult]:
        """The runs of a method on a language, one a seed."""
        return self._runs.get((method, language, limit), [])

    def main_runs(self, method: str, language: str) -> list[RunResult]:
        """Those that the tables are about: with all pairs, or the most that the language has."""
        settings = self.config.methods[method]
        for limit in [settings.main_size, *sorted((size for size in settings.sizes if size), reverse=True)]:
            # a size beyond the pairs that there are is not run where a smaller one has them all
            if found := self.runs(method, language, limit):
                return found
            if limit is None or limit < self._pairs.get(language, math.inf):
                break
        return []

    def queries(self, language: str) -> list[str]:
        """Ids of the queries, in the order of all values; [] if there is no result yet."""
        return self._queries.get(language, [])

    def passages(self, language: str) -> int:
        return self._first[language].passages if language in self._first else 0

    def teachers(self) -> list[str]:
        """Fingerprints of the teachers that the results belong to: one, if all is well."""
        return sorted({result.teacher for result in self._first.values()})

    def values(self, runs: list[RunResult], metric: str) -> np.ndarray:
        """`(queries,)`: mean over the runs."""
        ids = self._queries[runs[0].language]
        return np.mean([[run.per_query[metric][query] for query in ids] for run in runs], axis=0)

    def languages_of(self, method: str) -> list[str]:
        """The languages that a method has results for."""
        return [language for language in self.config.languages if self.main_runs(method, language)]


def known_pairs(config: ComparisonConfig) -> dict[str, int]:
    """Language -> number of its pairs, as far as its bitext has been read."""
    files = {name: config.output / "bitext" / f"{name}.json" for name in config.languages}
    return {name: json.loads(file.read_text(encoding="utf-8"))["pairs"] for name, file in files.items() if file.exists()}


def took(runs: list[RunResult]) -> dict[str, Any]:
    """Means over seeds of what runs took, and of how many examples they were trained on; steps only where they are equal."""
    steps = {run.took["steps"] for run in runs if "steps" in run.took}
    found: dict[str, Any] = {"steps": steps.pop()} if len(steps) == 1 else {}
    for name in ("train_seconds", "pairs_used"):
        values = [run.took[name] for run in runs if name in run.took]
        found |= {name: float(np.mean(values))} if values else {}
    return found
