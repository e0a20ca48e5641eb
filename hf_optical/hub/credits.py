"""What a bitext's card says of the makers of its sources, and what is missing from it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .attribution import Attribution, attribution_of, known_source
from .licence_terms import Licence
from .licences import pattern_of

logger = logging.getLogger(__name__)


def credit(report: Mapping[str, Any], table: Mapping[str, Attribution]) -> dict[str, Any]:
    """What a configuration's report says of the makers of its sources.

    Args:
        report: with `licences` (source or pattern -> licence) and `splits`, whose `sources` have the single names.
        table: source or pattern -> Attribution, of the person who pushes.

    Returns:
        `attributions`: name of `licences` -> title, attribution, url; `works`: source -> the same, for sources under a pattern of
        which the table knows more; `attribution_missing`: name -> what its licence asks for and nobody has said.
    """
    licences = report["licences"]
    members: dict[str, list[str]] = {}
    for source in sorted({source for split in report["splits"].values() for source in split["sources"]}):
        members.setdefault(source if source in licences else pattern_of(source, licences) or source, []).append(source)
    named = {name: attribution_of(name, table) for name in licences}
    works = {s: attribution_of(s, table) for name in members for s in members[name] if s in table and s not in licences}
    missing = {}
    for name, licence in licences.items():
        alone = [work for work in members.get(name, []) if work not in works or works[work].missing]
        if Licence(licence).asks_attribution and named[name].missing and (alone or name not in members):
            missing[name] = named[name].missing
    return {
        "attributions": {name: asdict(attribution) for name, attribution in named.items()},
        "works": {source: asdict(attribution) for source, attribution in works.items()},
        "attribution_missing": missing,
    }


def warn_of_sources(reports: Iterable[Mapping[str, Any]]) -> None:
    """Tell which sources lack what their licence asks for, and which are said to have another licence than is known of them."""
    missing: dict[str, list[str]] = {}
    licences: dict[str, str] = {}
    for report in reports:
        missing |= report["attribution_missing"]
        licences |= report["licences"]
    if missing:
        some = "; ".join(f"{name} ({licences[name]}): no {', no '.join(parts)}" for name, parts in missing.items())
        logger.warning(
            "%d source(s) without the attribution that their licence asks for, which the card names: %s; "
            "say it in the file of --licences, in the columns title, attribution, url",
            *(len(missing), some),
        )
    for name, licence in licences.items():
        known = known_source(name)
        if known and known.licence and Licence(known.licence).family != Licence(licence).family:
            logger.warning(
                "%s is pushed as %s, but %s is published under %s: check it",
                *(name, licence, known.attribution.title, known.licence),
            )
