"""Documents in a student's language, encoded by the student, alone and beside the teacher's English ones."""

import copy
import json

import pytest
import torch

from hf_optical.commands import index as index_command
from hf_optical.commands import search as search_command
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, TeacherMismatchError
from hf_optical.search import DiskIndex, ExactIndex, IndexFormatError, Searcher
from hf_optical.search.manifest import Manifest

ENGLISH = ["the farmer and the market", "the doctor of the village", "a lake and a river"]
SWAHILI = ["mkulima na soko", "daktari wa kijiji", "ziwa na mto"]


def student_of(teacher, side, seed=5):
    """A student whose weights are not the teacher's."""
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"], side=side)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return student


@pytest.fixture(params=["document", "both"])
def writer(request, tiny_teacher):
    return student_of(tiny_teacher, request.param)


def brute_force(queries, documents):
    return [[(q.double() @ d.double().T).amax(1).sum().item() for d in documents] for q in queries]


def test_both_kinds_of_documents_are_in_one_index(tiny_teacher, writer, tmp_path):
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, ["e0", "e1", "e2"], ENGLISH, show_progress_bar=False)
    assert index.manifest.encoders == {}
    index.add(writer, ["s0", "s1", "s2"], SWAHILI, show_progress_bar=False)
    assert set(index.manifest.encoders) == {tiny_teacher.fingerprint(), writer.fingerprint()}
    documents = [*tiny_teacher.encode_document(ENGLISH), *writer.encode_document(SWAHILI)]
    queries = tiny_teacher.encode_query(ENGLISH)
    for found, scores in zip(index.search(queries, 6), brute_force(queries, documents), strict=True):
        expected = dict(zip(["e0", "e1", "e2", "s0", "s1", "s2"], scores, strict=True))
        assert dict(found) == pytest.approx(expected, abs=1e-2)  # float16
    assert Manifest.read(tmp_path / "i").encoders == index.manifest.encoders
    index.delete(["e0"])
    index.compact()
    assert set(index.manifest.encoders) == {tiny_teacher.fingerprint(), writer.fingerprint()}
    assert [i for i, _ in index.search(queries[:1], 6)[0]] != []


def test_an_index_of_students_documents_is_searched_with_the_teachers_queries(tiny_teacher, writer, tmp_path):
    index = DiskIndex.build(tmp_path / "i", writer, ["s0", "s1", "s2"], SWAHILI, show_progress_bar=False)
    exact = ExactIndex.build(writer, ["s0", "s1", "s2"], SWAHILI)
    assert index.teacher_fingerprint == exact.teacher_fingerprint == tiny_teacher.fingerprint()
    assert index.manifest.encoders.keys() == {writer.fingerprint()}
    index.check_model(tiny_teacher)
    queries = tiny_teacher.encode_query(ENGLISH)
    for found, expected in zip(index.search(queries, 3), exact.search(queries, 3), strict=True):
        assert dict(found) == pytest.approx(dict(expected), abs=1e-2)
    hits = Searcher({"en": tiny_teacher}, index).search(ENGLISH[:1], 3)[0]
    assert {hit.id: hit.text for hit in hits} == dict(zip(["s0", "s1", "s2"], SWAHILI, strict=True))


def test_the_same_documents_of_another_encoder_are_another_index(tiny_teacher, writer, tmp_path):
    DiskIndex.build(tmp_path / "i", writer, ["s0"], SWAHILI[:1], show_progress_bar=False)
    with pytest.raises(
        IndexFormatError, match=rf"1 documents, encoded by {writer.fingerprint()}; teacher {tiny_teacher.fingerprint()}"
    ):
        DiskIndex.build(tmp_path / "i", tiny_teacher, ["s0"], SWAHILI[:1], show_progress_bar=False)
    with pytest.raises(IndexFormatError, match="holds another index already"):
        DiskIndex.build(tmp_path / "i", student_of(tiny_teacher, "both", seed=9), ["s0"], SWAHILI[:1], show_progress_bar=False)
    DiskIndex.build(tmp_path / "i", writer, ["s0"], SWAHILI[:1], show_progress_bar=False)


def test_students_of_queries_and_of_others_write_nothing(tiny_teacher, encoder_dir, tmp_path):
    torch.manual_seed(7)
    other = OpticalTeacherModel.from_encoder(encoder_dir("bert"), embedding_dim=16, query_length=16, document_length=48)
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, ["e0"], ENGLISH[:1], show_progress_bar=False)
    with pytest.raises(ValueError, match="encodes queries, its documents are the teacher's"):
        index.add(student_of(tiny_teacher, "query"), ["s0"], SWAHILI[:1])
    with pytest.raises(ValueError, match="encodes queries, its documents are the teacher's"):
        ExactIndex.build(student_of(tiny_teacher, "query").attach_teacher(tiny_teacher), ["s0"], SWAHILI[:1])
    with pytest.raises(TeacherMismatchError, match="add with the same teacher, or a student of it"):
        index.add(student_of(other, "both"), ["s0"], SWAHILI[:1])
    assert index.ids == ["e0"]
    assert DiskIndex.open(tmp_path / "i").ids == ["e0"]


def test_a_qdrant_collection_holds_both_kinds(tiny_teacher, writer, tmp_path):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.search.qdrant_index import QdrantIndex

    where = {"path": tmp_path / "q", "show_progress_bar": False}
    with QdrantIndex.build(writer, ["s0", "s1", "s2"], SWAHILI, **where) as index:
        index.add(tiny_teacher, ["e0"], ENGLISH[:1], show_progress_bar=False)
        exact = ExactIndex.build(writer, ["s0", "s1", "s2"], SWAHILI)
        queries = tiny_teacher.encode_query(ENGLISH)
        found = [{i: score for i, score in hits if i != "e0"} for hits in index.search(queries, 4)]
        assert found == [pytest.approx(dict(hits), abs=1e-4) for hits in exact.search(queries, 3)]
        with pytest.raises(ValueError, match="encodes queries"):
            index.add(student_of(tiny_teacher, "query"), ["s3"], SWAHILI[:1])
    with pytest.raises(IndexFormatError, match="was built by another model"):
        QdrantIndex.build(tiny_teacher, ["s0", "s1", "s2"], SWAHILI, **where)
    with QdrantIndex.build(writer, ["s0", "s1", "s2"], SWAHILI, overwrite=True, **where) as index:
        assert sorted(index.ids) == ["s0", "s1", "s2"]


def test_what_another_model_encoded_is_not_taken_for_there(tiny_teacher, writer, tmp_path):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.search.qdrant_index import QdrantIndex

    where = {"path": tmp_path / "q", "show_progress_bar": False}
    with QdrantIndex.build(tiny_teacher, ["e0", "s0"], [ENGLISH[0], SWAHILI[0]], **where) as index:
        with pytest.raises(ValueError, match=r"1 of 2 documents .* encoded by another model, the first is 's0': delete them first"):
            index.add(writer, ["s0", "s1"], SWAHILI[:2], show_progress_bar=False)
        assert len(index) == 2
        index.delete(["s0"])
        for _ in range(2):  # stopped, the same call goes on
            index.add(writer, ["s0", "s1"], SWAHILI[:2], show_progress_bar=False)
        for document, embeddings in zip(index.documents(["s0", "s1"]), writer.encode_document(SWAHILI[:2]), strict=True):
            torch.testing.assert_close(document.embeddings, embeddings)
        with pytest.raises(ValueError, match=r"2 of 2 documents .* encoded by another model"):
            index.add(student_of(tiny_teacher, "both", seed=9), ["s0", "s1"], SWAHILI[:2], show_progress_bar=False)
    with pytest.raises(ValueError, match=r"2 of 3 documents .* encoded by another model"):
        QdrantIndex.build(tiny_teacher, ["e0", "s0", "s1"], [ENGLISH[0], *SWAHILI[:2]], **where)


def test_a_student_of_queries_makes_no_collection(tiny_teacher, tmp_path):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.search.qdrant_index import QdrantIndex

    with pytest.raises(ValueError, match="encodes queries"):
        QdrantIndex.build(student_of(tiny_teacher, "query"), ["s0"], SWAHILI[:1], path=tmp_path / "q")
    assert not (tmp_path / "q").exists()


def test_a_collection_of_before_students_encoded_documents_is_its_teachers(tiny_teacher):
    from hf_optical.search.qdrant_plan import encoder_of, new_plan

    plan = new_plan(tiny_teacher, 1)
    before = {name: value for name, value in plan.items() if name != "encoder_fingerprint"}
    assert encoder_of(before) == encoder_of(plan) == tiny_teacher.fingerprint()


def test_from_swahili_passages_to_answers(workshop, tiny_teacher, capsys):
    writer = student_of(copy.deepcopy(tiny_teacher), "both")
    writer.save_pretrained("writer")
    rows = [{"_id": f"s{i}", "text": text} for i, text in enumerate(SWAHILI)]
    with open("sw.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    index_command.run(["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "i"])
    capsys.readouterr()
    index_command.run(["sw.jsonl", "--student", "writer", "--output", "i", "--add", "--json"])
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["passages"] == 23
    assert outcome["encoders"] == {tiny_teacher.fingerprint(): "teacher", writer.fingerprint(): "writer"}
    for student, language in (("en=teacher", "en"), ("sw=writer", "sw")):
        search_command.run(["i", "--student", student, "--language", language, "ziwa na mto", "-k", "23", "--json"])
        (answer,) = json.loads(capsys.readouterr().out)
        assert {f"s{i}" for i in range(3)} <= {hit["id"] for hit in answer["hits"]}
    index_command.run(["sw.jsonl", "--student", "writer", "--output", "alone", "--json"])
    assert json.loads(capsys.readouterr().out)["passages"] == 3


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sw.jsonl", "--output", "i"], "PASSAGES and --teacher are needed"),
        (["benchmark/corpus.jsonl", "--student", "student", "--teacher", "teacher", "--output", "i"], "give --teacher for English"),
        (["benchmark/corpus.jsonl", "--student", "student", "--output", "i"], "student student encodes queries"),
        (["benchmark/corpus.jsonl", "--student", "teacher", "--output", "i"], "teacher is a teacher, not a student"),
        (["--student", "student", "--output", "i", "--verify"], "student has no meaning with --verify"),
    ],
)
def test_wrong_requests_are_refused_before_the_work(workshop, argv, message):
    with pytest.raises(ValueError, match=message):
        index_command.run(argv)
    assert not (workshop / "i").exists()
