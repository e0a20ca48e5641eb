"""mteb's retrieval tasks by name, run by mteb's own runner: `MIRACLRetrieval`, `MLQARetrieval`, `BelebeleRetrieval`, ..."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.errors import DataError, did_you_mean
from ..data.hub import dataset_errors
from ..data.languages import same_language
from .mteb_search import Bm25Search, MtebSearch, OpticalSearch, Ranking, SharedIndex, import_mteb, subset_languages
from .retrieval import DEFAULT_K, RetrievalResult, score_run

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskRetrieval

    from ..models import OpticalStudentModel, OpticalTeacherModel

logger = logging.getLogger(__name__)

_SUBSETS_SHOWN = 40


@dataclass(kw_only=True)
class TaskResult(RetrievalResult):
    """A `RetrievalResult` on one subset and split of an mteb task.

    Attributes:
        task, subset, split: what was run.
        mteb_scores: what mteb itself computed (`ndcg_at_10`, `recall_at_100`, ...). Ours can differ where scores are equal: mteb
            orders these by document id, we by place in the corpus.
    """

    task: str
    subset: str
    split: str
    mteb_scores: dict[str, float] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        return {"task": self.task, "subset": self.subset, "split": self.split} | super().to_dict()

    def save_to(self, folder: str | Path) -> None:
        """Write the run (TREC) and the values of single queries (JSON), named after task, subset, split and system."""
        stem = ".".join(
            "".join(c if c.isalnum() or c in "-_" else "-" for c in part).strip("-")
            for part in (self.task, self.subset, self.split, self.system)
        )
        self.save(Path(folder) / f"{stem}.json")
        self.save_run(Path(folder) / f"{stem}.trec")


def load_task(name: str, languages: Sequence[str] = (), splits: Sequence[str] = ()) -> AbsTaskRetrieval:
    """A retrieval task of mteb with the subsets that are asked for; its data is not loaded yet.

    Args:
        name: as in mteb.
        languages: names of subsets (`sw` of MIRACLRetrieval, `eng_Latn-swh_Latn` of BelebeleRetrieval), or codes of query
            languages (ISO 639-1 or 639-3): in a task of pairs these mean queries in that language over English documents, else
            the subset in that language. Default: all subsets.
        splits: default: all that the task evaluates.

    **Documents come first** in the names of MLQARetrieval's and BelebeleRetrieval's subsets: Swahili questions over English
    passages are `eng_Latn-swh_Latn`, English questions over Swahili passages `swh_Latn-eng_Latn`.

    Raises:
        MtebMissingError (an ImportError and ValueError): mteb is not installed.
        DataError: no such task, subset or split, or not a task of retrieving texts.
    """
    mteb = import_mteb()
    try:
        task = mteb.get_task(name)
    except KeyError as error:
        near = re.search(r"Did you mean: '([^']+)'", str(error))
        raise DataError(f"mteb has no task {name!r}", fix=f"did you mean {near[1]!r}?" if near else "see mteb's list") from error
    _check_kind(task)
    for split in splits:
        if split not in task.eval_splits:
            raise DataError(f"mteb task {name!r} has no split {split!r}", fix=f"the splits are {', '.join(task.eval_splits)}")
    subsets = list(dict.fromkeys(_subset(task, language) for language in languages)) or task.hf_subsets
    return task.filter_languages(None, hf_subsets=subsets).filter_eval_splits(list(splits) or None)


def evaluate_task(
    task: AbsTaskRetrieval,
    students: Sequence[tuple[str, OpticalStudentModel]],
    teacher: OpticalTeacherModel,
    *,
    k: Sequence[int] = DEFAULT_K,
    baselines: bool = True,
    batch_size: int = 32,
) -> list[TaskResult]:
    """Run BM25, the teacher (zero-shot) and students on every subset and split of a task; documents are encoded once.

    Args:
        task: as `load_task` gives it, or one of your own.
        students: `(name, student)`.
        teacher: encodes English documents; `OpticalSearch` says who encodes others.
        k: cut-offs of recall, up to what the task ranks (mostly 1,000). MRR and nDCG are cut at 10.
        baselines: the rows that need no student.
        batch_size: documents encoded at a time.

    Returns:
        For each subset and split the systems in this order.

    Raises:
        DataError: the data cannot be loaded.
        TeacherMismatchError (a ValueError): a student is not the teacher's.
    """
    import_mteb()
    _check_kind(task)
    shared = SharedIndex()
    systems: list[tuple[str, MtebSearch]] = []
    if baselines:
        systems.append(("BM25, untranslated", Bm25Search()))
        systems.append(("zero-shot (teacher, untranslated)", OpticalSearch("zero-shot", teacher, teacher, shared)))
    systems += [(name, OpticalSearch(name, student, teacher, shared)) for name, student in students]
    loaded_before, subsets, splits = task.data_loaded, list(task.hf_subsets), list(task.eval_splits)
    if not loaded_before:
        with dataset_errors(f"mteb task {task.metadata.name}"):
            task.load_data()
    try:
        results = []
        for subset in subsets:
            for split in splits:
                task.filter_languages(None, hf_subsets=[subset]).filter_eval_splits([split])
                results += [run_task(task, system, search, k=k, batch_size=batch_size)[0] for system, search in systems]
        return results
    finally:
        task.filter_languages(None, hf_subsets=subsets).filter_eval_splits(splits)
        if not loaded_before:
            task.unload_data()


def run_task(
    task: AbsTaskRetrieval, system: str, search: MtebSearch, *, k: Sequence[int] = DEFAULT_K, batch_size: int = 32
) -> list[TaskResult]:
    """Run one system on a task, whose data is loaded, by `mteb.evaluate`: a result for each subset and split.

    mteb's cache of results is left alone: it knows a model by its name only.
    """
    search.runs.clear()
    outcome = import_mteb().evaluate(
        search, task, co2_tracker=False, cache=None, encode_kwargs={"batch_size": batch_size}, show_progress_bar=False
    )
    by_mteb = {
        (split, row["hf_subset"]): row for result in outcome.task_results for split, rows in result.scores.items() for row in rows
    }
    results = []
    for (split, subset), run in search.runs.items():
        scored = score_run(
            system,
            {query: _as_scored(task, query, ranking) for query, ranking in run.items()},
            task.dataset[subset][split]["relevant_docs"],
            k=k,
        )
        numbers = {name: float(value) for name, value in by_mteb[split, subset].items() if isinstance(value, int | float)}
        known = {"benchmark": {"revision": str(task.metadata.dataset["revision"])}, "fingerprint": search.fingerprint}
        place = {"task": task.metadata.name, "subset": subset, "split": split}
        results.append(TaskResult(**vars(scored) | known, **place, mteb_scores=numbers))
    return results


def _check_kind(task: AbsTaskRetrieval) -> None:
    kind, modalities = task.metadata.type, list(task.metadata.modalities)
    if kind != "Retrieval" or modalities != ["text"]:
        problem = f"mteb task {task.metadata.name!r} is of type {kind} ({', '.join(modalities)})"
        raise DataError(problem, fix="give a task of type Retrieval on texts")


def _subset(task: AbsTaskRetrieval, language: str) -> str:
    """The subset of this name, else that of queries in this language."""
    if language in task.hf_subsets:
        return language
    spoken = {}
    for subset in task.hf_subsets:
        documents, queries = subset_languages(task.metadata, subset)
        if queries == language or same_language(queries, language):
            spoken[subset] = documents
    found = [subset for subset, documents in spoken.items() if documents == "eng"]
    found += [subset for subset, documents in spoken.items() if documents == language or same_language(documents, language)]
    if not found:
        subsets = ", ".join(task.hf_subsets[:_SUBSETS_SHOWN]) + (", ..." if len(task.hf_subsets) > _SUBSETS_SHOWN else "")
        fix = did_you_mean(language, task.hf_subsets) or f"the subsets are {subsets}"
        raise DataError(f"mteb task {task.metadata.name!r} has no subset and no query language {language!r}", fix=fix)
    logger.info("%s: queries in %r mean the subset %s", task.metadata.name, language, found[0])
    return found[0]


def _as_scored(task: AbsTaskRetrieval, query: str, ranking: Ranking) -> Ranking:
    """The ranking as mteb scores it: a few tasks leave out the query itself, or the first hit."""
    if task.ignore_identical_ids:
        ranking = [hit for hit in ranking if hit[0] != query]
    return ranking[1:] if task.skip_first_result else ranking
