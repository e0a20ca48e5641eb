"""Runs one job: makes the system, searches with it, and writes a result for every language."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

from ..evaluation import RetrievalResult, evaluate_bm25, evaluate_model, score_run
from ..search.bm25 import NGRAMS
from ..search.fusion import FUSION_DEPTH  # as deep as a fusion needs a ranking
from .fused_run import needs_model, run_fused
from .jobs import Job
from .materials import Materials
from .results import RunResult, environment
from .students import discard, student_for
from .translations import save_translations
from .translators import build_translator, training_metrics


class NotApplicable(ValueError):
    """A method has nothing to run on in this language: told in the report, no failure."""


def run_job(job: Job, materials: Materials) -> None:
    """Run a job and save the result of each of its languages that has none yet.

    Raises:
        NotApplicable: the English queries are asked for, and there are none.
        Exception: whatever goes wrong in training or evaluation.
    """
    started = time.monotonic()
    missing = [language for language in job.languages if RunResult.read(job.results[language]) is None]
    model, took = (None, {}) if job.method.system != "student" else student_for(job, materials)
    for language in missing:
        begun = time.monotonic()
        retrieval = _evaluate(job, language, materials, model, took)
        seconds = {"evaluation_seconds": round(time.monotonic() - begun, 1), "seconds": round(time.monotonic() - started, 1)}
        collection = materials.collection(language)
        RunResult(
            method=job.method.name,
            language=language,
            seed=job.seed,
            limit=job.limit,
            seen=language in job.train_languages if job.train_languages else None,
            pairs={name: materials.bitext(name, job.limit).pairs for name in job.train_languages},
            metrics=retrieval.metrics,
            per_query=retrieval.per_query,
            passages=len(collection.corpus_ids),
            teacher=materials.teacher.fingerprint(),
            took=took | seconds,
            environment=environment(materials.device),
        ).save(job.results[language], retrieval)
    del model
    if job.method.is_trained:
        discard(job, keep_models=materials.config.keep_models or needs_model(job.method, materials.config))
        gc.collect()
        _free_gpu(materials)


def _evaluate(job: Job, language: str, materials: Materials, model: Any, took: dict[str, Any]) -> RetrievalResult:
    collection, k = materials.collection(language), materials.config.k
    system, title = job.method.system, job.method.title
    english = job.method.is_english
    if english and any(query not in collection.english for query in collection.qrels):
        raise NotApplicable(f"{language}: not every query has a human English version.")
    if job.method.base:
        return run_fused(job, language, materials, took)
    if system in ("bm25", "bm25_english"):
        return evaluate_bm25(materials.lexical_index(language), collection, system=title, english=english, k=k)
    if system == "bm25_ngrams":
        return evaluate_bm25(materials.lexical_index(language, NGRAMS), collection, system=title, k=k)
    if system in ("teacher_english", "zero_shot"):
        return evaluate_model(
            materials.teacher, materials.index(language), collection, system=title, english=english, k=k, depth=FUSION_DEPTH
        )
    if system == "student":
        return evaluate_model(model, materials.index(language), collection, system=title, k=k, depth=FUSION_DEPTH)
    translator = build_translator(job, language, materials)
    took |= training_metrics(job)
    queries = {query: collection.queries[query] for query in collection.qrels}
    translated = dict(zip(queries, translator.translate(list(queries.values())), strict=True))
    save_translations(job.results[language], queries, translated)
    asked = {query: text for query, text in translated.items() if text.strip()}  # nothing asked, nothing found
    found = _search(system, language, materials, list(asked.values()), max(*k, FUSION_DEPTH))
    return score_run(title, dict(zip(asked, found, strict=True)), collection.qrels, k=k)


def _search(system: str, language: str, materials: Materials, texts: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
    if not texts:
        return []
    if system.endswith("bm25"):
        return materials.lexical_index(language).search(texts, k)
    return materials.index(language).search(materials.teacher.encode_query(texts), k)


def _free_gpu(materials: Materials) -> None:
    if materials.device.type == "cuda":
        import torch

        torch.cuda.empty_cache()
