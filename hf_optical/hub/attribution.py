"""Who made the sources of a bitext, and where they are: what a licence such as CC BY wants to be named."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import HubError


@dataclass(frozen=True)
class Attribution:
    """Name, makers and address of a source.

    Attributes:
        title: its name.
        attribution: authors, or the publisher, as they want to be named.
        url: its home, http or https.
    """

    title: str = ""
    attribution: str = ""
    url: str = ""

    @property
    def missing(self) -> list[str]:
        """What is not known, of the three."""
        return [field.name for field in fields(self) if not getattr(self, field.name)]

    def completed(self, other: Attribution) -> Attribution:
        """With what is not known taken from another one."""
        return Attribution(**{name: value or getattr(other, name) for name, value in asdict(self).items()})

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> Attribution:
        """Of a row or mapping with these keys. Raises HubError for an address that is none."""
        texts = {field.name: " ".join(str(values.get(field.name) or "").split()) for field in fields(cls)}
        url = texts["url"]
        if url and (not url.startswith(("https://", "http://")) or any(c in url for c in " <>\"'`|\\")):
            raise HubError(f"{where}: {url!r} is no address: write one that begins with https://.")
        return cls(**texts)


@dataclass(frozen=True)
class KnownSource:
    """A public source: names that it goes by in a column `source`, and its licence ("": not one for all of it)."""

    patterns: tuple[str, ...]
    licence: str
    attribution: Attribution


def _known(patterns: str, licence: str, title: str, attribution: str, url: str) -> KnownSource:
    return KnownSource(tuple(patterns.split()), licence, Attribution(title, attribution, url))


KNOWN = (
    _known(
        "mafand mafand-* lafand-mt",
        "cc-by-nc-4.0",
        "MAFAND-MT",
        "Adelani et al., A Few Thousand Translations Go a Long Way!, NAACL 2022; Masakhane",
        "https://github.com/masakhane-io/lafand-mt",
    ),
    _known(
        "tico19 tico19-* tico-19",
        "cc0-1.0",
        "TICO-19",
        "Anastasopoulos et al., TICO-19: the Translation Initiative for COvid-19, 2020",
        "https://tico-19.github.io",
    ),
    _known(
        "ntrex ntrex-*",
        "cc-by-sa-4.0",
        "NTREX-128",
        "Federmann, Kocmi and Xin, SumEval 2022; English source: WMT19 (Barrault et al. 2019)",
        "https://github.com/MicrosoftTranslator/NTREX",
    ),
    _known(
        "flores flores-* flores101 flores200",
        "cc-by-sa-4.0",
        "FLORES-200",
        "NLLB Team, No Language Left Behind, 2022; Goyal et al., FLORES-101, 2022",
        "https://github.com/facebookresearch/flores",
    ),
    _known("tatoeba tatoeba-*", "cc-by-2.0-fr", "Tatoeba", "the contributors of Tatoeba", "https://tatoeba.org"),
    _known(
        "afriqa afriqa-*",
        "cc-by-4.0",
        "AfriQA",
        "Ogundepo et al., AfriQA, Findings of EMNLP 2023; Masakhane",
        "https://github.com/masakhane-io/afriqa",
    ),
    _known(
        "asp asp-*",
        "",
        "African Storybook",
        "African Storybook; authors, illustrators and translators as each story names them",
        "https://www.africanstorybook.org",
    ),
    _known(
        "squad squad-*",
        "cc-by-sa-4.0",
        "SQuAD",
        "Rajpurkar, Zhang, Lopyrev and Liang, EMNLP 2016; paragraphs from Wikipedia",
        "https://rajpurkar.github.io/SQuAD-explorer/",
    ),
    _known(
        "xquad xquad-*",
        "cc-by-sa-4.0",
        "XQuAD",
        "Artetxe, Ruder and Yogatama, ACL 2020; paragraphs from Wikipedia",
        "https://github.com/google-deepmind/xquad",
    ),
    _known(
        "nq nq-* natural-questions",
        "cc-by-sa-3.0",
        "Natural Questions",
        "Kwiatkowski et al., TACL 2019; Google; paragraphs from Wikipedia",
        "https://ai.google.com/research/NaturalQuestions",
    ),
    _known(
        "qed qed-*",
        "cc-by-sa-3.0",
        "QED",
        "Lamm et al., TACL 2021; Google; paragraphs from Wikipedia",
        "https://github.com/google-research-datasets/QED",
    ),
    _known(
        "tydi tydi-* tydiqa tydiqa-*",
        "apache-2.0",
        "TyDi QA",
        "Clark et al., TACL 2020; Google; paragraphs from Wikipedia",
        "https://github.com/google-research-datasets/tydiqa",
    ),
    _known(
        "freedict freedict-*", "gpl-2.0-or-later", "FreeDict", "the authors of the FreeDict dictionaries", "https://freedict.org"
    ),
)


def known_source(source: str) -> KnownSource | None:
    """The public source of this name, or of this pattern of names."""
    return next((known for known in KNOWN if any(fnmatch.fnmatchcase(source, p) for p in known.patterns)), None)


def attribution_of(source: str, table: Mapping[str, Attribution]) -> Attribution:
    """Of a source or pattern: by name, completed by the longest pattern of the table that fits, and by what is known publicly.

    Example:
        >>> attribution_of("tico19", {"tico19": Attribution(title="Mine")}).title, attribution_of("mine-1", {}).missing
        ('Mine', ['title', 'attribution', 'url'])
    """
    fitting = sorted((p for p in table if p == source or fnmatch.fnmatchcase(source, p)), key=lambda p: (p != source, -len(p)))
    found = Attribution()
    for pattern in fitting:
        found = found.completed(table[pattern])
    known = known_source(source)
    return found.completed(known.attribution) if known else found
