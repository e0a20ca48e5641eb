"""Students of one teacher in front of one index: who answers, what is found, and what matched what."""

import copy
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, TeacherMismatchError
from hf_optical.search import DiskIndex, ExactIndex, Searcher
from hf_optical.search.token_spans import NO_SPAN, document_spans, query_spans

TEXTS = ["Maize is dried, then stored in sacks.", "The market by the lake!", "A lion sleeps in the tree.", ""]
IDS = list("abcd")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_teacher):
    folder = tmp_path_factory.mktemp("index") / "index"
    metadata = [{"topic": "farm"}, {"topic": "trade"}, {"topic": "animals"}, {}]
    DiskIndex.build(folder, tiny_teacher, IDS, TEXTS, metadata, show_progress_bar=False)
    return folder


@pytest.fixture(scope="module")
def student_folders(tmp_path_factory, tiny_teacher):
    folder = tmp_path_factory.mktemp("students")
    for language in ("sw", "ha"):
        OpticalStudentModel.from_teacher(tiny_teacher, languages=[language]).save_pretrained(folder / language)
    return folder


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
@pytest.mark.parametrize("settings", [{}, {"prefixes_are_text": True}, {"do_query_expansion": False}])
def test_spans_are_where_the_tokens_stand(encoder_dir, family, settings):
    teacher = OpticalTeacherModel.from_encoder(
        encoder_dir(family), embedding_dim=8, query_length=24, document_length=40, **settings
    )
    texts = ["Maize, dried!", "", "water [MASK] <s> [CLS] lake", "the lion " * 30, "ẹ̀kọ́ 水 maize"]
    for spans, embeddings in ((query_spans, teacher.encode_query), (document_spans, teacher.encode_document)):
        for text, found, tokens in zip(texts, spans(teacher.processor, texts), embeddings(texts), strict=True):
            assert len(found) == len(tokens)
            assert all(0 <= start < stop <= len(text) for start, stop in found if (start, stop) != NO_SPAN)
    first = [span for span in document_spans(teacher.processor, texts)[0] if span != NO_SPAN]
    covered = {place for span in first for place in range(*span)}
    assert {i for i, c in enumerate(texts[0]) if c.isalpha()} <= covered
    assert "!" not in "".join(texts[0][i] for i in covered)  # on the skiplist, hence not scored


def test_hits_have_texts_and_matches(folder, tiny_student):
    searcher = Searcher({"sw": tiny_student}, DiskIndex.open(folder))
    query = "maize market"
    (hits,) = searcher.search(query, k=4)
    (expected,) = searcher.index.search(tiny_student.encode_query([query]), 4)
    assert [(hit.id, hit.score) for hit in hits] == expected
    assert {hit.id: hit.text for hit in hits} == dict(zip(IDS, TEXTS, strict=True))
    assert {hit.id: hit.metadata.get("topic") for hit in hits}["a"] == "farm"
    tokens = tiny_student.encode_query([query])[0]
    for hit in hits:
        assert [match.query_text for match in hit.matches] == ["maize", "market"]
        similarities = tokens @ searcher.index.document(hit.id).embeddings.T
        best = similarities.amax(1)
        assert [match.similarity for match in hit.matches] == pytest.approx(best[2:4].tolist(), abs=1e-5)
        for match in hit.matches:
            assert match.query_text == query[slice(*match.query)]
            assert match.document is None or match.document_text == hit.text[slice(*match.document)]
        assert best.sum().item() == pytest.approx(hit.score, abs=1e-4)
    assert any(match.document for hit in hits for match in hit.matches)
    assert searcher.search([query], matches=False)[0][0].matches == []


def test_filters_reach_the_index(folder, tiny_student):
    searcher = Searcher({"sw": tiny_student}, DiskIndex.open(folder))
    (hits,) = searcher.search("maize", filter={"topic": ["farm", "trade"]})
    assert {hit.id for hit in hits} == {"a", "b"}
    memory = Searcher(
        {"sw": tiny_student}, ExactIndex(IDS[:1], tiny_student.encode_query(["x"]), searcher.index.teacher_fingerprint)
    )
    with pytest.raises(ValueError, match="have no metadata to filter by"):
        memory.search("maize", filter={"topic": "farm"})


def test_an_index_in_memory_serves_too(tiny_teacher, tiny_student):
    index = ExactIndex.build(tiny_teacher, IDS, TEXTS)
    (hits,) = Searcher({"sw": tiny_student}, index).search("maize", k=2)
    assert [(hit.id, hit.score) for hit in hits] == index.search(tiny_student.encode_query(["maize"]), 2)[0]
    assert hits[0].text == TEXTS[IDS.index(hits[0].id)]
    assert all(match.document is None for match in hits[0].matches)


def test_a_colbert_checkpoint_of_another_library_answers_in_english(encoder_dir, tmp_path):
    colbert = tmp_path / "colbert"
    shutil.copytree(encoder_dir("bert"), colbert)
    weights = {f"bert.{name}": weight for name, weight in load_file(colbert / "model.safetensors").items()}
    save_file(weights | {"linear.weight": torch.randn(16, 32)}, colbert / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((colbert / "config.json").read_text())
    (colbert / "config.json").write_text(json.dumps(config | {"architectures": ["HF_ColBERT"]}))
    index = ExactIndex.build(OpticalTeacherModel.from_colbert(str(colbert)), IDS, TEXTS)
    searcher = Searcher.from_pretrained({"en": colbert}, index=index)
    assert searcher.languages == ["en"]
    assert searcher.search(TEXTS[0], 1)[0][0].id == IDS[0]


def test_several_students_on_one_index(folder, student_folders):
    paths = [student_folders / "sw", student_folders / "ha"]
    searcher = Searcher.from_pretrained(paths, index=folder)
    assert searcher.search("maji", language="sw") == searcher.search("maji", language=str(paths[0]))
    assert searcher.student("ha") is searcher.students[str(paths[1])]
    with pytest.raises(ValueError, match="2 students are loaded: say the language"):
        searcher.search("maji")
    with pytest.raises(ValueError, match=r"no student for language 'so': there are .*sw, ha"):
        searcher.search("maji", language="so")
    named = Searcher.from_pretrained({"swahili": paths[0], "hausa": paths[1]}, index=DiskIndex.open(folder))
    with pytest.raises(ValueError, match="did you mean 'hausa'"):
        named.search("maji", language="hausaa")
    assert named.languages == ["swahili", "hausa", "sw", "ha"]
    same = Searcher.from_pretrained({"one": paths[0], "two": paths[0]}, index=folder)
    with pytest.raises(ValueError, match="several students speak 'sw': choose one by its name, one or two"):
        same.search("maji", language="sw")
    with pytest.raises(ValueError, match="students must be different"):
        Searcher.from_pretrained([paths[0], paths[0]], index=folder)
    with pytest.raises(ValueError, match="needs a student"):
        Searcher.from_pretrained([], index=folder)
    (one,) = Searcher.from_pretrained(paths[0], index=folder).search(["maji"])
    assert one


def test_a_student_of_another_teacher_is_refused(folder, tiny_teacher):
    other = copy.deepcopy(tiny_teacher)
    with torch.no_grad():
        other.linear.weight.mul_(-1)
    stranger = OpticalStudentModel.from_teacher(other, languages=["ha"])
    with pytest.raises(TeacherMismatchError, match=f"{other.fingerprint()}.*{tiny_teacher.fingerprint()}"):
        Searcher({"ha": stranger}, DiskIndex.open(folder))


def test_a_moved_index_opens(folder, tiny_student, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert Searcher({"sw": tiny_student}, DiskIndex.open(moved)).search("maize")


def test_a_student_of_documents_is_refused_in_plain_words(tiny_teacher, folder):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], side="document")
    with pytest.raises(ValueError, match="student sw was distilled to encode documents, not questions: give one"):
        Searcher({"sw": student}, DiskIndex.open(folder))
