"""What there is to run: methods x languages x seeds x sizes, each with a folder of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from .config import ComparisonConfig
from .methods import CEILING, SYSTEMS, Method

# Where the students of several languages are; names of languages start with a letter or digit.
TOGETHER = "_together"


@dataclass(frozen=True, eq=False)
class Job:
    """One training, if the method has any, and its evaluation.

    Attributes:
        method: what is run.
        languages: evaluated on these.
        train_languages: learns from the bitext of these; none where it learns nothing.
        seed: None where nothing is trained.
        limit: pairs of bitext; None is all.
        folder: of everything that the job writes, but for the results of several languages.
        results: language -> folder of its result.
        sources: language -> folder of the result that it is made of; empty for what is made of none.
    """

    method: Method
    languages: tuple[str, ...]
    train_languages: tuple[str, ...]
    seed: int | None
    limit: int | None
    folder: Path
    results: Mapping[str, Path]
    sources: Mapping[str, Path]

    @property
    def source(self) -> str:
        """Name of the job that it is made of; "" for none."""
        return "/".join([self.method.base.name, *self.folder.parts[-2:]]) if self.method.base else ""

    @property
    def name(self) -> str:
        """`optical/sw/seed-1`, for messages."""
        return "/".join(self.folder.parts[-3:])


def list_jobs(
    config: ComparisonConfig,
    *,
    languages: Collection[str] | None = None,
    methods: Collection[str] | None = None,
    seeds: Collection[int] | None = None,
    pairs: Mapping[str, int] | None = None,
) -> list[Job]:
    """The jobs in the order in which they are run: what is quick first, then seed by seed, so that early tables have every row.

    A size beyond the number of pairs is left out where another size means all of them already. A method that learns from
    sentence pairs is left out for a language that has none. What a fusion is made of comes before it, asked for or not.

    Args:
        config: the comparison.
        languages, methods, seeds: restrict it; seeds may also add to it. What retention is measured against always stays.
        pairs: language -> number of its pairs, where they have been read.
    """
    jobs = []
    if methods is not None:
        methods = {made.name for name in methods for made in _made_of(config.methods[name])}
    for method in config.methods.values():
        if methods is not None and method.name not in methods and method.system != CEILING:
            continue
        wanted = [name for name in config.languages if method.languages is None or name in method.languages]
        chosen = [name for name in wanted if languages is None or name in languages]
        own = config.seeds_of(method)
        for seed in own if seeds is None or own == (None,) else seeds:
            for limit in method.sizes:
                if method.train_languages is not None:
                    if chosen:
                        jobs.append(_job(config, method, tuple(wanted), method.train_languages, seed, limit, TOGETHER))
                    continue
                for name in chosen:
                    learns = _train_languages(config, method, name)
                    if learns is not None and not _is_repeated(method, limit, name, pairs or {}):
                        jobs.append(_job(config, method, (name,), learns, seed, limit, name))
    order = {seed: place for place, seed in enumerate(dict.fromkeys(job.seed for job in jobs))}

    def place(job: Job) -> tuple[int, int]:
        steps = len(_made_of(job.method)) - 1
        kind = 1 + steps if steps else int(job.method.is_trained)
        return kind, order[job.seed] if kind else 0

    return sorted(jobs, key=place)


def result_folder(config: ComparisonConfig, method: str, language: str, seed: int | None, limit: int | None) -> Path:
    """`OUTPUT/runs/METHOD/LANGUAGE/seed-N`, `once` where there is no seed, `-pairs-N` behind where only some are used."""
    size = "" if limit is None else f"-pairs-{limit}"
    return config.output / "runs" / method / language / (("once" if seed is None else f"seed-{seed}") + size)


def _made_of(method: Method) -> list[Method]:
    """A method and what it is made of, down to what is made of nothing."""
    return [method, *(_made_of(method.base) if method.base else [])]


def uses_bitext(method: Method) -> bool:
    """Whether the method learns from sentence pairs."""
    method = method.root
    if method.system.startswith("word_by_word"):
        return method.lexicon != "files"
    return SYSTEMS[method.system].bitext and "model" not in method.settings


def _job(
    config: ComparisonConfig,
    method: Method,
    languages: tuple[str, ...],
    learns: tuple[str, ...],
    seed: int | None,
    limit: int | None,
    place: str,
) -> Job:
    folder = result_folder(config, method.name, place, seed, limit)
    results = {name: result_folder(config, method.name, name, seed, limit) for name in languages}
    base = method.base
    sources = {name: result_folder(config, base.name, name, seed, limit) for name in languages} if base else {}
    return Job(method, languages, learns, seed, limit, folder, results, sources)


def _train_languages(config: ComparisonConfig, method: Method, language: str) -> tuple[str, ...] | None:
    """What a method for one language learns from; None if it cannot, for want of sentence pairs."""
    if not uses_bitext(method):
        return ()
    trainable = [name for name, entry in config.languages.items() if entry.bitext]
    if method.leave_one_out:
        return tuple(name for name in trainable if name != language)
    return (language,) if language in trainable else None


def _is_repeated(method: Method, limit: int | None, language: str, pairs: Mapping[str, int]) -> bool:
    """Whether a smaller size, or all, comes to the same pairs."""
    if limit is None or method.leave_one_out or language not in pairs or limit < pairs[language]:
        return False
    return None in method.sizes or any(other < limit for other in method.sizes if other is not None and other >= pairs[language])
