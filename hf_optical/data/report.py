"""What became of every row of a bitext: read, kept, or rejected and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from .files import atomic_write

_EXAMPLES = 5


@dataclass
class Rejects:
    """Rows rejected for one reason: how many, and where the first five are (`file:line`)."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, file: str, line: int) -> None:
        """Count one row."""
        self.count += 1
        if len(self.first) < _EXAMPLES:
            self.first.append(f"{file}:{line}")


@dataclass
class BitextReport:
    """Count of a bitext's rows; `rows_read == rows_kept + rows_rejected` always holds.

    Attributes:
        language: Code of the other language.
        rows_read: Rows looked at: all of the sources, or as many as it took to reach `limit`.
        rows_kept: Rows in the bitext.
        rejected: Reason to `Rejects`, in order of first occurrence.
        kept_by_source: Value of the `source` column to number of kept rows, in order of first occurrence.
        length_ratio: Median of (characters non-English / characters English), the centre of the length-ratio filter;
            None where that filter was off or absolute.
    """

    language: str
    rows_read: int = 0
    rows_kept: int = 0
    rejected: dict[str, Rejects] = field(default_factory=dict)
    kept_by_source: dict[str, int] = field(default_factory=dict)
    length_ratio: float | None = None

    @property
    def rows_rejected(self) -> int:
        """Rows rejected, whatever the reason."""
        return sum(rejects.count for rejects in self.rejected.values())

    def keep(self, source: str) -> None:
        """Count a row that was kept."""
        self.rows_read += 1
        self.rows_kept += 1
        self.kept_by_source[source] = self.kept_by_source.get(source, 0) + 1

    def reject(self, reason: str, file: str, line: int) -> None:
        """Count a row that was rejected."""
        self.rows_read += 1
        self.rejected.setdefault(reason, Rejects()).add(file, line)

    def by_count(self) -> list[tuple[str, Rejects]]:
        """Reasons and rejects, the most frequent first; equal counts by name."""
        return sorted(self.rejected.items(), key=lambda item: (-item[1].count, item[0]))

    def table(self) -> str:
        """The counts as lines of text, for a terminal or a log.

        Example:
            >>> report = BitextReport("sw")
            >>> report.keep("a.tsv"); report.reject("empty side", "a.tsv", 3)
            >>> print(report.table())
            sw-en              rows      %  first
            read                  2  100.0
            kept                  1   50.0
            empty side            1   50.0  a.tsv:3
        """
        lines = [("read", self.rows_read, ""), ("kept", self.rows_kept, "")]
        lines += [(reason, rejects.count, ", ".join(rejects.first)) for reason, rejects in self.by_count()]
        wide = max(12, *(len(name) for name, _, _ in lines))
        shown = [f"{self.language + '-en':<{wide}}  {'rows':>9}  {'%':>5}  first"]
        for name, count, first in lines:
            share = 100 * count / self.rows_read if self.rows_read else 0.0
            shown.append(f"{name:<{wide}}  {count:>9,}  {share:>5.1f}  {first}".rstrip())
        return "\n".join(shown)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "language": self.language,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "rows_rejected": self.rows_rejected,
            "length_ratio": self.length_ratio,
            "rejected": {reason: {"count": r.count, "first": list(r.first)} for reason, r in self.by_count()},
            "kept_by_source": dict(self.kept_by_source),
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write `to_dict` as JSON, whole or not at all."""
        with atomic_write(path) as file:
            file.write((json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n").encode())
