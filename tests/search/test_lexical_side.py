"""BM25 beside a student: fused as by hand, with filters, deletions, and documents that only their letters find."""

import random

import pytest
import torch

from hf_optical.models import OpticalStudentModel
from hf_optical.search import Bm25Index, DiskIndex, ExactIndex, Searcher
from hf_optical.search.lexical_side import lexical_index
from hf_optical.search.token_spans import NO_SPAN, query_spans

COUNT = 260
# Passages that share a name with a question, in all parts of the collection.
NAMED = range(3, COUNT, 23)
WORDS = [
    "water",
    "maize",
    "farm",
    "market",
    "child",
    "school",
    "lake",
    "river",
    "seed",
    "rain",
    "store",
    "price",
    "book",
    "ship",
    "lion",
]
QUERIES = ["maji mombasa mji price", "mahindi 1987 lake", "habari"]  # of the last, BM25 knows no word


def texts_of():
    shuffled = random.Random(1)
    texts = [" ".join(shuffled.choices(WORDS, k=shuffled.randint(2, 8))) for _ in range(COUNT)]
    for place in NAMED:
        texts[place] += " Mombasa"
    texts[50] += " 1987"
    return texts


TEXTS = texts_of()
IDS = [f"d{i}" for i in range(COUNT)]
METADATA = [{"third": i % 3} for i in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_teacher):
    folder = tmp_path_factory.mktemp("index") / "index"
    DiskIndex.build(folder, tiny_teacher, IDS, TEXTS, METADATA, show_progress_bar=False)
    return folder


@pytest.fixture(scope="module")
def searcher(folder, tiny_student):
    index = DiskIndex.open(folder)
    return Searcher({"sw": tiny_student}, index, lexical=Bm25Index(IDS, TEXTS))


def by_hand(index, student, query, k, weight, kept=None, ngrams=0):
    """Every document is ranked by either side; the first 100, or k, of each count."""
    kept = set(index.ids) if kept is None else kept
    depth = max(k, 100)
    (meaning,) = index.search(student.encode_query([query]), len(index))
    (letters,) = Bm25Index(index.ids, list(index.stored_texts()), ngrams=ngrams).search([query], len(index))
    scores = {}
    for ranking, own in ((meaning, 1.0), (letters, weight)):
        for rank, i in enumerate([i for i, _ in ranking if i in kept][:depth], 1):
            scores[i] = scores.get(i, 0) + own / (60 + rank)
    return sorted(scores.items(), key=lambda item: -item[1])[:k]


@pytest.mark.parametrize("k", [1, 10, 130])
@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_it_equals_the_formula(searcher, tiny_student, k, weight):
    for query in QUERIES:
        (hits,) = searcher.search(query, k, lexical_weight=weight)
        expected = by_hand(searcher.index, tiny_student, query, k, weight)
        assert [hit.id for hit in hits] == [i for i, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], rel=1e-12)


def test_several_questions_are_each_fused_with_their_own(searcher):
    assert [[hit.id for hit in hits] for hits in searcher.search(QUERIES, 3, lexical_weight=50)] == [
        [hit.id for hit in searcher.search(query, 3, lexical_weight=50)[0]] for query in QUERIES
    ]
    assert searcher.search(QUERIES, 1, lexical_weight=50)[1][0].id == "d50"


def test_it_equals_the_formula_in_memory(tiny_teacher, tiny_student):
    index = ExactIndex.build(tiny_teacher, IDS, TEXTS)
    searcher = Searcher({"sw": tiny_student}, index, lexical=lexical_index(index))
    (hits,) = searcher.search(QUERIES[0], 10)
    assert [(hit.id, hit.score) for hit in hits] == by_hand(index, tiny_student, QUERIES[0], 10, 0.5, ngrams=4)


@pytest.mark.parametrize("filter", [{"third": 1}, {"third": [0, 2]}, lambda metadata: metadata["third"] != 1])
def test_filters_hold_for_both_sides(searcher, tiny_student, filter):
    wanted = [1] if filter == {"third": 1} else [0, 2]
    kept = {i for i, metadata in zip(IDS, METADATA, strict=True) if metadata["third"] in wanted}
    (hits,) = searcher.search([QUERIES[0]], 12, filter=filter, lexical_weight=2.0)
    assert [(hit.id, hit.score) for hit in hits] == by_hand(searcher.index, tiny_student, QUERIES[0], 12, 2.0, kept)
    assert {hit.id for hit in hits} <= kept
    assert {hit.id for hit in hits} & {IDS[place] for place in NAMED}


def test_the_weight_of_a_call_wins(searcher, folder, tiny_student):
    alone = Searcher({"sw": tiny_student}, DiskIndex.open(folder)).search(QUERIES, 5)
    assert searcher.lexical_weight == 0.5
    assert searcher.search(QUERIES, 5) == searcher.search(QUERIES, 5, lexical_weight=0.5)
    assert searcher.search(QUERIES, 5, lexical_weight=0) == alone
    assert searcher.search(QUERIES, 5) != alone
    silent = Searcher({"sw": tiny_student}, searcher.index, lexical=Bm25Index(IDS, TEXTS), lexical_weight=0)
    assert silent.search(QUERIES, 5) == alone
    assert silent.search(QUERIES, 5, lexical_weight=0.5) == searcher.search(QUERIES, 5)


def test_what_only_letters_find_has_text_and_matches(searcher, tiny_student):
    query = QUERIES[0]
    (meaning,) = searcher.index.search(tiny_student.encode_query([query]), 100)
    (hits,) = searcher.search([query], 150, lexical_weight=5)
    only = next(place for place in NAMED if IDS[place] not in dict(meaning))
    hit = next(hit for hit in hits if hit.id == IDS[only])
    assert (hit.text, hit.metadata) == (TEXTS[only], METADATA[only])
    document = searcher.index.document(hit.id)
    tokens = tiny_student.encode_query([query])[0]
    best = (tokens @ document.embeddings.T).amax(1)
    places = [place for place, span in enumerate(query_spans(tiny_student.processor, [query])[0]) if span != NO_SPAN]
    assert [match.similarity for match in hit.matches] == pytest.approx(best[places].tolist(), abs=1e-5)
    assert any(match.document_text and match.document_text in hit.text for match in hit.matches)
    assert not searcher.search([query], 5, matches=False)[0][0].matches


def test_a_document_without_vectors_is_found_by_its_letters(tiny_teacher, tiny_student):
    student = tiny_student.encode_query(["maji"])[0]
    index = ExactIndex(["a", "b"], [student, student[:0]], tiny_teacher.fingerprint(), ["water", "Mombasa"])
    searcher = Searcher({"sw": tiny_student}, index, lexical=lexical_index(index))
    (hits,) = searcher.search("Mombasa")
    assert [(hit.id, hit.text, bool(hit.matches)) for hit in hits] == [("a", "water", True), ("b", "Mombasa", False)]


def test_it_follows_additions_and_deletions(tmp_path, tiny_teacher, tiny_student):
    texts = ["maize market", "lake Mombasa", "rain", "Mombasa port"]
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, list("abcd"), texts, show_progress_bar=False)
    searcher = Searcher({"sw": tiny_student}, index, lexical=lexical_index(index), lexical_weight=100)

    def first(count):
        hits = searcher.search("Mombasa", 10)[0]
        assert {hit.id for hit in hits} <= set(index.ids)
        return {hit.id for hit in hits[:count]}

    assert first(2) == {"b", "d"}
    other = DiskIndex.open(tmp_path / "i")
    other.delete(["b"])
    assert first(2) == {"b", "d"}  # as the index was when it was opened
    index.reload()
    assert first(1) == {"d"}
    assert "b" not in first(10)
    index.add(tiny_teacher, ["e"], ["Mombasa station"], show_progress_bar=False)
    assert first(2) == {"d", "e"}
    # the same ids in the same order, and another text
    index.delete(["e"])
    index.add(tiny_teacher, ["e"], ["snow"], show_progress_bar=False)
    assert first(1) == {"d"}
    index.compact()
    assert first(1) == {"d"}


def test_texts_are_read_without_embeddings(folder, tiny_teacher, tmp_path, monkeypatch):
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, IDS[:5], TEXTS[:5], show_progress_bar=False)
    index.delete(["d1"])
    index.add(tiny_teacher, ["x"], ["Ziwa ẹ̀kọ́ 水"], show_progress_bar=False)
    monkeypatch.setattr("hf_optical.search.segment.Segment.embeddings", lambda *_: pytest.fail("embeddings were read"))
    assert index.ids == ["d0", "d2", "d3", "d4", "x"]
    assert list(index.stored_texts()) == [TEXTS[0], *TEXTS[2:5], "Ziwa ẹ̀kọ́ 水"]
    assert DiskIndex.open(folder).ids_where({"third": 2}) == IDS[2::3]


def test_from_pretrained_builds_it(folder, tmp_path, tiny_teacher, searcher):
    OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"]).save_pretrained(tmp_path / "sw")
    alone = Searcher.from_pretrained(tmp_path / "sw", index=folder)
    assert (alone.lexical, alone.lexical_weight) == (None, 0)
    joined = Searcher.from_pretrained(tmp_path / "sw", index=folder, lexical_weight=0.5)
    assert joined.lexical_weight == 0.5
    assert joined.search(QUERIES, 7) != alone.search(QUERIES, 7)
    assert [hit.text for hit in joined.search(QUERIES[1], 1, lexical_weight=100)[0]] == [TEXTS[50]]
    for weight in (-0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="lexical_weight must be a finite number of 0 or more, got"):
            Searcher.from_pretrained(tmp_path / "sw", index=folder, lexical_weight=weight)


def test_what_cannot_be_is_told(searcher, folder, tiny_teacher, tiny_student):
    students, index = {"sw": tiny_student}, DiskIndex.open(folder)
    with pytest.raises(ValueError, match=r"there is no BM25 to give weight 0.5: make the searcher with one, or search with 0"):
        Searcher(students, index).search("maji", lexical_weight=0.5)
    for weight in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="lexical_weight must be a finite number of 0 or more"):
            searcher.search("maji", lexical_weight=weight)
        with pytest.raises(ValueError, match="lexical_weight must be"):
            Searcher(students, index, lexical_weight=weight)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        searcher.search("maji", 0)
    with pytest.raises(ValueError, match=r"holds other documents \(1\) than the index of embeddings \(260\)"):
        Searcher(students, index, lexical=Bm25Index(["x"], ["water"]))
    memory = ExactIndex(["a"], [torch.eye(tiny_student.config.embedding_dim)[:1]], tiny_teacher.fingerprint())
    with pytest.raises(ValueError, match="without the texts of its documents: give ExactIndex its `texts`"):
        lexical_index(memory)


def test_an_index_on_a_server_is_refused(tiny_teacher, tiny_student, tmp_path):
    qdrant = pytest.importorskip("hf_optical.search.qdrant_index", reason="qdrant-client is an optional extra")
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    place = {"path": tmp_path / "q", "show_progress_bar": False}
    with qdrant.QdrantIndex.build(tiny_teacher, ["a"], ["water"], **place) as index:
        with pytest.raises(ValueError, match="those of this index are on its server: build an index in a folder"):
            lexical_index(index)
        with pytest.raises(ValueError, match="those of this index are on its server"):
            Searcher({"sw": tiny_student}, index, lexical=Bm25Index(["a"], ["water"]))
