"""Documents in another language than English: how often a sentence finds its translation among them, by who encodes what.

    optical distill configs/both_cpu.yaml
    python benchmarks/own_documents.py runs/both-sw --teacher runs/teacher --language sw --ask ha=runs/optical-ha

The documents are the 1,012 sentences of FLORES-200 devtest in the language, the questions the same sentences in English, and with
`--ask` in further languages, by students of the same teacher: measured with those of configs/compare_cpu.yaml, seed 1, which
`keep_models: true` keeps in runs/compare/runs/optical/LANGUAGE/seed-1/student. No relevance judgments: the translation is what is
looked for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from hf_optical.data.files import write_atomically
from hf_optical.evaluation import RetrievalResult, results_table
from hf_optical.evaluation.bitext_retrieval import read_parallel
from hf_optical.evaluation.retrieval import score_run
from hf_optical.models.pretrained import load_student, load_teacher
from hf_optical.search import Bm25Index, ExactIndex
from hf_optical.search.bm25 import NGRAMS

K = (1, 10)
METRICS = [*(f"recall@{k}" for k in K), "mrr@10"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", help="distilled with --side document or --side both")
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--language", required=True, help="of the documents")
    parser.add_argument("--suite", type=Path, default=Path("../shared/suite"))
    parser.add_argument("--ask", nargs="*", default=[], metavar="LANGUAGE=S", help="ask in these languages, too")
    parser.add_argument("--report", type=Path, help="write the figures to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    student, teacher = load_student(options.student), load_teacher(options.teacher)
    student.attach_teacher(teacher)
    english, texts = read_parallel(sentences(options.suite, options.language))
    ids = [str(line) for line in range(len(texts))]
    by_teacher, by_student = ExactIndex.build(teacher, ids, texts), ExactIndex.build(student, ids, texts)
    results = list(lexical(ids, texts, english))
    asked = teacher.encode_query(english, show_progress_bar=False)
    results.append(ranked("English questions, documents by the teacher (zero-shot)", by_teacher, asked))
    results.append(ranked("English questions, documents by the student", by_student, asked))
    for entry in options.ask:
        language, _, folder = entry.partition("=")
        pivot, questions = read_parallel(sentences(options.suite, language))
        if pivot != english:
            raise SystemExit(f"the sentences of {language} are not those of {options.language}, line by line")
        other = load_student(folder)
        other.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        queries = other.encode_query(questions, show_progress_bar=False)
        results.append(ranked(f"questions in {language} by its student, documents by the student", by_student, queries))
    print(results_table(results, METRICS))
    if options.report:
        report = {"language": options.language, "documents": len(ids), "results": [result.to_dict() for result in results]}
        write_atomically(options.report, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def sentences(suite: Path, language: str) -> Path:
    return suite / "bitext-test" / f"{language}.tsv.gz"


def lexical(ids: list[str], texts: list[str], questions: list[str]) -> Iterator[RetrievalResult]:
    """What is spelt alike in both languages finds."""
    for name, index in (("words", Bm25Index(ids, texts)), ("character 4-grams", Bm25Index(ids, texts, ngrams=NGRAMS))):
        yield score(f"English questions, BM25 of {name}", index.search(questions, max(K)))


def ranked(system: str, index: ExactIndex, queries: list[Tensor]) -> RetrievalResult:
    return score(system, index.search(queries, max(K)))


def score(system: str, found: list[list[tuple[str, float]]]) -> RetrievalResult:
    """The document with a question's own number is its translation."""
    run = {str(line): hits for line, hits in enumerate(found)}
    return score_run(system, run, {line: {line: 1} for line in run}, k=K, metrics=("recall", "mrr"))


if __name__ == "__main__":
    main()
