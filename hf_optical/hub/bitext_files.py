"""Prepared sentence pairs as they go to the Hub: Parquet, one configuration a language, a report with all counts beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import BitextFilter, load_bitext
from ..data.languages import check_non_english
from .attribution import Attribution
from .credits import credit
from .errors import HubError
from .files import Outgoing
from .licences import grouped, licence_of, licences_of, pattern_of
from .private import without_folders

if TYPE_CHECKING:
    from ..data import Bitext

REPORT = "report.json"
_SPLITS = {"train": "train", "dev": "validation", "validation": "validation", "valid": "validation", "test": "test"}
_SHARD_BYTES = 400_000_000
_EXAMPLES = 3
_ENDINGS = (".tsv.gz", ".tsv")


@dataclass(frozen=True)
class PreparedFile:
    """A file that `optical prepare` wrote: `sw.tsv.gz` (train), `sw.test.tsv.gz`, ..., the report beside it."""

    path: Path
    language: str
    split: str


def find_prepared(path: str | Path, language: str | None = None) -> list[PreparedFile]:
    """The files of a path: itself, or those of the folder.

    Raises:
        HubError: no such file, none in the folder, a name that tells neither language nor split, one split twice.
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.name.endswith(_ENDINGS))
        if not files:
            raise HubError(f"bitext {path} has no .tsv or .tsv.gz file: make them with `optical prepare`.")
    elif place.is_file() and place.name.endswith(_ENDINGS):
        files = [place]
    else:
        what = "no .tsv or .tsv.gz file" if place.is_file() else "there is no such file or folder"
        raise HubError(f"bitext {path}: {what}; make one with `optical prepare`.")
    found = [_prepared(file, language) for file in files]
    twice = [f for i, f in enumerate(found) if any((f.language, f.split) == (g.language, g.split) for g in found[:i])]
    if twice:
        raise HubError(f"{twice[0].path.name}: there is another {twice[0].split} split of {twice[0].language}: keep one.")
    return found


def _prepared(file: Path, language: str | None) -> PreparedFile:
    stem = next(file.name.removesuffix(ending) for ending in _ENDINGS if file.name.endswith(ending))
    first, *rest = stem.split(".")
    split = _SPLITS.get(rest[-1] if rest else "train")
    if split is None:
        raise HubError(f"{file.name}: {rest[-1]!r} is no split: name the file LANGUAGE.{'|'.join(sorted(set(_SPLITS)))}.tsv.gz.")
    code = language or (_saved_report(file) or {}).get("language") or first
    return PreparedFile(file, check_non_english(code), split)


def _saved_report(file: Path) -> dict[str, Any] | None:
    """The report that `optical prepare` wrote beside the file."""
    stem = next(file.name.removesuffix(ending) for ending in _ENDINGS if file.name.endswith(ending))
    path = file.with_name(f"{stem}.report.json")
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HubError(f"{path.name}: not valid JSON ({error}): prepare the pairs again.") from None


def write_config(
    files: Sequence[PreparedFile],
    licences: Mapping[str, str],
    folder: Path,
    attributions: Mapping[str, Attribution] | None = None,
) -> tuple[dict[str, Any], list[Outgoing]]:
    """Write one language's splits as Parquet.

    Args:
        files: of one language.
        licences: table of source (or pattern) to licence.
        folder: where the Parquet files are written.
        attributions: table of source (or pattern) to who made it.

    Returns:
        The configuration's report, and the files to send: `en-sw/train-00000-of-00001.parquet`, `en-sw/report.json`.
    """
    name = f"en-{files[0].language}"
    report: dict[str, Any] = {"config": name, "language": files[0].language, "splits": {}, "licences": {}, "examples": []}
    sent = []
    for file in sorted(files, key=lambda file: list(_SPLITS.values()).index(file.split)):
        bitext, counts = _load(file)
        shards = _write_parquet(bitext, folder / name, file.split)
        sent += [Outgoing(f"{name}/{shard.name}", shard) for shard in shards]
        report["splits"][file.split] = {
            "pairs": len(bitext),
            "fingerprint": bitext.fingerprint,
            "bytes": bitext.dataset.data.nbytes,
            "download_bytes": sum(shard.stat().st_size for shard in shards),
            "sources": dict(bitext.report.kept_by_source),
            "report": counts,
            "steps": _steps(counts),
        }
        if not report["examples"]:
            report["examples"] = _examples(bitext)
    sources = {source for split in report["splits"].values() for source in split["sources"]}
    licences_of(sorted(sources), licences)  # every source has one
    report["licences"] = dict(sorted(_used(sources, licences).items()))
    totals: Counter[str] = Counter()
    for split in report["splits"].values():
        totals.update(split["sources"])
    report["pairs_by_source"] = grouped(totals, licences)
    content = without_folders(report) | credit(report, attributions or {})
    sent.append(Outgoing(f"{name}/{REPORT}", (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()))
    return content, sent


def _load(file: PreparedFile) -> tuple[Bitext, dict[str, Any]]:
    """The pairs, and the counts of what was left out: those of the saved report, or of reading the file now."""
    saved = _saved_report(file.path)
    if saved is None:
        bitext = load_bitext(str(file.path), language=file.language)
        return bitext, bitext.report.to_dict()
    keep_all = BitextFilter(max_length_ratio=None, dedup=False) if saved else None
    bitext = load_bitext(str(file.path), language=file.language, filters=keep_all)
    if len(bitext) != saved.get("rows_kept"):
        raise HubError(
            f"{file.path.name} has {len(bitext)} pairs, but its report says {saved.get('rows_kept')}: prepare the pairs again."
        )
    return bitext, saved


def _used(sources: set[str], licences: Mapping[str, str]) -> dict[str, str]:
    """The entries of the table that decide for these sources."""
    return {pattern_of(source, licences) or source: str(licence_of(source, licences)) for source in sources}


def _write_parquet(bitext: Bitext, folder: Path, split: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    number = max(1, -(-bitext.dataset.data.nbytes // _SHARD_BYTES))
    written = []
    for i in range(number):
        path = folder / f"{split}-{i:05d}-of-{number:05d}.parquet"
        bitext.dataset.shard(number, i, contiguous=True).to_parquet(path)
        written.append(path)
    return written


def _steps(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows before and after each filter; the last `left` is what was kept."""
    left = counts["rows_read"]
    steps = [{"name": "read", "rows": left, "left": left}]
    for reason, rejects in counts["rejected"].items():
        left -= rejects["count"]
        steps.append({"name": reason, "rows": -rejects["count"], "left": left})
    return steps


def _examples(bitext: Bitext) -> list[dict[str, str]]:
    """The first pair of each source, for a few sources."""
    seen: dict[str, dict[str, str]] = {}
    for row in bitext.dataset:
        if row["source"] not in seen and len(row["english"]) < 200:
            seen[row["source"]] = dict(row)
        if len(seen) == _EXAMPLES:
            break
    return list(seen.values())
