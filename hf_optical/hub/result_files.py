"""Figures as the files of an evaluation have them: what does not follow from the values of single queries is refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.ranking import standard_error
from .errors import HubError

FOLDER = "evaluation"
_SENTENCES = "retrieval of translated sentences, share found first"
_UNNAMED = "benchmark not named in the result files"
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Measured:
    """A system's results, as `RetrievalResult.save` wrote them.

    Attributes:
        file: path in the repository; without the folders that an evaluation of `/home/ada/student` writes into the name.
        benchmark: name of what it was measured on.
        split: of the benchmark, "" where the file does not say.
        fingerprint: of the model that was measured, "" where the file does not say.
        export: what ran in its place, such as "ONNX int8"; "" for the model itself.
        data: fingerprint or revision of what was measured on, "" where the file does not say.
        query_ids: of the values of single queries.
        local: path in the folder, where that is another one.
    """

    file: str
    system: str
    queries: int
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    benchmark: str
    split: str = ""
    fingerprint: str = ""
    export: str = ""
    data: str = ""
    query_ids: frozenset[str] = frozenset()
    local: str = ""

    @property
    def measured_on(self) -> tuple:
        """What two results must have in common to be compared."""
        return self.benchmark, self.split, self.data, self.query_ids

    @property
    def name(self) -> str:
        """The system for a table; a folder by its last part."""
        folder = "/" in self.system and (" " not in self.system or self.system.startswith(("/", "~", "..")))
        return Path(self.system).name if folder else self.system


def read_results(folder: Path) -> list[Measured]:
    """Results in `FOLDER/evaluation/` and below, in order of their paths; JSON files of other kinds are passed over.

    Raises:
        HubError: a file is damaged, or its means, their standard errors or its number of queries are not those of the values of
            its queries.
    """
    found = []
    for path in sorted((folder / FOLDER).rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise HubError(f"{name}: not valid JSON ({error}): evaluate again.") from None
        if isinstance(content, dict) and {"system", "queries", "metrics"} <= content.keys():
            found.append(_measured(name, content, path))
    return found


def _measured(name: str, content: dict[str, Any], path: Path) -> Measured:
    per_query = _checked(name, content)
    benchmark, split = _benchmark(content)
    inside = path.parent.name if path.parent.name != FOLDER else ""
    if inside and benchmark == _SENTENCES:
        benchmark = f"{benchmark}, {inside}"
    model = content.get("model") if isinstance(content.get("model"), dict) else {}
    told = content.get("benchmark") if isinstance(content.get("benchmark"), dict) else {}
    return Measured(
        _without_folders(name, content["system"]),
        content["system"],
        content["queries"],
        content["metrics"],
        content.get("standard_errors") or {},
        benchmark or inside or _UNNAMED,
        split,
        str(model.get("fingerprint") or content.get("fingerprint") or ""),
        str(model.get("export") or ""),
        str(told.get("fingerprint") or told.get("revision") or ""),
        frozenset(query for values in per_query.values() for query in values),
        name,
    )


def _checked(name: str, content: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """The values of single queries. Raises HubError for a figure that does not follow from them."""
    per_query, errors = content.get("per_query"), content.get("standard_errors") or {}
    if not isinstance(per_query, dict):
        raise HubError(f"{name}: it has no values of single queries, so its means cannot be checked: evaluate again.")
    if unknown := next((metric for metric in errors if metric not in content["metrics"]), None):
        raise HubError(f"{name}: it has a standard error of {unknown}, but no mean: evaluate again.")
    for metric, mean in content["metrics"].items():
        values = [value for value in (per_query.get(metric) or {}).values() if value is not None]
        if not values or not _same(math.fsum(values) / len(values), mean):
            raise HubError(f"{name}: {metric} is {mean}, but that is not the mean over its {len(values)} queries: evaluate again.")
        if len(values) != content["queries"]:
            raise HubError(
                f"{name}: it says {content['queries']} queries, but has {len(values)} values of {metric}: evaluate again."
            )
        if metric in errors and (len(values) < 2 or not _same(standard_error(values), errors[metric])):
            what = f"that is not what its {len(values)} values give" if len(values) > 1 else "one query has none"
            raise HubError(f"{name}: the standard error of {metric} is {errors[metric]}, but {what}: evaluate again.")
    return per_query


def _same(computed: float, written: Any) -> bool:
    """Whether a figure of a file is the one computed, but for rounding; NaN and what is no number are not."""
    return isinstance(written, int | float) and abs(computed - written) <= _TOLERANCE


def _without_folders(file: str, system: str) -> str:
    """The path of a result file, with the last part of the system's name where all of it is an absolute path.

    Example:
        >>> _without_folders("evaluation/home-ada-runs-sw.json", "/home/ada/runs/sw")
        'evaluation/sw.json'
    """
    if not system.startswith(("/", "~", "..")):
        return file
    folder, _, name = file.rpartition("/")
    written = "".join(c if c.isalnum() else "-" for c in system)
    last = "".join(c if c.isalnum() else "-" for c in Path(system).name)
    for form in (written, written.strip("-"), "".join(c if c.isalnum() or c in "-_" else "-" for c in system).strip("-")):
        name = name.replace(form, last)
    return f"{folder}/{name}"


def _benchmark(content: dict[str, Any]) -> tuple[str, str]:
    """Name and split of what was measured on, as far as the file says: `benchmark`, or `task` and `subset` of mteb."""
    if "task" in content:
        subset = content.get("subset") or "default"
        return content["task"] + ("" if subset == "default" else f", {subset}"), str(content.get("split") or "")
    benchmark = content.get("benchmark") or {}
    if isinstance(benchmark, str):
        benchmark = {"name": benchmark}
    name = Path(str(benchmark.get("name") or "")).name
    return name or (_SENTENCES if "cut_off" in content else ""), str(benchmark.get("split") or "")
