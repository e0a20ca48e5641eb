"""Which measured figures a card shows, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import EvalResult

from .errors import HubError
from .result_files import Measured
from .templates import table_cell

# Rows that an evaluation adds for comparison.
TEACHER_ROW = "teacher, English queries"
_ZERO_SHOT_ROW = "zero-shot (teacher, untranslated)"
_WITHOUT_WEIGHTS = "BM25"  # what its rows begin with


@dataclass(frozen=True)
class Chosen:
    """What a card may say of result files.

    Attributes:
        own: of the model itself, for the metadata and in bold.
        shown: rows of the tables, `own` among them.
        left_out: files that are in no table and stay here: path -> why.
    """

    own: list[Measured] = field(default_factory=list)
    shown: list[Measured] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def choose_results(results: Sequence[Measured], kind: str, fingerprint: str, teacher: str = "") -> Chosen:
    """The results that can be tied to the weights that are pushed. A name proves nothing, only what the files say:

    - A file with the fingerprint of these weights is theirs: of the model itself, of an export of it (`model.export`), or of a
      teacher on untranslated queries.
    - Baselines have other weights, or none: BM25, and a student's teacher, which is known by its fingerprint. They are shown beside
      results of these weights on the same data: benchmark, split, fingerprint of the data, and ids of the queries.
    - All others are left out: measured on other weights (former ones, another student), or on what the file does not say.

    Args:
        results: as `read_results` gives them.
        kind: "student" or "teacher".
        fingerprint: of the weights.
        teacher: fingerprint of a student's teacher, "" if it is not known.

    Raises:
        HubError: two files of the model itself have different figures for the same thing.

    Example:
        >>> found = [Measured("a.json", "mine", 2, {}, {}, "sw"), Measured("b.json", "mine", 2, {}, {}, "sw", fingerprint="ff")]
        >>> [row.file for row in choose_results(found, "student", "ff").shown]
        ['b.json']
        >>> choose_results(found, "student", "ff").left_out
        {'a.json': 'it does not say which weights were measured'}
    """
    others = (TEACHER_ROW, _ZERO_SHOT_ROW) if kind == "student" else ()
    theirs = [result for result in results if result.fingerprint == fingerprint and result.system not in others]
    own = [result for result in theirs if not result.export and result.system != _ZERO_SHOT_ROW]
    measured = {result.measured_on for result in theirs}
    shown, left_out = [], {}
    for result in results:
        why = "" if result in theirs else _why_not(result, measured, kind, teacher)
        if why:
            left_out[result.local or result.file] = why
        else:
            shown.append(result)
    _check_contradictions(own)
    return Chosen(own, shown, left_out)


def _why_not(result: Measured, measured: set[tuple], kind: str, teacher: str) -> str:
    """Why a result that is not of these weights is not shown beside them; "" if it is."""
    if result.fingerprint and not (kind == "student" and result.fingerprint == teacher):
        return f"measured on other weights (fingerprint {result.fingerprint})"
    if not result.fingerprint and not result.system.startswith(_WITHOUT_WEIGHTS):
        return "it does not say which weights were measured"
    return "" if result.measured_on in measured else "there is no result of these weights on the same data"


def _check_contradictions(own: Sequence[Measured]) -> None:
    seen: dict[tuple[str, str, str], Measured] = {}
    for result in own:
        for metric, value in result.metrics.items():
            other = seen.setdefault((result.benchmark, result.split, metric), result)
            if other.metrics[metric] != value:
                raise HubError(
                    f"{other.file} and {result.file} have different figures of this model for {metric} on {result.benchmark}: "
                    "remove one of them, or put each into a folder with the name of what it was measured on."
                )


def eval_results(own: Sequence[Measured], languages: Sequence[str]) -> list[EvalResult]:
    """For the `model-index` metadata, unrounded; what two files say alike, once."""
    first = {(result.benchmark, result.split, metric): result for result in reversed(own) for metric in result.metrics}
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
        if first[result.benchmark, result.split, metric] is result
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
            cell = table_cell(row.name)
            cells = [f"**{cell}**" if row in own else cell, str(row.queries), *(_points(row, metric) for metric in metrics)]
            lines.append("| " + " | ".join([*cells, f"[json]({row.file})"]) + " |")
        shown.append({"name": name, "split": split, "table": "\n".join(lines)})
    return shown


def _points(result: Measured, metric: str) -> str:
    if metric not in result.metrics:
        return ""
    error = result.standard_errors.get(metric)
    return f"{100 * result.metrics[metric]:.1f}" + ("" if error is None else f" ±{100 * error:.1f}")
