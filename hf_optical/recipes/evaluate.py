"""Evaluate students beside what they are compared with: `optical evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data import RetrievalCollection
from ..evaluation import RetrievalResult, evaluate_bm25, evaluate_fused, evaluate_model
from ..evaluation.retrieval import check_trec_names
from ..models import OpticalStudentModel, OpticalTeacherModel
from ..search import Bm25Index, DiskIndex, ExactIndex, SpellingVariants
from ..search.bm25 import NGRAMS
from ..search.fusion import FUSION_DEPTH


def evaluate_students(
    students: Sequence[tuple[str, OpticalStudentModel]],
    teacher: OpticalTeacherModel,
    collection: RetrievalCollection,
    *,
    k: Sequence[int] = (1, 10, 100),
    baselines: bool = True,
    batch_size: int = 32,
    save_to: str | Path | None = None,
    index: ExactIndex | DiskIndex | None = None,
    lexical_weight: float = 0.0,
    spelling_variants: bool = False,
    own_documents: bool = False,
) -> list[RetrievalResult]:
    """Rows of the table: teacher and BM25 on the human English queries, both on the untranslated ones (zero-shot), the students.

    Args:
        students: `(name, student)`.
        teacher: encodes the documents, once for all.
        collection: queries, documents, judgments.
        k: cut-offs of recall.
        baselines: the rows that need no student.
        batch_size: documents encoded at a time.
        save_to: folder for each system's run (TREC) and values of single queries (JSON).
        index: the collection's documents, where they are encoded already.
        lexical_weight: above 0, a row behind each student's: its ranking and, with this weight, BM25's (over 4-grams) of the query
            as it is typed; and BM25 over 4-grams alone among the baselines.
        spelling_variants: a row behind each student: words that it does not know are also asked for as they are spelt in English.
        own_documents: the documents are in the students' languages, and each student encodes them itself. English versions of the
            queries, the teacher's to encode, have a row of their own behind the student's; a student that encodes nothing but
            documents has just that row, of the queries themselves where they have no English version.

    Raises, before anything is encoded:
        TeacherMismatchError (a ValueError): a student belongs to another teacher.
        ValueError: two students have one name, or with `save_to` one file; an id has white space, which no TREC run can hold; a
            student encodes queries alone with `own_documents`, or documents alone without; an index or spelling variants are asked
            for with it.
        OSError: `save_to` cannot be written to.
    """
    names = [row for name, _ in students for row in student_rows(name, lexical_weight, spelling_variants)]
    if save_to or len(set(names)) < len(names):
        result_names(names)
    for name, student in students:
        student.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        check_side(name, student, own_documents)
    if own_documents and index is not None:
        raise ValueError("the documents are the students' own to encode: leave the index out.")
    if own_documents and spelling_variants:
        raise ValueError(
            "spelling variants are English words of English documents: leave them out where documents are not English."
        )
    if save_to:
        check_trec_names([*collection.qrels, *collection.corpus_ids], save_to)
        try:
            Path(save_to).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"output folder {save_to} cannot be written to ({error.strerror}): give another --output.") from None
    texts = collection.corpus_ids, collection.corpus_texts
    if index is None and (baselines or not own_documents):
        index = ExactIndex.build(teacher, *texts, batch_size=batch_size)
    results = []
    has_english = all(query in collection.english for query in collection.qrels)
    ngrams = Bm25Index(*texts, ngrams=NGRAMS) if lexical_weight else None
    if baselines:
        lexical = Bm25Index(*texts)
        if has_english:
            results.append(evaluate_model(teacher, index, collection, system="teacher, English queries", english=True, k=k))
            results.append(evaluate_bm25(lexical, collection, system="BM25, English queries", english=True, k=k))
        results.append(evaluate_bm25(lexical, collection, system="BM25, untranslated", k=k))
        if ngrams is not None:
            results.append(evaluate_bm25(ngrams, collection, system="BM25 of 4-grams, untranslated", k=k))
        results.append(evaluate_model(teacher, index, collection, system="zero-shot (teacher, untranslated)", k=k))
    words = SpellingVariants(collection.corpus_texts) if spelling_variants else None
    depth = FUSION_DEPTH if lexical_weight else 0
    for name, student in students:
        if own_documents:
            index = ExactIndex.build(student.attach_teacher(teacher), *texts, batch_size=batch_size)
        english = own_documents and has_english
        if student.config.side == "document":
            results.append(evaluate_model(student, index, collection, system=name, english=english, k=k))
            continue
        for variants in (None,) if words is None else (None, words):
            own, *fused = student_rows(name if variants is None else _with_variants(name), lexical_weight)
            results.append(evaluate_model(student, index, collection, system=own, k=k, depth=depth, variants=variants))
            run = results[-1].run
            results += [evaluate_fused(run, ngrams, collection, weight=lexical_weight, system=row, k=k) for row in fused]
        if english:
            results.append(evaluate_model(teacher, index, collection, system=f"{name}, English queries", english=True, k=k))
    if save_to:
        for result in results:
            (name,) = result_names([result.system])
            result.save(Path(save_to) / f"{name}.json")
            result.save_run(Path(save_to) / f"{name}.trec")
    return results


def check_side(name: str, student: OpticalStudentModel, own_documents: bool) -> None:
    """Raise ValueError unless the student encodes what an evaluation, with documents of its own or not, asks it to."""
    side = student.config.side
    if own_documents and side == "query":
        raise ValueError(f"student {name} encodes queries, not documents: distil one with --side document or --side both.")
    if not own_documents and side == "document":
        # its queries would be the teacher's: the row of zero-shot, under another name
        raise ValueError(
            f"student {name} encodes documents, not queries: evaluate it on documents in its language, with --own_documents or by "
            "--task."
        )


def student_rows(name: str, lexical_weight: float = 0.0, spelling_variants: bool = False) -> list[str]:
    """Names of the rows of a student, in order.

    Example:
        >>> student_rows("sw", 0.5, spelling_variants=True)
        ['sw', 'sw, and BM25', 'sw, with spelling variants', 'sw, with spelling variants, and BM25']
    """
    asked = [name, _with_variants(name)] if spelling_variants else [name]
    return [row for own in asked for row in ((own, f"{own}, and BM25") if lexical_weight else (own,))]


def _with_variants(name: str) -> str:
    return f"{name}, with spelling variants"


def result_names(systems: Sequence[str]) -> list[str]:
    """Names of files for the results of systems.

    Raises:
        ValueError: two would have the same.

    Example:
        >>> result_names(["runs/optical-sw", "BM25, untranslated"])
        ['runs-optical-sw', 'BM25--untranslated']
    """
    names = ["".join(c if c.isalnum() or c in "-_" else "-" for c in system).strip("-") for system in systems]
    if len(set(names)) < len(names):
        raise ValueError(f"two students are named alike: {', '.join(systems)}: give one of them another folder.")
    return names
