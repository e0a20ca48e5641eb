"""Evaluation of students beside their baselines."""

import copy
import dataclasses

import pytest
import torch

from hf_optical.data import load_retrieval
from hf_optical.models import OpticalTeacherModel, TeacherMismatchError
from hf_optical.models.pretrained import load_student, load_teacher
from hf_optical.recipes.evaluate import evaluate_students
from hf_optical.search import ExactIndex


@pytest.fixture
def parts(workshop):
    return load_student("student"), load_teacher("teacher"), load_retrieval("benchmark")


def test_rows_and_files(parts, workshop):
    student, teacher, collection = parts
    results = evaluate_students([("student", student)], teacher, collection, k=(1, 5), save_to="out")
    names = [result.system for result in results]
    assert names == [
        "teacher, English queries",
        "BM25, English queries",
        "BM25, untranslated",
        "zero-shot (teacher, untranslated)",
        "student",
    ]
    assert all({"recall@1", "recall@5"} <= result.metrics.keys() for result in results)
    assert results[0].metrics["recall@1"] == 1.0  # the English questions are the passages
    assert results[-1].metrics == results[-2].metrics  # undistilled, the student is its teacher
    assert len(list((workshop / "out").glob("*.trec"))) == len(list((workshop / "out").glob("*.json"))) == 5


def test_without_baselines(parts):
    student, teacher, collection = parts
    assert [r.system for r in evaluate_students([("s", student)], teacher, collection, baselines=False)] == ["s"]


def test_wrong_requests_are_refused_before_the_work(parts, workshop, encoder_dir, monkeypatch):
    student, teacher, collection = parts
    monkeypatch.setattr(ExactIndex, "build", lambda *args, **kwargs: pytest.fail("documents were encoded"))
    other = OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), embedding_dim=16, query_length=16, document_length=48)
    with pytest.raises(TeacherMismatchError, match="distilled from teacher"):
        evaluate_students([("student", student)], other, collection)
    with pytest.raises(ValueError, match="two students are named alike: a/b, a-b"):
        evaluate_students([("a/b", student), ("a-b", student)], teacher, collection, save_to="out")
    with pytest.raises(OSError, match=r"output folder pairs.tsv/out cannot be written to"):
        evaluate_students([("student", student)], teacher, collection, save_to="pairs.tsv/out")


def test_ids_that_no_run_can_hold_are_refused_before_the_work(parts, workshop, monkeypatch):
    student, teacher, collection = parts
    spaced = dataclasses.replace(collection, corpus_ids=[f"my {i}" for i in collection.corpus_ids])
    monkeypatch.setattr(ExactIndex, "build", lambda *args, **kwargs: pytest.fail("documents were encoded"))
    with pytest.raises(ValueError, match=r"'my d0' cannot be written to out: ids"):
        evaluate_students([("student", student)], teacher, spaced, save_to="out")
    assert not (workshop / "out").exists()


def test_students_named_nearly_alike(parts, workshop):
    student, teacher, collection = parts
    names = [("s-a", student), ("s_a", student)]
    evaluate_students(names, teacher, collection, baselines=False, save_to="out")
    assert sorted(path.name for path in (workshop / "out").glob("*.json")) == ["s-a.json", "s_a.json"]


def test_students_encode_documents_of_their_own(parts, workshop, monkeypatch):
    student, teacher, collection = parts
    swahili = dataclasses.replace(collection, corpus_texts=[f"{text} ya" for text in collection.corpus_texts])
    both, documents = copy.deepcopy(student), copy.deepcopy(student)
    both.config.side, documents.config.side = "both", "document"
    with torch.no_grad():
        for parameter in [*both.parameters(), *documents.parameters()]:
            parameter.mul_(1.01).add_(0.01 * torch.randn_like(parameter))
    students = [("both", both), ("documents", documents)]
    results = evaluate_students(students, teacher, swahili, k=(1, 5), own_documents=True, save_to="out")
    assert [result.system for result in results[4:]] == ["both", "both, English queries", "documents"]
    ids, texts = swahili.corpus_ids, swahili.corpus_texts
    for result, encoder, asked in (
        (results[4], both, both.encode_query([swahili.queries[q] for q in swahili.qrels])),
        (results[5], both, teacher.encode_query([swahili.english[q] for q in swahili.qrels])),
        (results[6], documents, teacher.encode_query([swahili.english[q] for q in swahili.qrels])),
    ):
        expected = ExactIndex.build(encoder, ids, texts).search(asked, 10)
        assert list(result.run.values()) == expected, result.system
    assert results[3].run != results[4].run  # the teacher encodes the documents of the baselines
    assert len(list((workshop / "out").glob("*.trec"))) == 7

    foreign = dataclasses.replace(swahili, english={})
    results = evaluate_students(students, teacher, foreign, baselines=False, own_documents=True)
    assert [result.system for result in results] == ["both", "documents"]
    asked = teacher.encode_query([swahili.queries[q] for q in swahili.qrels])
    assert [ranking[:10] for ranking in results[1].run.values()] == ExactIndex.build(documents, ids, texts).search(asked, 10)

    monkeypatch.setattr(ExactIndex, "build", lambda *args, **kwargs: pytest.fail("documents were encoded"))
    with pytest.raises(ValueError, match="student s encodes queries, not documents"):
        evaluate_students([("s", student)], teacher, swahili, own_documents=True)
    with pytest.raises(ValueError, match="student d encodes documents, not queries"):
        evaluate_students([("d", documents)], teacher, collection)
    with pytest.raises(ValueError, match="spelling variants are English words"):
        evaluate_students([("both", both)], teacher, swahili, own_documents=True, spelling_variants=True)
    with pytest.raises(ValueError, match="leave the index out"):
        evaluate_students([("both", both)], teacher, swahili, own_documents=True, index=object())
