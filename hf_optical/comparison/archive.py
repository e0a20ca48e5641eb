"""The results of a comparison in one file: to join those of several machines, to publish them, to test against them later."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..data.errors import DataError
from ..data.files import atomic_write, json_rows
from .collect import known_pairs
from .config import MAIN_METRIC, ComparisonConfig
from .identity import SETTINGS, changes, default_settings, stored_settings
from .jobs import TOGETHER, result_folder
from .locks import RunLock
from .results import FAILURE, RANKING, RESULT, RunResult, write_json


@dataclass(frozen=True)
class Imported:
    """What became of the results of some files.

    Attributes:
        added: written into the output folder.
        known: there already, or in an earlier file, made with the same settings: the first is kept.
        left_out: of methods or languages that the configuration does not have.
        seeds: of those added, seeds that the configuration does not have: a report takes them in when it is asked to.
    """

    added: int
    known: int
    left_out: int
    seeds: tuple[int, ...]


class _Entry(NamedTuple):
    folder: Path
    result: RunResult
    settings: dict[str, Any] | None
    place: str = ""  # file and line, of an imported one


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
        for entry in entries:
            file.write(_line({"result": asdict(entry.result), "settings": entry.settings}))
    return len(entries)


def import_results(config: ComparisonConfig, paths: Sequence[str | os.PathLike[str]]) -> Imported:
    """Bring the results of other machines into the comparison's output folder. Nothing is written unless all can be.

    Args:
        config: the comparison that they are of. Its settings are compared with theirs when results are read, as with those made
            here.
        paths: files of `export_results`.

    Raises:
        DataError: a file is no such file; results of one run were made with different settings, those of one language with
            different teachers, passages, queries or sentence pairs; another process works on one of the runs.
        OSError: a file cannot be read, or the results cannot be written.
    """
    entries: list[_Entry] = []
    pairs: dict[str, int] = {}
    left_out = 0
    for path in paths:
        for number, row in json_rows(path):
            if "result" not in row:
                _add_pairs(pairs, row, f"{path}:{number}")
            elif (entry := _entry(config, row, f"{path}:{number}")) is None:
                left_out += 1
            else:
                entries.append(entry)
    for language, count in known_pairs(config).items():
        _add_pairs(pairs, {"language": language, "pairs": count}, str(config.output))
    with ExitStack() as held:
        for folder in dict.fromkeys(_locked_folder(config, entry) for entry in entries):
            _lock(folder, held)
        stored = list(_stored(config))
        new = _new(entries, stored)
        _check_belong_together([*stored, *new])
        _write(config, new, {name: count for name, count in pairs.items() if name in config.languages})
    seeds = {entry.result.seed for entry in new if entry.result.seed not in config.seeds_of(config.methods[entry.result.method])}
    return Imported(len(new), len(entries) - len(new), left_out, tuple(sorted(seeds)))


def _stored(config: ComparisonConfig) -> Iterator[_Entry]:
    for method in sorted(config.methods):
        for language in sorted(config.languages):
            for file in sorted((config.output / "runs" / method / language).glob(f"*/{RESULT}")):
                folder = file.parent
                if result := RunResult.read(folder):
                    # earlier versions wrote the settings of one student for all languages beside the student alone
                    yield _Entry(folder, result, stored_settings(folder) or stored_settings(_together(folder)), str(folder))


def _together(folder: Path) -> Path:
    """Where the run is, if it is one for all languages, that has left a result in this folder."""
    return folder.parents[1] / TOGETHER / folder.name


def _add_pairs(pairs: dict[str, int], row: Mapping[str, Any], place: str) -> None:
    try:
        language, count = str(row["language"]), int(row["pairs"])
    except (KeyError, TypeError, ValueError):
        raise _foreign(place) from None
    if pairs.setdefault(language, count) != count:
        problem = f"{count:,} sentence pairs of {language}, elsewhere {pairs[language]:,}"
        raise DataError(problem, path=place, fix="import results that were made from the same data")


def _entry(config: ComparisonConfig, row: Mapping[str, Any], place: str) -> _Entry | None:
    """The result of a line; None if the configuration has no such method or language."""
    try:
        result, settings = RunResult(**row["result"]), row["settings"]
        seed, limit = (None if value is None else int(value) for value in (result.seed, result.limit))
        sorted(result.per_query[MAIN_METRIC])
        if not isinstance(settings, dict | None):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        raise _foreign(place) from None
    # names of methods and languages are checked by the configuration, so no line can lead out of its output folder
    if result.method not in config.methods or result.language not in config.languages:
        return None
    return _Entry(result_folder(config, result.method, result.language, seed, limit), result, settings, place)


def _foreign(place: str) -> DataError:
    return DataError("no result of a comparison", path=place, fix="give files of `optical compare --export-results`")


def _locked_folder(config: ComparisonConfig, entry: _Entry) -> Path:
    """The folder that whoever makes this result holds: its own, or that of all languages together."""
    return _together(entry.folder) if config.methods[entry.result.method].train_languages is not None else entry.folder


def _lock(folder: Path, held: ExitStack) -> None:
    lock = RunLock(folder.with_name(f"{folder.name}.lock"))
    if not lock.acquire():
        raise DataError(f"{lock.holder() or 'another process'} works on it", path=folder, fix="wait until it has finished")
    held.callback(lock.release)


def _new(entries: Iterable[_Entry], stored: Iterable[_Entry]) -> list[_Entry]:
    """Those to be written. Raises DataError where one run was made in two ways."""
    known = {entry.folder: entry for entry in stored}
    new = []
    for entry in entries:
        before = known.setdefault(entry.folder, entry)
        if before is entry:
            new.append(entry)
            continue
        # seconds and machines differ, and with them the last bits of a training: what was done must be the same
        if before.settings and entry.settings:
            differences = changes(before.settings, entry.settings, default_settings())
            # a setting that only the newer version knows is no difference, whichever is the newer
            differences = differences if changes(entry.settings, before.settings, default_settings()) else []
        else:
            differences = [] if before.result.per_query == entry.result.per_query else ["other values, and settings are not known"]
        if differences:
            name = "/".join(entry.folder.parts[-3:])
            problem = f"another {name} than that of {before.place} ({'; '.join(differences[:3])})"
            raise DataError(problem, path=entry.place, fix="leave out one of the two files, or remove the folder")
    return new


def _check_belong_together(entries: Iterable[_Entry]) -> None:
    """Raise DataError unless the results of a language can stand in one table."""
    first: dict[tuple[str, Any], tuple[Any, str]] = {}
    for entry in entries:
        result, language = entry.result, entry.result.language
        found = {
            (language, "teacher"): result.teacher,
            (language, "number of passages"): result.passages,
            (language, "queries"): sorted(result.per_query[MAIN_METRIC]),
        }
        bitext = (entry.settings or {}).get("training", {}).get("bitext", {})
        found |= {(name, f"sentence pairs (limit {result.limit})"): fingerprint for name, fingerprint in bitext.items()}
        for (name, what), value in found.items():
            before, place = first.setdefault((name, what), (value, entry.place))
            if before != value:
                problem = f"another {what} of {name} than in {place}"
                raise DataError(problem, path=entry.place, fix="import results that were made from the same data and teacher")


def _write(config: ComparisonConfig, entries: Iterable[_Entry], pairs: Mapping[str, int]) -> None:
    for language, count in pairs.items():
        record = config.output / "bitext" / f"{language}.json"
        if not record.exists():
            write_json(record, {"pairs": count})
    for entry in entries:
        for left in (RANKING, FAILURE):  # of a run that was killed or failed here
            (entry.folder / left).unlink(missing_ok=True)
        if entry.settings is not None:
            write_json(entry.folder / SETTINGS, entry.settings)
        write_json(entry.folder / RESULT, asdict(entry.result))


def _line(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
