"""Fields of records in JSON Lines files and data sets: taken out as text or refused with their place."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from .errors import DataError, did_you_mean, shown


def identifier(record: Mapping[str, object], names: tuple[str, ...], path: str | PathLike[str], line: int) -> str:
    """The id of a record under the first of `names` that it has; numbers become text."""
    for name in names:
        if name in record:
            value = record[name]
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if not isinstance(value, str) or not value.strip() or "\t" in value or "\n" in value:
                problem = f"{shown(str(value))} is not an id"
                raise DataError(problem, path=path, line=line, column=name, fix="write a text without tabs")
            check_characters(value, name, path, line)
            return value
    problem = f"missing; the fields are {', '.join(map(repr, record)) or 'none'}"
    raise DataError(problem, path=path, line=line, column=names[0], fix="give every record an id")


def plain_text(record: Mapping[str, object], name: str, path: str | PathLike[str], line: int, *, required: bool = True) -> str:
    """The text in a field; the empty text where it is null, or missing and not required."""
    if name not in record and required:
        hint = did_you_mean(name, record) or "check the form of the file"
        problem = f"missing; the fields are {', '.join(map(repr, record)) or 'none'}"
        raise DataError(problem, path=path, line=line, column=name, fix=hint)
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        problem = f"holds {type(value).__name__}, not text"
        raise DataError(problem, path=path, line=line, column=name, fix="write a string")
    check_characters(value, name, path, line)
    return value


def check_characters(value: str, name: str, path: str | PathLike[str], line: int) -> None:
    """Raise DataError for half of a surrogate pair: JSON can spell it, but no tokenizer and no file takes it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        problem = "holds half of a surrogate pair, which is not a character"
        raise DataError(problem, path=path, line=line, column=name, fix="export the text again") from error
