"""A row of bitext as the readers give it, and the columns it is taken from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, NamedTuple

from .errors import DataError, did_you_mean
from .languages import same_language

# Reason for which a reader, not a filter, gives a unit up.
NO_TRANSLATION = "language missing"


class BitextRow(NamedTuple):
    """One row as read, before any normalisation.

    `line` counts from 1 (for a data set, rows; for TMX, the line of the unit). `problem` is the reason why the row
    could not be read, empty where it could. `file` is the name to report.
    """

    line: int
    english: str
    non_english: str
    source: str
    file: str
    problem: str = ""


class Columns(NamedTuple):
    """Names of the two columns, and the language that selects from a `translation` column."""

    english: str
    non_english: str
    language: str

    def check(self, available: Iterable[str], path: str | PathLike[str], line: int | None = None) -> bool:
        """Whether the pair is in a `translation` column rather than in two columns of its own.

        Raises:
            DataError: A column is missing (those there are listed), there is one column only, or one is named twice.
        """
        names = list(available)
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise DataError("the column is there twice", path=path, line=line, column=doubled[0], fix="rename one")
        if self.english == self.non_english:
            problem = "one column is named for both languages"
            raise DataError(problem, path=path, column=self.english, fix="name two columns")
        missing = [name for name in (self.english, self.non_english) if name not in names]
        if missing and "translation" in names:
            return True
        if len(names) < 2:
            problem = f"one column only ({names[0] if names else 'without a name'!r}) where two languages are needed"
            fix = "check that the fields are parted by tabs in .tsv and commas in .csv"
            raise DataError(problem, path=path, line=line, fix=fix)
        if missing:
            option = "english_column" if missing[0] == self.english else "non_english_column"
            free = [name for name in names if name not in (self.english, self.non_english)]
            hint = did_you_mean(missing[0], free) or f"name one with {option}="
            problem = f"missing; the columns are {', '.join(map(repr, names))}"
            raise DataError(problem, path=path, line=line, column=missing[0], fix=hint)
        return False

    def of_translation(self, value: Any, path: str | PathLike[str], line: int) -> tuple[str, str]:
        """The two texts of `{"en": …, "sw": …}`."""
        if not isinstance(value, Mapping):
            raise DataError('not an object such as {"en": …, "sw": …}', path=path, line=line, column="translation")
        texts = []
        for code in ("en", self.language):
            key = next((key for key in value if same_language(key, code)), None)
            if key is None:
                problem = f"no language {code!r}; the languages are {', '.join(map(repr, value))}"
                raise DataError(problem, path=path, line=line, column="translation", fix="check language=")
            texts.append(text_value(value[key], path, line, f"translation.{key}"))
        return texts[0], texts[1]

    def of_record(self, record: Mapping[str, Any], path: str | PathLike[str], line: int) -> tuple[str, str]:
        """The two texts of an object with named fields."""
        if self.english in record and self.non_english in record:
            english = text_value(record[self.english], path, line, self.english)
            return english, text_value(record[self.non_english], path, line, self.non_english)
        self.check(record, path, line)
        return self.of_translation(record["translation"], path, line)


def text_value(value: Any, path: str | PathLike[str], line: int, column: str) -> str:
    """The value if it is text; null is the empty text.

    Raises:
        DataError: It is a number, list or object.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise DataError(f"holds {type(value).__name__}, not text", path=path, line=line, column=column, fix="write a string")
