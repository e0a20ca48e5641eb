"""Licences of the sources of a bitext: which there are, whether they go together, and what follows for the whole."""

from __future__ import annotations

import csv
import fnmatch
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from pathlib import Path

import yaml

from ..data.errors import did_you_mean
from .attribution import Attribution, known_source
from .errors import HubError

_COLUMNS = ("licence", "title", "attribution", "url")
_NOTHING_ASKED = {"cc0-1.0", "pddl", "unlicense"}
_SPDX = {
    **{"mit": "MIT", "apache-2.0": "Apache-2.0", "unlicense": "Unlicense", "bsd-2-clause": "BSD-2-Clause"},
    **{"bsd-3-clause": "BSD-3-Clause", "pddl": "PDDL-1.0", "odc-by": "ODC-By-1.0", "odbl": "ODbL-1.0"},
    **{"gpl-2.0": "GPL-2.0-only", "gpl-2.0-or-later": "GPL-2.0-or-later", "gpl-3.0": "GPL-3.0-only"},
    **{"gpl-3.0-or-later": "GPL-3.0-or-later", "lgpl-3.0": "LGPL-3.0-only", "agpl-3.0": "AGPL-3.0-only"},
}
_PERMISSIVE = ("cc0-1.0", "pddl", "unlicense", "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause")
# The Hub's identifiers of what text comes under; others are written as "other" with their name.
_ON_THE_HUB = {
    *_PERMISSIVE,
    *(f"cc-by-{v}" for v in ("2.0", "2.5", "3.0", "4.0")),
    *(f"cc-by-sa-{v}" for v in ("3.0", "4.0")),
    *(f"cc-by-nc-{v}" for v in ("2.0", "3.0", "4.0")),
    *(f"cc-by-nc-sa-{v}" for v in ("2.0", "3.0", "4.0")),
    *("cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "odc-by", "odbl"),
}
_STRENGTH = ("", "by", "by-sa", "by-nc", "by-nc-sa", "gpl", "by-nd", "by-nc-nd")


@dataclass(frozen=True)
class Licence:
    """A licence by its lower-case identifier, such as `cc-by-sa-4.0`."""

    id: str

    @classmethod
    def parse(cls, text: str) -> Licence:
        """Of any spelling.

        Example:
            >>> Licence.parse("CC BY-SA 4.0").id, Licence.parse("CC0").id, Licence.parse("GPL-2.0-or-later").family
            ('cc-by-sa-4.0', 'cc0-1.0', 'gpl')
        """
        name = "-".join(text.lower().replace("_", "-").split())
        name = {"cc0": "cc0-1.0", "public-domain": "cc0-1.0", "apache2": "apache-2.0", "apache": "apache-2.0"}.get(name, name)
        if name.startswith("cc-") and not name[-1].isdigit() and name in ("cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa"):
            raise HubError(f"licence {text!r} lacks its version: write for example {text}-4.0.")
        if not name:
            raise HubError("a licence is empty: write for example SOURCE=CC-BY-4.0.")
        return cls(name)

    @property
    def family(self) -> str:
        """What it asks for: "" (nothing to hinder), by, by-sa, by-nc, by-nc-sa, by-nd, by-nc-nd, gpl; "?" if not known."""
        if self.id in _PERMISSIVE:
            return ""
        if self.id.startswith("cc-"):
            parts = [part for part in self.id.split("-")[1:] if part.isalpha() and len(part) == 2]
            return "-".join(p for p in parts if p in ("by", "sa", "nc", "nd"))
        if self.id.startswith(("gpl", "agpl", "lgpl")):
            return "gpl"
        return {"odc-by": "by", "odbl": "by-sa"}.get(self.id, "?")

    @property
    def non_commercial(self) -> bool:
        return "nc" in self.family.split("-")

    @property
    def asks_attribution(self) -> bool:
        """Whether whoever passes it on must name where it comes from; of terms that are not known it is taken to be so."""
        return self.id not in _NOTHING_ASKED

    @property
    def url(self) -> str:
        """Address of its text, "" if that is not known.

        Example:
            >>> Licence("cc-by-sa-4.0").url, Licence("cc-by-2.0-fr").url, Licence("mit").url
            ('https://creativecommons.org/licenses/by-sa/4.0/', 'https://creativecommons.org/licenses/by/2.0/fr/', 'https://spdx.org/licenses/MIT.html')
        """
        if found := re.fullmatch(r"cc-((?:by|nc|sa|nd)(?:-(?:nc|sa|nd))*)-(\d\.\d)(?:-([a-z]{2,3}))?", self.id):
            return f"https://creativecommons.org/licenses/{found[1]}/{found[2]}/" + (f"{found[3]}/" if found[3] else "")
        if self.id == "cc0-1.0":
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        return f"https://spdx.org/licenses/{_SPDX[self.id]}.html" if self.id in _SPDX else ""

    @property
    def hub_id(self) -> str:
        """Identifier for a card's metadata; "other" where the Hub has none."""
        return self.id if self.id in _ON_THE_HUB else "other"


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


def conflict(licences: Iterable[str]) -> tuple[str, str] | None:
    """Two licences whose texts must not be adapted into one work, the first such pair; None where all go together."""
    for one, other in combinations(sorted(set(licences)), 2):
        families = {Licence(one).family, Licence(other).family}
        if any("nd" in family for family in families) or "?" in families:
            return one, other
        if "gpl" in families and families != {"gpl", ""}:
            return one, other
        if "by-sa" in families and any("nc" in family for family in families):
            return one, other
    return None


def whole(licences: Iterable[str]) -> tuple[str, str]:
    """`license` and `license_name` of what is made of all: the one that asks for most; ("other", names) where they conflict.

    Example:
        >>> whole(["cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0"]), whole([])
        (('cc-by-sa-4.0', ''), ('unknown', ''))
        >>> whole(["cc-by-sa-4.0", "cc-by-nc-4.0"])
        ('other', 'cc-by-nc-4.0-and-cc-by-sa-4.0')
    """
    different = sorted(set(licences))
    if not different:
        return "unknown", ""
    if conflict(different):
        return "other", "-and-".join(different)
    order = {family: place for place, family in enumerate(_STRENGTH)}
    strongest = Licence(max(different, key=lambda licence: (order.get(Licence(licence).family, -1), licence)))
    return (strongest.hub_id, "") if strongest.hub_id != "other" else ("other", strongest.id)


def check_mix(licences: Mapping[str, str], *, allow: bool) -> None:
    """Raise HubError where licences forbid to be mixed and the person has not said that it is meant so."""
    if allow or not (pair := conflict(licences.values())):
        return
    example = [next(source for source, licence in licences.items() if licence == one) for one in pair]
    raise HubError(
        f"{pair[0]} ({example[0]}) and {pair[1]} ({example[1]}) must not be mixed into one work: leave one of them out, or say "
        "--allow-mixed-licences if every part keeps its own."
    )
