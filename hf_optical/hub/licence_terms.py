"""What licences ask for: whether they go together, and what follows for what is made of all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from .errors import HubError

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
# Terms, version and country.
_CC = re.compile(r"cc-((?:by|nc|sa|nd)(?:-(?:nc|sa|nd))*)(?:-(\d\.\d)(?:-([a-z]{2,3}))?)?")


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
            found = _CC.fullmatch(self.id)
            return found[1] if found and found[1] in _STRENGTH else {"cc-pdm-1.0": ""}.get(self.id, "?")
        if self.id.startswith(("gpl", "agpl", "lgpl")):
            return "gpl"
        return {"odc-by": "by", "odbl": "by-sa"}.get(self.id, "?")

    @property
    def non_commercial(self) -> bool:
        """Whether it forbids commercial use, as far as its name tells: also of a part of what several licences are said of."""
        return self.id.startswith("cc-") and "nc" in self.id.split("-")

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
        if (found := _CC.fullmatch(self.id)) and found[2]:
            return f"https://creativecommons.org/licenses/{found[1]}/{found[2]}/" + (f"{found[3]}/" if found[3] else "")
        if self.id == "cc0-1.0":
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        return f"https://spdx.org/licenses/{_SPDX[self.id]}.html" if self.id in _SPDX else ""

    @property
    def hub_id(self) -> str:
        """Identifier for a card's metadata; "other" where the Hub has none."""
        return self.id if self.id in _ON_THE_HUB else "other"


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
    # terms that are not known are taken to ask for most
    strongest = Licence(max(different, key=lambda licence: (order.get(Licence(licence).family, len(order)), licence)))
    return (strongest.hub_id, "") if strongest.hub_id != "other" else ("other", strongest.id)


def check_mix(licences: Mapping[str, str], *, allow: bool) -> None:
    """Raise HubError where licences (by source) forbid to be mixed and the person has not said that it is meant so."""
    if allow or not (pair := conflict(licences.values())):
        return
    example = [next(source for source, licence in licences.items() if licence == one) for one in pair]
    raise HubError(
        f"{pair[0]} ({example[0]}) and {pair[1]} ({example[1]}) must not be mixed into one work: leave one of them out, or say "
        "--allow-mixed-licences if every part keeps its own."
    )
