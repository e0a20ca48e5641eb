"""`optical evaluate`: students beside the baselines on BEIR folders, mteb's tasks and parallel sentences."""

from __future__ import annotations

import json
from argparse import Namespace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..recipes.options import CommandParser, add_lexical_weight, add_spelling_variants, positive
from .output import quiet_stdout

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..models import OpticalStudentModel, OpticalTeacherModel

    Students = list[tuple[str, OpticalStudentModel]]

# The row of `evaluate_students` that retention is measured against.
_CEILING = "teacher, English queries"
_TEXTS_AT_A_TIME = 256


def run(argv: list[str]) -> None:
    """Evaluate on what is asked for, and print tables, or one JSON list with a row for each system and collection.

    Raises:
        ValueError, OSError: an option, a model or data is wrong. mteb is not installed and a task is asked for.
    """
    options = _options(argv)
    with quiet_stdout():
        from ..models.pretrained import load_student, load_teacher

        # what can be wrong is found before a model is loaded
        collection = parallel = None
        tasks = []
        if options.task:
            from ..evaluation.mteb_tasks import load_task

            tasks = [load_task(name, options.task_language, options.task_split) for name in options.task]
        if options.benchmark:
            from ..data import load_retrieval

            collection = load_retrieval(options.benchmark, split=options.split, corpus=options.passages)
        if options.bitext_test:
            from ..evaluation.bitext_retrieval import read_parallel

            parallel = read_parallel(options.bitext_test)
        index = _index(options.index, collection, baselines=not options.no_baselines) if options.index else None
        teacher = load_teacher(options.teacher)
        students = [(name, load_student(name)) for name in options.student]
        _check(students, teacher, options)
        sections = []
        if collection is not None:
            sections.append(_benchmark(collection, students, teacher, index, options))
        for task in tasks:
            sections += _task(task, students, teacher, options)
        if parallel is not None:
            sections.append(_bitext(parallel, students, teacher, options))
    if options.json:
        print(json.dumps([row for rows, _ in sections for row in rows], ensure_ascii=False))
    else:
        print("\n\n".join(text for _, text in sections))


Section = tuple[list[dict[str, Any]], str]  # rows for JSON, text to print


def _options(argv: list[str]) -> Namespace:
    parser = CommandParser(prog="optical evaluate", description="Recall of students beside BM25, zero-shot and the teacher itself.")
    parser.add_argument("--student", nargs="*", default=[], help="students (folders or Hub names); none: the baselines alone")
    parser.add_argument("--teacher", required=True, help="their teacher, which encodes the documents")
    parser.add_argument("--benchmark", help="collection in BEIR layout: a folder or Hub name")
    parser.add_argument("--split", default="test", help="qrels/SPLIT.tsv of the benchmark (default: test)")
    parser.add_argument("--passages", help="corpus file, where it is not in the benchmark's folder")
    parser.add_argument("--index", help="of these passages, made by `optical index`: they are not encoded again")
    parser.add_argument("--task", nargs="+", default=[], help="retrieval tasks of mteb, such as MIRACLRetrieval BelebeleRetrieval")
    parser.add_argument(
        "--task-language",
        nargs="+",
        default=[],
        help="query languages (sw), or subsets, in which MLQA and Belebele have the documents first: eng_Latn-swh_Latn",
    )
    parser.add_argument("--task-split", nargs="+", default=[], help="splits of the tasks (default: all that they evaluate)")
    parser.add_argument("--bitext-test", metavar="FILE", help="parallel sentences: how often each finds its translation")
    parser.add_argument(
        "--bitext-length",
        type=positive,
        metavar="N",
        help="tokens of these sentences, unexpanded (default: the models' query length, which cuts long ones)",
    )
    parser.add_argument("-k", type=positive, nargs="+", default=[1, 10, 100], help="cut-offs of recall (default: 1 10 100)")
    parser.add_argument("--batch-size", type=positive, default=32, help="documents encoded at a time (default: 32)")
    parser.add_argument(
        "--own_documents",
        "--own-documents",
        action="store_true",
        help="the benchmark's passages are in the students' language: each encodes them itself (--side document or both)",
    )
    add_lexical_weight(
        parser,
        "of BM25 joined to each student, in a row of its own, as in `optical search` (default: 0, none; 0.5 was measured)",
    )
    add_spelling_variants(parser, "also ask each student with spelling variants, in a row of its own, as in `optical search`")
    parser.add_argument("--no-baselines", action="store_true", help="leave out BM25, zero-shot and the English queries")
    parser.add_argument(
        "--output",
        help="folder for TREC runs and the values of single queries; STUDENT/evaluation: where `optical push` finds them",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(argv)
    if not (options.benchmark or options.task or options.bitext_test):
        parser.error("nothing to evaluate on: give --benchmark, --task or --bitext-test")
    for option, needs in (("task_language", "task"), ("task_split", "task"), ("bitext_length", "bitext_test")):
        if getattr(options, option) and not getattr(options, needs):
            parser.error(f"--{option.replace('_', '-')} has no effect without --{needs.replace('_', '-')}")
    for option in ("lexical_weight", "spelling_variants", "own_documents"):
        if getattr(options, option) and not options.student:
            parser.error(f"--{option} has no effect without --student")
    for option in ("passages", "index", "lexical_weight", "spelling_variants", "own_documents"):
        if getattr(options, option) and not options.benchmark:
            parser.error(f"--{option} has no effect without --benchmark")
    if options.index and options.own_documents:
        parser.error("--index holds passages that are encoded already, with --own_documents each student encodes them itself")
    if options.spelling_variants and options.own_documents:
        parser.error("--spelling_variants are English words of English passages, and have no meaning with --own_documents")
    return options


def _index(place: str, collection: RetrievalCollection, *, baselines: bool) -> Any:
    """The index of just these passages. Raises ValueError if it has others, or other texts of theirs: recall would be another."""
    from ..search.document_encoder import students_of
    from ..search.opening import open_index

    index = open_index(place)
    if baselines and (students := students_of(index)):
        raise ValueError(
            f"{place} has passages that {', '.join(students)} encoded, a student, so the rows of the teacher would not be the "
            "teacher's: leave them out with --no-baselines, or leave --index out."
        )
    there, wanted = set(index.ids), set(collection.corpus_ids)
    if there != wanted:
        raise ValueError(
            f"{place} is not an index of {collection.name}: it lacks {len(wanted - there):,} of {len(wanted):,} passages and "
            f"has {len(there - wanted):,} others: make one with `optical index`, or leave --index out."
        )
    for start in range(0, len(collection.corpus_ids), _TEXTS_AT_A_TIME):
        part = slice(start, start + _TEXTS_AT_A_TIME)
        ids, texts = collection.corpus_ids[part], collection.corpus_texts[part]
        for document, text in zip(index.documents(ids), texts, strict=True):
            if document.text != text:
                raise ValueError(
                    f"{place} is not an index of {collection.name}: passage {document.id!r} has another text there: make one with "
                    "`optical index`, or leave --index out."
                )
    return index


def _benchmark(
    collection: RetrievalCollection, students: Students, teacher: OpticalTeacherModel, index: Any, options: Namespace
) -> Section:
    from ..evaluation import results_table
    from ..evaluation.retention import retention
    from ..recipes.evaluate import evaluate_students, student_rows

    results = evaluate_students(
        students,
        teacher,
        collection,
        k=options.k,
        baselines=not options.no_baselines,
        batch_size=options.batch_size,
        save_to=options.output,
        index=index,
        lexical_weight=options.lexical_weight,
        spelling_variants=options.spelling_variants,
        own_documents=options.own_documents,
    )
    metrics = [f"recall@{k}" for k in options.k]
    rows, text = [result.to_dict() for result in results], results_table(results, metrics)
    ceiling = next((result for result in results if result.system == _CEILING), None)
    if ceiling is None or not students or options.own_documents:  # of documents that it cannot read, the teacher's is no ceiling
        return rows, text
    text += "\n\nretention, over the teacher's on the English versions, with its 95 % interval:"
    first = len(results) - sum(len(student_rows(name, options.lexical_weight, options.spelling_variants)) for name, _ in students)
    for row, result in zip(rows[first:], results[first:], strict=True):
        kept = retention(result, ceiling, metrics)
        row["retention"] = {metric: ratio._asdict() for metric, ratio in kept.items()}
        text += f"\n{result.system}: {', '.join(f'{metric} {ratio}' for metric, ratio in kept.items())}"
    return rows, text


def _task(task: Any, students: Students, teacher: OpticalTeacherModel, options: Namespace) -> list[Section]:
    """A section for each subset and split."""
    from ..evaluation import results_table
    from ..evaluation.mteb_tasks import evaluate_task

    results = evaluate_task(task, students, teacher, k=options.k, baselines=not options.no_baselines, batch_size=options.batch_size)
    metrics = [f"recall@{k}" for k in options.k] + ["mrr@10", "ndcg@10"]
    sections = []
    for (subset, split), group in groupby(results, key=lambda result: (result.subset, result.split)):
        systems = list(group)
        if options.output:
            for result in systems:
                result.save_to(options.output)
        title = f"{task.metadata.name}, {subset}, {split}"
        sections.append(([result.to_dict() for result in systems], f"{title}\n\n{results_table(systems, metrics)}"))
    return sections


def _bitext(parallel: tuple[list[str], list[str]], students: Students, teacher: OpticalTeacherModel, options: Namespace) -> Section:
    from ..evaluation.bitext_retrieval import bitext_table, evaluate_bitext_retrieval, save_bitext_result
    from ..recipes.evaluate import result_names

    systems = [] if options.no_baselines else [("zero-shot (teacher, untranslated)", teacher)]
    results = [
        evaluate_bitext_retrieval(
            model, teacher, *parallel, system=name, max_length=options.bitext_length, batch_size=options.batch_size
        )
        for name, model in [*systems, *students]
    ]
    if options.output:
        for result in results:
            save_bitext_result(result, options.output, result_names([result.system])[0])
    cut = [f"{result.system}: {result.cut_off['non_english']} and {result.cut_off['english']}" for result in results]
    text = f"{options.bitext_test}: accuracy@1 of sentence retrieval, to English and from it\n\n{bitext_table(results)}"
    if any(any(result.cut_off.values()) for result in results):
        text += f"\n\nsentences cut at the token limit, non-English and English (--bitext-length N raises it): {'; '.join(cut)}"
    return [{"bitext": options.bitext_test} | result.to_dict() for result in results], text


def _check(students: Students, teacher: OpticalTeacherModel, options: Namespace) -> None:
    """Raise ValueError or OSError, before anything is encoded, for what `evaluate_students` refuses too."""
    from ..recipes.evaluate import check_side, result_names

    names = [name for name, _ in students]
    if options.output or len(set(names)) < len(names):
        result_names(names)
    for name, student in students:
        student.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        if options.benchmark:
            check_side(name, student, options.own_documents)
        if options.bitext_test and student.config.side == "document":
            raise ValueError(f"student {name} encodes documents, not queries, which --bitext-test compares: leave one of them out.")
    if output := options.output:
        try:
            Path(output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"output folder {output} cannot be written to ({error.strerror}): give another --output.") from None
