"""Figures of a card, read from the files that an evaluation wrote, and from nowhere else."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult

from .errors import HubError

FOLDER = "evaluation"
# Rows that an evaluation adds for comparison.
TEACHER_ROW = "teacher, English queries"
_BASELINES = (TEACHER_ROW, "BM25, English queries", "BM25, untranslated", "zero-shot (teacher, untranslated)")
_SENTENCES = "retrieval of translated sentences, share found first"
_UNNAMED = "benchmark not named in the result files"
_MEAN_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Measured:
    """A system's results, as `RetrievalResult.save` wrote them.

    Attributes:
        file: path in the repository.
        benchmark: name of what it was measured on.
        split: of the benchmark, "" where the file does not say.
        fingerprint: of the model that was measured, "" where the file does not say.
    """

    file: str
    system: str
    queries: int
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    benchmark: str
    split: str = ""
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """The system for a table; a folder by its last part."""
        return Path(self.system).name if "/" in self.system and " " not in self.system else self.system


def read_results(folder: Path) -> list[Measured]:
    """Results in `FOLDER/evaluation/` and below, in order of their paths; JSON files of other kinds are passed over.

    Raises:
        HubError: a file is damaged, or its means are not those of the values of its queries.
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
    per_query = content.get("per_query")
    if not isinstance(per_query, dict):
        raise HubError(f"{name}: it has no values of single queries, so its means cannot be checked: evaluate again.")
    for metric, mean in content["metrics"].items():
        values = [value for value in (per_query.get(metric) or {}).values() if value is not None]
        if not values or abs(math.fsum(values) / len(values) - mean) > _MEAN_TOLERANCE:
            raise HubError(f"{name}: {metric} is {mean}, but that is not the mean over its {len(values)} queries: evaluate again.")
    benchmark, split = _benchmark(content)
    inside = path.parent.name if path.parent.name != FOLDER else ""
    return Measured(
        name,
        content["system"],
        content["queries"],
        content["metrics"],
        content.get("standard_errors") or {},
        benchmark or inside or _UNNAMED,
        split,
        str((content.get("model") or {}).get("fingerprint") or content.get("fingerprint") or ""),
    )


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


def own_results(results: Sequence[Measured], kind: str, fingerprint: str, folder: str) -> list[Measured]:
    """Those of this very model.

    Files that name the model's fingerprint decide. In files that do not, it is the only system that is no baseline, or that of
    the folder's name; a teacher is the row of the English queries.

    Raises:
        HubError: the results are of other weights.
    """
    known = [result for result in results if result.fingerprint]
    own = [
        result for result in known if result.fingerprint == fingerprint and not (kind == "student" and result.system in _BASELINES)
    ]
    if own:
        return own
    if kind == "teacher":
        return [result for result in results if result.system == TEACHER_ROW and not result.fingerprint]
    others = [result for result in results if result.system not in _BASELINES]
    mine = [result for result in others if result.name == folder]
    chosen = mine or (others if len({result.system for result in others}) == 1 else [])
    wrong = [result for result in chosen if result.fingerprint]
    if wrong:
        raise HubError(
            f"{wrong[0].file} was measured on other weights (fingerprint {wrong[0].fingerprint}, this model {fingerprint}): "
            "evaluate this model, or remove that file."
        )
    return chosen


def eval_results(own: Sequence[Measured], languages: Sequence[str]) -> list[EvalResult]:
    """For the `model-index` metadata, unrounded."""
    return [
        EvalResult(
            task_type="text-ranking",
            task_name="Cross-lingual retrieval" if languages else "Retrieval",
            dataset_type=_identifier(result.benchmark),
            dataset_name=result.benchmark,
            dataset_split=result.split or None,
            metric_type=_identifier(metric.replace("@", "_at_")),
            metric_name=metric,
            metric_value=value,
        )
        for result in own
        for metric, value in result.metrics.items()
    ]


def _identifier(name: str) -> str:
    return "-".join("".join(c if c.isalnum() or c in "._" else " " for c in name).split()) or "benchmark"


def tables(results: Sequence[Measured], own: Sequence[Measured]) -> list[dict[str, Any]]:
    """For each benchmark: `name`, `split` and a Markdown `table` in points, this model in bold, its file beside each row."""
    shown = []
    for name, split in dict.fromkeys((result.benchmark, result.split) for result in results):
        rows = [result for result in results if (result.benchmark, result.split) == (name, split)]
        metrics = list(dict.fromkeys(metric for row in rows for metric in row.metrics))
        lines = ["| system | queries | " + " | ".join(metrics) + " | file |", "|---" * (len(metrics) + 3) + "|"]
        for row in rows:
            cell = " ".join(row.name.split()).replace("|", r"\|")
            cells = [f"**{cell}**" if row in own else cell, str(row.queries), *(_points(row, metric) for metric in metrics)]
            lines.append("| " + " | ".join([*cells, f"[json]({row.file})"]) + " |")
        shown.append({"name": name, "split": split, "table": "\n".join(lines)})
    return shown


def _points(result: Measured, metric: str) -> str:
    if metric not in result.metrics:
        return ""
    error = result.standard_errors.get(metric)
    return f"{100 * result.metrics[metric]:.1f}" + ("" if error is None else f" ±{100 * error:.1f}")
