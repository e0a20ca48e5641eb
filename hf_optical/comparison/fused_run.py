"""Runs a method that is made of another: joins its rankings with BM25's, asks its student with spelling variants, or both."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.errors import DataError
from ..evaluation import RetrievalResult, evaluate_fused, evaluate_model, score_run
from ..search.fusion import FUSION_DEPTH
from ..search.spelling_variants import Reader
from .config import ComparisonConfig
from .fused_method import fusion_settings, has_variants
from .jobs import Job
from .locks import locked
from .materials import Materials
from .methods import Method
from .results import RANKING, RunResult
from .students import discard, is_trained, student_for
from .translations import TRANSLATIONS, read_translations

if TYPE_CHECKING:
    from ..models import OpticalStudentModel

logger = logging.getLogger(__name__)

_OF_TRAINING = ("steps", "train_seconds", "pairs_used")


def run_fused(job: Job, language: str, materials: Materials, took: dict[str, Any]) -> RetrievalResult:
    """The ranking that the other method has left, or its student's with spelling variants, joined with BM25's if that has a weight.

    The other's training is told in `took`: without it there would be nothing to join.
    """
    method, settings = job.method, fusion_settings(job.method)
    own = _with_variants(job, language, materials) if has_variants(method) else None
    took |= {name: value for name, value in _took(job.sources[language]).items() if name in _OF_TRAINING}
    if own and not settings["lexical_weight"]:
        return own
    return evaluate_fused(
        own.run if own else _read_ranking(_left(job.sources[language], RANKING)),
        materials.lexical_index(language, settings["lexical_ngrams"]),
        materials.collection(language),
        weight=settings["lexical_weight"],
        system=method.title,
        english=method.is_english,
        k=materials.config.k,
    )


def needs_model(method: Method, config: ComparisonConfig) -> bool:
    """Whether a student of this method is asked again by another method."""
    return any(has_variants(other) and other.base.name == method.name for other in config.methods.values())


def _with_variants(job: Job, language: str, materials: Materials) -> RetrievalResult:
    """What the other method finds when it asks for spelling variants, too."""
    collection, index, words = materials.collection(language), materials.index(language), materials.variants(language)
    title, k = job.method.title, materials.config.k
    if job.method.base.system != "student":
        translated = read_translations(_left(job.sources[language], TRANSLATIONS).parent)
        reader = Reader(materials.teacher)
        asked = [words.respell(text, reader).text for text in translated.values()]
        found = index.search(materials.teacher.encode_query(asked), max(*k, FUSION_DEPTH)) if asked else []
        return score_run(title, dict(zip(translated, found, strict=True)), collection.qrels, k=k)
    student = _student(job, materials)
    return evaluate_model(student, index, collection, system=title, k=k, depth=FUSION_DEPTH, variants=words)


def _student(job: Job, materials: Materials) -> OpticalStudentModel:
    """The student of the other method; it is trained again if its model was not kept."""
    method = job.method.base
    folder = job.folder.parents[1].with_name(method.name) / Path(*job.folder.parts[-2:])
    trained = replace(job, method=method, folder=folder, results=job.sources, sources={})
    if not is_trained(trained):
        logger.info("%s: trained again, its model was not kept", trained.name)
    with locked(folder.with_name(f"{folder.name}.lock")):
        student = student_for(trained, materials)[0]
        discard(trained, keep_models=True)  # its checkpoints
    if method.option("adapt_vocabulary").lower() != "true":
        logger.warning("%s: its vocabulary is not adapted: nearly every word of the language is unknown to it.", trained.name)
    return student


def _left(folder: Path, name: str) -> Path:
    """A file that a run leaves beside its result. Raises DataError if the result alone was imported."""
    if not (folder / name).exists():
        problem = "not here: the result comes from another machine, without it"
        raise DataError(problem, path=folder / name, fix="join them there, or delete this folder, and it is run again here")
    return folder / name


def _took(folder: Path) -> Mapping[str, Any]:
    before = RunResult.read(folder)
    return before.took if before else {}


def _read_ranking(file: Path) -> dict[str, list[tuple[str, float]]]:
    """Query id -> ranked documents, as `RetrievalResult.save_run` writes them. Raises DataError for a line that is none."""
    run: dict[str, list[tuple[str, float]]] = {}
    for query, document, score in _trec_fields(file):
        run.setdefault(query, []).append((document, score))
    return run


def _trec_fields(file: Path) -> Iterator[tuple[str, str, float]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                query, _, document, _, score, _ = line.split()
                yield query, document, float(score)
            except ValueError:
                raise DataError("no line of a TREC run", path=file, line=number, fix="delete the run, and run it again") from None
