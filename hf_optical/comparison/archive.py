"""The results of a comparison in one file: to join those of several machines, to publish them, to test against them later."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..data.errors import DataError
from ..data.files import atomic_write, json_rows
from .collect import known_pairs
from .config import ComparisonConfig
from .identity import SETTINGS, stored_settings
from .jobs import result_folder
from .locks import RunLock
from .results import RESULT, RunResult, write_json


@dataclass(frozen=True)
class Imported:
    """What became of the results of a file.

    Attributes:
        added: written into the output folder.
        known: there already, the same.
        left_out: of methods or languages that the configuration does not have.
    """

    added: int
    known: int
    left_out: int


class _Entry(NamedTuple):
    folder: Path
    result: dict[str, Any]
    settings: dict[str, Any] | None


def export_results(config: ComparisonConfig, path: str | os.PathLike[str]) -> int:
    """Write every finished result of the comparison's methods and languages, with the values of single queries, into one file.

    JSON Lines, a line a result with the settings it was made with, after a line for the sentence pairs of each language; gzip if
    the name ends so. The same results give the same bytes. Models and rankings are not in it.

    Returns:
        The number of results.

    Raises:
        DataError: there is none, or one is broken.
        OSError: the file cannot be written.
    """
    entries = list(_stored(config))
    if not entries:
        raise DataError("no result to export", path=config.output / "runs", fix="run the comparison first")
    with atomic_write(path) as file:
        for language, pairs in sorted(known_pairs(config).items()):
            file.write(_line({"language": language, "pairs": pairs}))
        for _, result, settings in entries:
            file.write(_line({"result": result, "settings": settings}))
    return len(entries)


def import_results(config: ComparisonConfig, paths: Sequence[str | os.PathLike[str]]) -> Imported:
    """Bring the results of other machines into the comparison's output folder. Nothing is written unless all can be.

    Args:
        config: the comparison that they are of. Settings are compared when results are read, as with those made here.
        paths: files of `export_results`.

    Raises:
        DataError: a file is no such file; two results of one run differ; another process works on one of the runs.
        OSError: a file cannot be read, or the results cannot be written.
    """
    new: dict[Path, _Entry] = {}
    pairs: dict[str, int] = {}
    known, left_out = set(), 0
    for path in paths:
        for number, row in json_rows(path):
            if "result" not in row:
                language, count = _pairs(row, path, number)
                pairs.setdefault(language, count)
                continue
            entry = _entry(config, row, path, number)
            if entry is None:
                left_out += 1
                continue
            before = new.get(entry.folder) or _read(entry.folder)
            if before is None:
                new[entry.folder] = entry
            elif before == entry:
                known.add(entry.folder)
            else:
                place = entry.folder.relative_to(config.output)
                fix = f"keep one of the two: remove {place} from {config.output}, or its line from the file"
                raise DataError(f"another result of {'/'.join(place.parts[1:])} is there already", path=path, line=number, fix=fix)
    _write(config, new.values(), {name: n for name, n in pairs.items() if name in config.languages})
    return Imported(len(new), len(known - set(new)), left_out)


def _stored(config: ComparisonConfig) -> Iterator[_Entry]:
    for method in sorted(config.methods):
        for language in sorted(config.languages):
            for file in sorted((config.output / "runs" / method / language).glob(f"*/{RESULT}")):
                if entry := _read(file.parent):
                    yield entry


def _read(folder: Path) -> _Entry | None:
    result = RunResult.read(folder)
    return _Entry(folder, asdict(result), stored_settings(folder)) if result else None


def _pairs(row: Mapping[str, Any], path: str | os.PathLike[str], number: int) -> tuple[str, int]:
    try:
        return str(row["language"]), int(row["pairs"])
    except (KeyError, TypeError, ValueError):
        raise _foreign(path, number) from None


def _entry(config: ComparisonConfig, row: Mapping[str, Any], path: str | os.PathLike[str], number: int) -> _Entry | None:
    """The result of a line; None if the configuration has no such method or language."""
    try:
        result = RunResult(**row["result"])
        seed, limit = (None if value is None else int(value) for value in (result.seed, result.limit))
        if not (isinstance(result.per_query, dict) and isinstance(row.get("settings") or {}, dict)):
            raise TypeError
    except (TypeError, ValueError):
        raise _foreign(path, number) from None
    # names of methods and languages are checked by the configuration, so no line can lead out of its output folder
    if result.method not in config.methods or result.language not in config.languages:
        return None
    return _Entry(result_folder(config, result.method, result.language, seed, limit), asdict(result), row.get("settings"))


def _foreign(path: str | os.PathLike[str], number: int) -> DataError:
    return DataError("no result of a comparison", path=path, line=number, fix="give files of `optical compare --export-results`")


def _write(config: ComparisonConfig, entries: Collection[_Entry], pairs: Mapping[str, int]) -> None:
    with ExitStack() as held:
        for entry in entries:
            lock = RunLock(entry.folder.with_name(f"{entry.folder.name}.lock"))
            if not lock.acquire():
                who = lock.holder() or "another process"
                raise DataError(f"{who} works on it", path=entry.folder, fix="wait until it has finished")
            held.callback(lock.release)
        for language, count in pairs.items():
            record = config.output / "bitext" / f"{language}.json"
            if not record.exists():
                write_json(record, {"pairs": count})
        for entry in entries:
            if entry.settings is not None:
                write_json(entry.folder / SETTINGS, entry.settings)
            write_json(entry.folder / RESULT, entry.result)


def _line(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
