"""The licence of a model: of all that it was trained with and, of a student, of its teacher; unknown where any of it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .licence_terms import Licence, whole
from .licences import grouped, licence_of, pattern_of
from .templates import code_cell, table_cell
from .training_record import FILE as TRAINING
from .training_text import other_data, read_json

REPORT = "bitext_report.json"
_TEACHER = "the teacher"


@dataclass(frozen=True)
class ModelLicence:
    """What a model's licence follows from.

    Attributes:
        parts: what it was made from -> licence, as far as they are known.
        missing: the parts of which none is known.

    Example:
        >>> ModelLicence({"tico19": "cc0-1.0", "ntrex": "cc-by-sa-4.0"}).whole, ModelLicence({"tico19": "cc0-1.0"}, ("asp",)).whole
        (('cc-by-sa-4.0', ''), ('unknown', ''))
    """

    parts: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> tuple[str, str]:
        """`license` and `license_name`, as `licence_terms.whole`; "unknown" if not all parts are known."""
        return whole(self.parts.values()) if self.parts and not self.missing else ("unknown", "")

    @property
    def text(self) -> str:
        """In a few words, "" if nothing is known."""
        licence, name = self.whole
        if not self.parts or licence != "unknown":
            return name or licence if self.parts else ""
        return f"{', '.join(sorted(set(self.parts.values())))}; not stated for {', '.join(self.missing)}"

    @property
    def non_commercial(self) -> str:
        """The parts that forbid commercial use, in a sentence; "" if none is known to."""
        return ", ".join(f"{label(n)} is {table_cell(x)}" for n, x in self.parts.items() if Licence(x).non_commercial)

    def of_student(self, teacher: ModelLicence) -> ModelLicence:
        """With the parts of a student's teacher, which are named as such."""
        one = len(set(teacher.parts.values())) == 1
        theirs = {_TEACHER if one else f"{_TEACHER}'s {name}": licence for name, licence in teacher.parts.items()}
        missing = [f"{_TEACHER}'s {name}" for name in teacher.missing] if teacher.parts else [_TEACHER]
        return ModelLicence({**self.parts, **theirs}, (*self.missing, *missing))

    def to_dict(self) -> dict[str, Any]:
        """For `optical.json`."""
        licence, name = self.whole
        return {"license": licence, "license_name": name, "parts": dict(self.parts), "missing": list(self.missing)}

    @classmethod
    def of_repository(cls, facts: Mapping[str, Any]) -> ModelLicence:
        """As the `optical.json` of a repository says; of an earlier version's, which has only a table, every entry is a part."""
        written = facts.get("licence")
        if isinstance(written, dict):
            return cls(_texts(written.get("parts")), tuple(map(str, written.get("missing") or ())))
        return cls(_texts(facts.get("licences")))


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(licence) for name, licence in value.items()} if isinstance(value, dict) else {}


def model_licence(
    folder: Path, kind: str, licences: Mapping[str, str], teacher: ModelLicence | None = None, teacher_names: Sequence[str] = ()
) -> ModelLicence:
    """Of a model's folder.

    Args:
        folder: with `bitext_report.json` and `training.json`, as far as there are.
        kind: "student" or "teacher".
        licences: source (or pattern) -> licence.
        teacher: of a student's teacher, as its repository says.
        teacher_names: what the table may call it, for a teacher whose repository does not say all.
    """
    sources, others = training_parts(folder, licences, teacher_names)
    parts = {part["name"]: part["licence"] for part in (*sources, *others)}
    missing = [name for name, licence in parts.items() if not licence]
    if not sources and (kind == "student" or not others):
        missing.insert(0, "the sentence pairs" if kind == "student" else "the training data")
    own = ModelLicence({name: licence for name, licence in parts.items() if licence}, tuple(missing))
    if kind != "student":
        return own
    return own.of_student(teacher_licence(teacher, licences, teacher_names))


def teacher_licence(teacher: ModelLicence | None, licences: Mapping[str, str], teacher_names: Sequence[str] = ()) -> ModelLicence:
    """Of a student's teacher, see `model_licence`: what its repository leaves open, the table may say."""
    teacher = teacher or ModelLicence()
    stated = {name: licence for name in teacher_names if (licence := licence_of(name, licences))}
    return ModelLicence({**teacher.parts, **stated}) if stated and (teacher.missing or not teacher.parts) else teacher


def training_parts(
    folder: Path, licences: Mapping[str, str], elsewhere: Iterable[str] = ()
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What a model was trained with: sources (`name`, `pairs`, `licence`), and other files (`name`, `use`, `licence`); "" where
    something is not known. Without counts of its sentence pairs the sources are those of the table that are not `elsewhere`.
    """
    others = other_data(read_json(folder / TRAINING), licences)
    pairs = grouped(bitext_counts(folder).get("by_source") or {}, licences)
    if pairs:
        return [{"name": name, "pairs": f"{n:,}", "licence": licence_of(name, licences) or ""} for name, n in pairs.items()], others
    used = {pattern_of(name, licences) or name for name in (*(other["name"] for other in others), *elsewhere)}
    return [{"name": name, "pairs": "", "licence": licence} for name, licence in licences.items() if name not in used], others


def bitext_counts(folder: Path) -> dict[str, Any]:
    """Rows `read` and `kept`, and kept ones `by_source`, of the report on one bitext or on one for each language; {} without."""
    report = read_json(folder / REPORT)
    reports = [report] if "rows_kept" in report else [part for part in report.values() if isinstance(part, dict)]
    if not reports:
        return {}
    by_source: Counter[str] = Counter()
    for part in reports:
        by_source.update(part["kept_by_source"])
    return {
        "read": sum(part["rows_read"] for part in reports),
        "kept": sum(part["rows_kept"] for part in reports),
        "by_source": dict(by_source),
    }


def label(part: str) -> str:
    """The name of a part in a sentence of a card; what is said in words is no code."""
    return table_cell(part) if part.startswith("the ") else code_cell(part)
