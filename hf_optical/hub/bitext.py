"""Push sentence pairs as a dataset, with a card that counts what was left out and names every licence."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from ..data.languages import language_name
from .attribution import Attribution
from .bitext_files import REPORT, find_prepared, write_config
from .credits import credit, warn_of_sources
from .files import Outgoing
from .licence_terms import Licence, check_mix, conflict, whole
from .model_card import joined
from .plan import Plan, Push, Remote, refuse_other_content, stale
from .sections import card_record, choose_card
from .templates import code_cell, link, render, table_cell
from .uploading import push

logger = logging.getLogger(__name__)

_CARD = "README.md"
_PARTS = {"title": "its name", "attribution": "its authors or publisher", "url": "its address"}
_FEATURES = [{"name": name, "dtype": "string"} for name in ("english", "non_english", "source")]


def push_bitext(
    path: str | Path,
    repo: str,
    *,
    licences: Mapping[str, str],
    attributions: Mapping[str, Attribution] | None = None,
    language: str | None = None,
    allow_mixed_licences: bool = False,
    private: bool = False,
    revision: str | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Push:
    """Push sentence pairs: Parquet, a configuration for each language (`en-sw`), text columns english, non_english, source.

    Other languages that are in the repository already stay there, and in its card. A language is pushed whole: a split of it that
    is not among the files goes, and a warning says so.

    Args:
        path: a file that `optical prepare` wrote, or a folder of such: `sw.tsv.gz` is the train split of Swahili, `sw.test.tsv.gz`
            its test split.
        repo: `owner/name`.
        licences: source (or pattern, such as `asp-*`) to licence; every source must have one.
        attributions: source (or pattern) to who made it, which the card says; default: those of `licences`, as `read_licences`
            gives them. Public sources are known by their usual names; where a licence asks for an attribution that nobody has
            given, the card says so, and a warning is logged.
        language: of the file, where neither its report nor its name tells.
        allow_mixed_licences: put sources together whose licences forbid to be mixed: every row keeps its own.
        private, revision, dry_run, token: see `uploading.push`.

    Raises:
        HubError, DataError: see `uploading.push`; the pairs cannot be read; a source without a licence.
    """
    files = find_prepared(path, language)
    credits = getattr(licences, "attributions", {}) if attributions is None else attributions
    with tempfile.TemporaryDirectory() as temporary:
        sent: list[Outgoing] = []
        reports: dict[str, dict[str, Any]] = {}
        for _, group in groupby(sorted(files, key=lambda file: file.language), key=lambda file: file.language):
            report, written = write_config(list(group), licences, Path(temporary), credits)
            reports[report["config"]] = report
            sent += written
        warn_of_sources(reports.values())
        folders = (Path(path) if Path(path).is_dir() else Path(path).parent, Path(temporary))

        def build(remote: Remote | None) -> Plan:
            there = _others(remote)
            every = {name: credit(report, credits) | report for name, report in (there | reports).items()}
            check_mix(_licences(every.values()), allow=allow_mixed_licences)
            gone = [path for name in reports for path in stale(remote, sent, f"{name}/")]
            name = repo if remote is None else remote.repo
            # all of the metadata follows from the reports, and so does what the last push generated
            record = card_record(bitext_card(name, list(there.values()))) if there else None
            rendered = bitext_card(name, list(every.values()))
            card = choose_card(None, remote.read(_CARD) if remote else None, rendered, record=record)
            return Plan([*sent, Outgoing(_CARD, card.encode())], [], gone, card, folders=folders)

        outcome = push(
            build,
            repo,
            "dataset",
            private=private,
            revision=revision,
            dry_run=dry_run,
            token=token,
            message=f"Upload {', '.join(reports)}",
        )
        if splits := sorted({path.split("-0")[0] for path in outcome.removed if path.endswith(".parquet")} - _splits(reports)):
            logger.warning("splits of an earlier push that were not among the files of this one are gone: %s", ", ".join(splits))
        return outcome


def _splits(reports: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {f"{name}/{split}" for name, report in reports.items() for split in report["splits"]}


def _licences(reports: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Licence of every source; a source that has another one in each language is named with its configuration."""
    found: dict[str, str] = {}
    for report in reports:
        for source, licence in report["licences"].items():
            name = source if found.get(source, licence) == licence else f"{source} of {report['config']}"
            found[name] = licence
    return found


def _others(remote: Remote | None) -> dict[str, dict[str, Any]]:
    """Reports of the configurations that are in the repository."""
    if remote is None:
        return {}
    if remote.read(_CARD) is not None and not any(path.endswith(f"/{REPORT}") for path in remote.files):
        refuse_other_content(remote, "bitext", "dataset of another kind" if any("/" in p for p in remote.files) else None)
    read = (remote.read_json(path) for path in remote.files if path.startswith("en-") and path.endswith(f"/{REPORT}"))
    return {report["config"]: report for report in read if "config" in report}


def bitext_card(repo: str, reports: Sequence[Mapping[str, Any]]) -> str:
    """The card of a bitext, from the `report.json` of its configurations."""
    reports = sorted((credit(report, {}) | report for report in reports), key=lambda report: report["config"])
    licences = _licences(reports)
    licence, licence_name = whole(licences.values())
    codes = [report["language"] for report in reports]
    pair = conflict(licences.values())
    data = DatasetCardData(
        language=["en", *codes],
        license=licence,
        multilinguality="translation",
        task_categories=["translation", "sentence-similarity"],
        pretty_name=repo.split("/")[-1],
        tags=["parallel-text", "bitext", "hf_optical"],
        configs=[_config(report) for report in reports],
        dataset_info=[_info(report) for report in reports],
    )
    if licence_name:
        data.license_name = licence_name
    return render(
        "bitext.md",
        data,
        repo=repo,
        name=repo.split("/")[-1],
        languages=joined([language_name(code) for code in codes]),
        configs=[_shown(report) for report in reports],
        non_commercial=", ".join(
            f"{code_cell(s)} is {table_cell(name)}" for s, name in licences.items() if Licence(name).non_commercial
        ),
        mixed=table_cell(" and ".join(pair)) if pair else "",
        unattributed=_unattributed(reports),
    )


def _config(report: Mapping[str, Any]) -> dict[str, Any]:
    files = [{"split": split, "path": f"{report['config']}/{split}-*"} for split in report["splits"]]
    return {"config_name": report["config"], "data_files": files}


def _info(report: Mapping[str, Any]) -> dict[str, Any]:
    splits = [{"name": n, "num_bytes": s["bytes"], "num_examples": s["pairs"]} for n, s in report["splits"].items()]
    return {"config_name": report["config"], "features": [dict(feature) for feature in _FEATURES], "splits": splits}


def _shown(report: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration for the template."""
    return {
        "name": report["config"],
        "code": report["language"],
        "language": language_name(report["language"]),
        "splits": [
            {
                "name": name,
                "pairs": f"{split['pairs']:,}",
                "steps": [{**s, "rows": f"{s['rows']:,}", "left": f"{s['left']:,}"} for s in split["steps"]],
            }
            for name, split in report["splits"].items()
        ],
        "sources": [_source(report, name, number) for name, number in report["pairs_by_source"].items()],
        "works": f"{len(report['works']):,}" if report["works"] else "",
        "examples": [{key: table_cell(text) for key, text in row.items()} for row in report["examples"]],
    }


def _source(report: Mapping[str, Any], name: str, pairs: int) -> dict[str, str]:
    """A source for the template."""
    made, licence = report["attributions"][name], Licence(report["licences"][name])
    return {
        "name": code_cell(name),
        "pairs": f"{pairs:,}",
        "title": link(made["title"] or made["url"], made["url"]),
        "attribution": table_cell(made["attribution"]),
        "licence": link(licence.id, licence.url),
    }


def _unattributed(reports: Sequence[Mapping[str, Any]]) -> str:
    """Sources without the attribution that their licence asks for, in a sentence."""
    lacks = {
        name: f"{code_cell(name)} ({table_cell(report['licences'][name])}) lacks {', '.join(_PARTS[part] for part in parts)}"
        for report in reports
        for name, parts in report["attribution_missing"].items()
    }
    return "; ".join(lacks.values())
