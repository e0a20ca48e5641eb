"""Runs a comparison: what is finished is read, what is not is run, what fails is reported, and the others go on."""

from __future__ import annotations

import json
import logging
import shutil
import time
import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.errors import DataError, did_you_mean
from .config import ComparisonConfig
from .identity import SETTINGS, changes, default_settings, job_settings, stored_settings
from .jobs import Job, list_jobs
from .locks import POLL_SECONDS, RunLock
from .materials import Materials
from .results import FAILURE, RESULT, write_json
from .systems import NotApplicable, run_job

logger = logging.getLogger(__name__)

_SHOWN = 3


@dataclass
class Outcome:
    """What became of the jobs.

    Attributes:
        run: names of those that this process ran; `read`: of those that were finished already, or that another process ran.
        failed: name -> why.
        not_applicable: name -> why.
    """

    run: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    not_applicable: dict[str, str] = field(default_factory=dict)


def run_comparison(
    config: ComparisonConfig,
    *,
    languages: Collection[str] | None = None,
    methods: Collection[str] | None = None,
    seeds: Collection[int] | None = None,
    rerun: bool = False,
) -> Outcome:
    """Run what is not finished yet, in this process, beside others that do the same.

    Args:
        config: the comparison.
        languages, methods, seeds: run these alone (seeds of the configuration or others).
        rerun: run again what was made with other settings, instead of refusing.

    Raises:
        DataError, ValueError, OSError: data or teacher cannot be read, or a run in the output folder was made with other settings
            (before anything is run).
    """
    check_names(config, languages, methods)
    started = time.time()
    materials = Materials(config)
    chosen = [language for language in config.languages if languages is None or language in languages]
    for name in chosen:
        materials.collection(name)
    jobs = list_jobs(config, languages=languages, methods=methods, seeds=seeds)
    learned = dict.fromkeys(name for job in jobs for name in job.train_languages)
    pairs = {name: materials.bitext(name).pairs for name in learned}
    jobs = list_jobs(config, languages=languages, methods=methods, seeds=seeds, pairs=pairs)
    settings = {job.name: job_settings(job, materials) for job in jobs}
    refuse_changed(jobs, settings, rerun=rerun)
    outcome = Outcome()
    waiting = jobs
    while waiting:
        waiting = _pass(waiting, materials, settings, outcome, started)
        if waiting:
            time.sleep(POLL_SECONDS)
    return outcome


def check_names(config: ComparisonConfig, languages: Collection[str] | None, methods: Collection[str] | None) -> None:
    """Raise DataError for a language or method that is not in the configuration."""
    for what, given, known in (("language", languages, config.languages), ("method", methods, config.methods)):
        for name in given or ():
            if name not in known:
                fix = did_you_mean(name, known) or f"there are {', '.join(known)}"
                raise DataError(f"{config.path} has no {what} {name!r}", fix=fix)


def refuse_changed(jobs: list[Job], settings: Mapping[str, Any], *, rerun: bool) -> None:
    """Raise ValueError if runs were made with other settings; with `rerun` remove them instead, where nobody works on them."""
    defaults = default_settings()
    refused = []
    for job in jobs:
        differences = _differences(job, settings[job.name], defaults)
        if not differences:
            continue
        if not rerun:
            refused.append((job, differences))
            continue
        lock = RunLock(job.folder.with_name(f"{job.folder.name}.lock"))
        if lock.acquire():
            try:
                if _differences(job, settings[job.name], defaults):  # another process may have been quicker
                    logger.info("%s was made with other settings (%s): removed", job.name, "; ".join(differences))
                    for folder in {job.folder, *job.results.values()}:
                        shutil.rmtree(folder, ignore_errors=True)
            finally:
                lock.release()
    if refused:
        shown = [f"{job.name} ({'; '.join(differences[:_SHOWN])})" for job, differences in refused[:_SHOWN]]
        more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        raise ValueError(
            f"{len(refused)} of the runs in {refused[0][0].folder.parents[2]} were made with other settings: "
            f"{', '.join(shown)}{more}. "
            "Run them again with --rerun, restore the settings, or give the method another name or the comparison another output."
        )


def _differences(job: Job, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """How a run, or a result where its own are to be, was made otherwise: one student for all is another than one for each."""
    stored = [stored_settings(folder) for folder in dict.fromkeys((job.folder, *job.results.values()))]
    return list(dict.fromkeys(text for before in stored if before for text in changes(before, settings, defaults)))


def is_finished(job: Job) -> bool:
    """Whether every language has its result."""
    return all((folder / RESULT).exists() for folder in job.results.values())


def _pass(jobs: list[Job], materials: Materials, settings: Mapping[str, Any], outcome: Outcome, started: float) -> list[Job]:
    """Go through the jobs once; those that another process works on are returned."""
    held = []
    for place, job in enumerate(jobs):
        if is_finished(job):
            outcome.read.append(job.name)
            continue
        if reason := _made_of_nothing(job, outcome):
            outcome.not_applicable[job.name] = reason
            continue
        if not all((folder / RESULT).exists() for folder in job.sources.values()):
            held.append(job)  # another process works on what it is made of
            continue
        lock = RunLock(job.folder.with_name(f"{job.folder.name}.lock"))
        if not lock.acquire():
            holder = lock.holder()
            logger.info("%s: %s works on it", job.name, holder or "another process")
            held.append(job)
            continue
        try:
            if is_finished(job):  # by another process, between the two questions
                outcome.read.append(job.name)
            elif (reason := _failed_since(job.folder, started)) is not None:
                outcome.failed[job.name] = reason
            else:
                logger.info("%s: run %d of %d", job.name, place + 1, len(jobs))
                _attempt(job, materials, settings[job.name], outcome)
        finally:
            lock.release()
    return held


def _made_of_nothing(job: Job, outcome: Outcome) -> str:
    """Why there will be no result of what a fusion is made of; "" where there is one, or will be."""
    reason = outcome.failed.get(job.source) or outcome.not_applicable.get(job.source)
    return f"{job.source} has no result: {reason}" if reason else ""


def _attempt(job: Job, materials: Materials, settings: Mapping[str, Any], outcome: Outcome) -> None:
    failure = job.folder / FAILURE
    try:
        failure.unlink(missing_ok=True)
        if differences := _differences(job, settings, default_settings()):
            raise ValueError(f"begun with other settings since ({'; '.join(differences[:_SHOWN])}).")
        for folder in {job.folder, *job.results.values()}:
            write_json(folder / SETTINGS, settings)
        run_job(job, materials)
        outcome.run.append(job.name)
    except NotApplicable as reason:
        outcome.not_applicable[job.name] = str(reason)
        logger.info("%s: does not apply: %s", job.name, reason)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        outcome.failed[job.name] = reason
        logger.error("%s failed: %s", job.name, reason)
        logger.debug("%s", job.name, exc_info=True)
        write_json(failure, {"reason": reason, "time": time.time(), "traceback": traceback.format_exc()})


def _failed_since(folder: Path, started: float) -> str | None:
    """Why the run failed in another process that began as late as this one: once more would end alike."""
    file = folder / FAILURE
    if not file.exists():
        return None
    failure = json.loads(file.read_text(encoding="utf-8"))
    return failure["reason"] if failure["time"] > started else None
