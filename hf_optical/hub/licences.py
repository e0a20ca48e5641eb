"""Licences of the sources of training data: tables of them, and which entry is of which source."""

from __future__ import annotations

import csv
import fnmatch
import io
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path

import yaml

from ..data.errors import did_you_mean
from .attribution import Attribution, known_source
from .errors import HubError
from .licence_terms import Licence

_COLUMNS = ("licence", "title", "attribution", "url")


class Licences(dict[str, str]):
    """Source (or pattern) to licence; `attributions` has what the same file says of who made them."""

    def __init__(self, table: Mapping[str, str], attributions: Mapping[str, Attribution] | None = None) -> None:
        super().__init__(table)
        self.attributions = dict(attributions or {})


def read_licences(entries: Iterable[str] = (), file: str | PathLike[str] | None = None) -> Licences:
    """Source (or pattern, such as `asp-*`) to licence, of `SOURCE=LICENCE` texts and a file; the texts win.

    The file is TSV with the columns `source` and `licence`, or YAML with `source: licence`. Who made a source is said in further
    columns `title`, `attribution`, `url`, in YAML `source: {licence: ..., title: ..., attribution: ..., url: ...}`; without a
    licence such a row is of a work within a source that is named elsewhere, as `asp-0001` is of `asp-*`.

    Raises:
        HubError: the file cannot be read; a licence is missing; a source is there twice; an address is none.
    """
    table: dict[str, str] = {}
    attributions: dict[str, Attribution] = {}
    for source, values, where in _rows(Path(file)) if file is not None else ():
        if source in table or source in attributions:
            raise HubError(f"{where}: {source!r} is there twice: keep one.")
        attribution = Attribution.parse(values, where)
        if licence := str(values.get("licence") or "").strip():
            table[source] = licence
        if attribution != Attribution():
            attributions[source] = attribution
        elif not licence:
            raise HubError(f"{where}: the licence of {source!r} is empty: write for example CC-BY-4.0.")
    for entry in entries:
        source, equals, licence = entry.partition("=")
        if not (equals and source and licence):
            raise HubError(f"--licence {entry!r}: write SOURCE=LICENCE, such as tico19=CC0-1.0.")
        table[source] = licence
    return Licences({source: Licence.parse(licence).id for source, licence in table.items()}, attributions)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """Source, what is said of it, and where, of every row of a file."""
    if not path.is_file():
        raise HubError(f"{path}: there is no such file of licences; check the path.")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix not in (".yaml", ".yml"):
        rows = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"source", "licence"} <= set(rows.fieldnames or ()):
            raise HubError(f"{path}:1: no columns `source` and `licence`, parted by a tab: write this header.")
        for row in rows:
            yield row["source"].strip(), row, f"{path}:{rows.line_num}"
        return
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 1 if getattr(error, "problem_mark", None) else 1
        raise HubError(f"{path}:{line}: not valid YAML: mend this line.") from None
    if not isinstance(content, dict):
        raise HubError(f"{path}: no mapping of sources to licences: write lines like `tico19: CC0-1.0`.")
    for source, value in content.items():
        values = value if isinstance(value, dict) else {"licence": value}
        if unknown := [key for key in values if key not in _COLUMNS]:
            raise HubError(f"{path}: {source}: unknown key {unknown[0]!r}: there are {', '.join(_COLUMNS)}.")
        yield str(source), values, f"{path}: {source}"


def licence_of(source: str, table: Mapping[str, str]) -> str | None:
    """The licence of a source: by its name, else by the longest pattern that fits."""
    if source in table:
        return table[source]
    fitting = [pattern for pattern in table if fnmatch.fnmatchcase(source, pattern)]
    return table[max(fitting, key=len)] if fitting else None


def pattern_of(source: str, table: Mapping[str, str]) -> str | None:
    """The pattern of the table that a source falls under, None if it is named itself or not at all."""
    if source in table:
        return None
    return max((pattern for pattern in table if fnmatch.fnmatchcase(source, pattern)), key=len, default=None)


def grouped(counts: Mapping[str, int], table: Mapping[str, str]) -> dict[str, int]:
    """Counts by source, those that fall under one pattern added up.

    Example:
        >>> grouped({"asp-0001": 2, "tico19": 1, "asp-0002": 3}, {"asp-*": "cc-by-4.0"})
        {'asp-*': 5, 'tico19': 1}
    """
    found: dict[str, int] = {}
    for source, number in counts.items():
        name = pattern_of(source, table) or source
        found[name] = found.get(name, 0) + number
    return found


def licences_of(sources: Iterable[str], table: Mapping[str, str]) -> dict[str, str]:
    """Licence of each source. Raises HubError for sources that the table does not have."""
    found = {source: licence_of(source, table) for source in sources}
    missing = [source for source, licence in found.items() if licence is None]
    if missing:
        public = known_source(missing[0])
        known = did_you_mean(missing[0], table)
        if public and public.licence:
            known = f"if it is {public.attribution.title}, add --licence {missing[0]}={public.licence}"
        names = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise HubError(f"no licence is known for {names}; {known or f'add --licence {missing[0]}=LICENCE, such as CC-BY-4.0'}.")
    return {source: licence for source, licence in found.items() if licence is not None}
