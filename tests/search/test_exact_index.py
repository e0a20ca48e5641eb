"""Exact search equals brute force, bit by bit in its order, and refuses what it cannot search."""

import copy
import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.models import OpticalStudentModel, TeacherMismatchError, maxsim
from hf_optical.search import ExactIndex, exact_index


def ragged(lengths, dim=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.functional.normalize(torch.randn(n, dim, generator=generator), dim=-1) for n in lengths]


def whole_numbers(lengths, dim=3, seed=0):
    """Small whole numbers: exact in float32, whatever the order of the sums, and with many ties."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(-1, 2, (n, dim), generator=generator).float() for n in lengths]


def names(documents):
    return [f"d{i}" for i in range(len(documents))]


def brute_force(documents, queries, k):
    """Every query with every document in float64, then a stable sort."""
    results = []
    for query in queries:
        scores = [
            (f"d{i}", (query.double() @ document.double().T).amax(1).sum().item())
            for i, document in enumerate(documents)
            if len(document)
        ]
        results.append(sorted(scores, key=lambda hit: -hit[1])[:k] if len(query) else [])
    return results


@pytest.mark.parametrize("k", [1, 7, 10_000])
@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_it_equals_brute_force(k, batch_size):
    lengths = torch.randint(0, 60, (700,), generator=torch.Generator().manual_seed(3)).tolist()
    documents, queries = ragged(lengths), ragged([1, 9, 32, 4, 0, 17, 2], seed=1)
    index = ExactIndex(names(documents), documents, "t")
    assert len(index._blocks) > 2
    assert len(index) == 700
    found = index.search(queries, k, batch_size=batch_size)
    for mine, theirs in zip(found, brute_force(documents, queries, k), strict=True):
        assert [i for i, _ in mine] == [i for i, _ in theirs]
        assert [s for _, s in mine] == pytest.approx([s for _, s in theirs], abs=1e-5)


@given(
    lengths=st.lists(st.integers(0, 7), max_size=40),
    query_lengths=st.lists(st.integers(0, 5), max_size=5),
    k=st.integers(1, 45),
    batch_size=st.integers(1, 6),
    per_block=st.sampled_from([1, 8, 20, 2048]),
    waiting=st.sampled_from([1, 30, 100_000]),
    seed=st.integers(0, 1000),
)
def test_ties_come_in_the_order_of_the_documents(lengths, query_lengths, k, batch_size, per_block, waiting, seed):
    documents, queries = whole_numbers(lengths, seed=seed), whole_numbers(query_lengths, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_index, "_TOKENS_PER_BLOCK", per_block)
        patch.setattr(exact_index, "_TOKENS_WAITING", waiting)
        index = ExactIndex(names(documents), documents, "t")
    assert index.search(queries, k, batch_size=batch_size) == brute_force(documents, queries, k)


def test_equal_documents_score_equally_wherever_they_lie():
    lengths = [5, 30, 60, 90] * 300
    documents = ragged(lengths, dim=128)
    documents += [documents[7].clone() for _ in range(9)]
    documents[3] = documents[7].clone()
    (found,) = ExactIndex(names(documents), documents, "t").search([documents[7][:20]], 12)
    assert [i for i, _ in found[:11]] == ["d3", "d7", *(f"d{i}" for i in range(1200, 1209))]
    assert len({score for _, score in found[:11]}) == 1


def test_scores_are_those_of_maxsim():
    documents, queries = ragged([4, 4, 4]), ragged([3, 3], seed=1)
    scores = ExactIndex(names(documents), documents, "t").scores(queries)
    assert torch.allclose(scores, maxsim(torch.stack(queries), torch.stack(documents)), atol=1e-6)


def test_documents_and_queries_without_tokens():
    documents = [torch.zeros(0, 8), *ragged([3, 1]), torch.zeros(0, 8)]
    index = ExactIndex(names(documents), documents, "t")
    queries = [torch.zeros(0, 8), *ragged([2], seed=1)]
    assert index.search(queries[:1], 5) == [[]]
    assert index.scores(queries[:1]).tolist() == [[-torch.inf, 0.0, 0.0, -torch.inf]]
    nothing, something = index.search(queries, 5)
    assert nothing == []
    assert {i for i, _ in something} == {"d1", "d2"}
    empty = ExactIndex(["d0"], documents[:1], "t")
    assert empty.search(queries, 5) == [[], []]
    assert ExactIndex([], [], "t").search(queries, 5) == [[], []]
    assert index.search([], 5) == []


def test_negative_scores_are_found_and_padding_never_wins():
    """Padding with zeros would beat every token of a document that points away from the query."""
    documents = [-torch.eye(4)[:1], -torch.eye(4)[:1].repeat(5, 1)]
    assert ExactIndex(["a", "b"], documents, "t").search([torch.eye(4)[:1]], 5) == [[("a", -1.0), ("b", -1.0)]]


def test_the_same_search_gives_the_same_floats():
    documents, queries = ragged([20, 40, 60] * 100, dim=32), ragged([32] * 7, dim=32, seed=1)
    first = ExactIndex(names(documents), documents, "t").search(queries, 50)
    assert ExactIndex(names(documents), documents, "t").search(queries, 50) == first


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floats_are_searched_in_float32(dtype):
    documents, queries = [d.to(dtype) for d in ragged([3, 5])], [q.to(dtype) for q in ragged([4], seed=1)]
    index = ExactIndex(names(documents), documents, "t")
    exact = brute_force(documents, queries, 2)[0]
    assert index.search(queries, 2)[0] == [(i, pytest.approx(score, abs=1e-6)) for i, score in exact]


def test_embeddings_with_a_graph_are_taken_as_numbers():
    documents = [d.requires_grad_() for d in ragged([3, 5])]
    index = ExactIndex(names(documents), documents, "t")
    assert not index.scores([q.requires_grad_() for q in ragged([2], seed=1)]).requires_grad
    assert all(not block.requires_grad for _, block in index._blocks)


def test_later_changes_of_the_embeddings_do_not_reach_the_index():
    documents = ragged([3, 5])
    index = ExactIndex(names(documents), documents, "t")
    before = index.search(documents, 2)
    queries = [d.clone() for d in documents]
    for document in documents:
        document.zero_()
    assert index.search(queries, 2) == before


@pytest.mark.parametrize(
    ("ids", "shapes", "texts", "message"),
    [
        (["a"], [(1, 4), (1, 4)], None, "1 ids, but 2 documents"),
        (["a", "b"], [(1, 4)], None, "2 ids, but 1 documents"),
        (["a", "b", "a"], [(1, 4)] * 3, None, "unique, but 'a' occurs twice"),
        (["a"], [(1, 4)], ["x", "y"], "1 ids, but 2 texts"),
        (["a", "b"], [(1, 4), (1, 5)], None, r"document 1 has embeddings of shape \(1, 5\), not \(tokens, 4\)"),
        (["a"], [(4,)], None, r"document 0 has embeddings of shape \(4,\), not \(tokens, d\)"),
    ],
)
def test_bad_documents_are_refused(ids, shapes, texts, message):
    with pytest.raises(ValueError, match=message):
        ExactIndex(ids, [torch.ones(shape) for shape in shapes], "t", texts)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_embeddings_that_are_not_finite_are_refused(value):
    broken = torch.full((2, 4), value)
    with pytest.raises(ValueError, match="document 1 has embeddings that are not finite"):
        ExactIndex(["a", "b"], [torch.ones(1, 4), broken], "t")
    with pytest.raises(ValueError, match="query 1 has embeddings that are not finite"):
        ExactIndex(["a"], [torch.ones(1, 4)], "t").search([torch.ones(1, 4), broken])


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": -3}, {"batch_size": 0}, {"batch_size": -1}])
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be at least 1"):
        ExactIndex(["a"], [torch.ones(1, 4)], "t").search([torch.ones(1, 4)], **arguments)


def test_queries_of_another_width_are_refused():
    index = ExactIndex(["a"], [torch.ones(1, 4)], "t")
    with pytest.raises(ValueError, match=r"query 1 has embeddings of shape \(1, 3\), not \(tokens, 4\)"):
        index.search([torch.ones(1, 4), torch.ones(1, 3)])


def test_build_encodes_every_document(tiny_teacher, monkeypatch):
    monkeypatch.setattr(exact_index, "_DOCUMENTS_PER_CHUNK", 2)
    texts = ["Maize is dried.", "Water!", "", "The market is held on Saturday, by the lake.", "A lion sleeps in the tree."]
    index = ExactIndex.build(tiny_teacher, list("abcde"), texts, batch_size=2)
    assert index.texts == dict(zip("abcde", texts, strict=True))
    queries = tiny_teacher.encode_query(["where is the market?", "maize"])
    whole = ExactIndex(list("abcde"), tiny_teacher.encode_document(texts), tiny_teacher.fingerprint())
    assert torch.allclose(index.scores(queries), whole.scores(queries), atol=1e-4)
    assert [i for i, _ in index.search(queries, 1)[0]] == [i for i, _ in whole.search(queries, 1)[0]]


def test_build_holds_documents_twice_only_while_they_wait(tiny_teacher, monkeypatch):
    """Embeddings as the model gives them are let go while the index grows."""
    given_out, alive = [], []

    def encode_document(texts, **_):
        alive.append(sum(reference() is not None for reference in given_out))
        documents = [torch.ones(10, 7) for _ in texts]
        given_out.extend(map(weakref.ref, documents))
        return documents

    monkeypatch.setattr(tiny_teacher, "encode_document", encode_document)
    monkeypatch.setattr(exact_index, "_DOCUMENTS_PER_CHUNK", 20)
    monkeypatch.setattr(exact_index, "_TOKENS_WAITING", 300)
    index = ExactIndex.build(tiny_teacher, [f"d{i}" for i in range(400)], ["x"] * 400)
    assert len(index) == 400
    assert len(alive) == 20
    assert max(alive) <= 60  # those that wait, and the last chunk


def test_who_may_search(tiny_teacher, tiny_student):
    index = ExactIndex.build(tiny_teacher, ["a"], ["water"])
    index.check_model(tiny_teacher)
    index.check_model(tiny_student)

    other = copy.deepcopy(tiny_teacher)
    other.name_or_path = "org/other-teacher"
    with torch.no_grad():
        other.linear.weight.mul_(-1)
    stranger = OpticalStudentModel.from_teacher(other, languages=["sw"])
    index.teacher_name = "org/first-teacher"
    both = f"(?s)(?=.*org/first-teacher)(?=.*{tiny_teacher.fingerprint()})(?=.*org/other-teacher)(?=.*{other.fingerprint()})"
    for model in (stranger, other):
        with pytest.raises(TeacherMismatchError, match=both):
            index.check_model(model)
