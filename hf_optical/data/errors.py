"""The one error of the data package, and the near names it suggests."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike


class DataError(ValueError):
    """Data that cannot be used: always one line saying where, what was wrong, and what to do.

    Args:
        problem: What was wrong.
        path: File, folder or data set that holds it.
        line: Line number in that file, from 1.
        column: Column or field name.
        fix: What to do about it.

    Example:
        >>> print(DataError("the column is missing", path="a.tsv", line=1, column="english", fix="name it"))
        a.tsv:1: column 'english': the column is missing; name it
    """

    def __init__(
        self,
        problem: str,
        *,
        path: str | PathLike[str] | None = None,
        line: int | None = None,
        column: str | None = None,
        fix: str = "",
    ) -> None:
        place = "" if path is None else str(path)
        if line is not None:
            place = f"{place}:{line}" if place else f"line {line}"
        parts = [place, "" if column is None else f"column {column!r}", problem]
        message = ": ".join(part for part in parts if part)
        # One line whatever the data held: a quoted line break or control character would split a log entry.
        message = "".join(c if c.isprintable() else " " for c in (f"{message}; {fix}" if fix else message))
        super().__init__(" ".join(message.split()))
        self.path = None if path is None else str(path)
        self.line = line
        self.column = column


def check_limit(limit: int | None, what: str) -> None:
    """Raise DataError unless the limit is None, for all `what`, or 1 or more."""
    if limit is not None and limit < 1:
        raise DataError(f"limit is {limit}", fix=f"give 1 or more, or None for all {what}")


def near(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The `count` choices that look most like `word`, compared without case; best first."""
    by_lower: dict[str, str] = {}
    for choice in choices:
        by_lower.setdefault(choice.lower(), choice)
    return [by_lower[match] for match in difflib.get_close_matches(word.lower(), by_lower, n=count, cutoff=0.6)]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean 'x'?` for the nearest choices, or the empty string.

    Example:
        >>> did_you_mean("englsh", ["english", "swahili"])
        "did you mean 'english'?"
    """
    found = near(word, choices)
    return f"did you mean {' or '.join(repr(choice) for choice in found)}?" if found else ""


def shown(text: str, width: int = 60) -> str:
    """`text` quoted for an error message, cut at `width` characters."""
    return repr(text if len(text) <= width else text[: width - 1] + "…")
