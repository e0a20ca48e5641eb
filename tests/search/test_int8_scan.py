"""What the integers say is within the bound they give, and the index finds with them what it finds without."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.search import ExactIndex, exact_index, int8_scan
from hf_optical.search.candidates import Candidates
from hf_optical.search.int8_scan import Int8Block, Int8Queries, int8_is_faster
from hf_optical.search.scoring import maxsim_scores, membership

pytestmark = pytest.mark.skipif(not int8_is_faster(), reason="no fast product of int8 matrices on this processor")


def vectors(*shape, scale=1.0, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


@given(
    documents=st.integers(1, 9),
    length=st.integers(1, 9),
    queries=st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
    dim=st.sampled_from([2, 3, 16, 128]),
    scale=st.sampled_from([1e-25, 1e-3, 1.0, 1e4, 1e24]),
    outlier=st.booleans(),
    per_token=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_score_is_further_off_than_its_bound(documents, length, queries, dim, scale, outlier, per_token, seed):
    block = vectors(documents, length, dim, scale=scale, seed=seed)
    asked = [vectors(n, dim, seed=seed + 1) for n in queries]
    if outlier:  # one large value coarsens the steps of all others
        block[0, 0, 0] *= 1000
        asked[0][:1] *= 1000
    stored = Int8Block.quantise(block)
    if per_token:  # as an index on disk has it
        scale = block.abs().amax(2) / 127
        values = (block / scale[:, :, None]).round()
        block = values * scale[:, :, None]
        stored = Int8Block(values.to(torch.int8), scale, torch.zeros(documents), block.double().norm(dim=2).amax(1).float())
    scores, bounds = Int8Queries.quantise(torch.cat(asked), membership(asked)).scan([stored])
    for number, query in enumerate(asked):
        exact = (block.double() @ query.double().T).amax(1).sum(1)
        single = maxsim_scores(query, list(block)) if len(query) else torch.zeros(documents)
        assert ((scores[:, number] - exact).abs() <= bounds[:, number]).all()
        assert ((scores[:, number] - single).abs() <= bounds[:, number]).all()


def test_the_bound_is_tight_enough_to_be_of_use():
    block = torch.nn.functional.normalize(vectors(50, 90, 128), dim=-1)
    query = torch.nn.functional.normalize(vectors(32, 128, seed=1), dim=-1)
    _, bounds = Int8Queries.quantise(query, membership([query])).scan([Int8Block.quantise(block)])
    assert bounds.max() < 32 * 0.025


@given(
    lengths=st.lists(st.integers(0, 7), max_size=40),
    query_lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    k=st.integers(1, 45),
    batch_size=st.integers(1, 6),
    whole=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_the_index_finds_the_same_with_and_without_integers(lengths, query_lengths, k, batch_size, whole, seed):
    def make(lengths, seed):
        return [vectors(n, 3, seed=seed + i).round() if whole else vectors(n, 3, seed=seed + i) for i, n in enumerate(lengths)]

    documents, queries = make(lengths, seed), make(query_lengths, seed + 100)
    index = ExactIndex([f"d{i}" for i in range(len(lengths))], documents, "t")
    plain = index.search(queries, k, batch_size=batch_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExactIndex, "_prefers_int8", lambda self, k: 0 < k <= len(self._places))
        found = index.search(queries, k, batch_size=batch_size)
    if whole:
        assert found == plain
    for mine, theirs in zip(found, plain, strict=True):
        assert [s for _, s in mine] == pytest.approx([s for _, s in theirs], abs=1e-5)


def test_integers_are_used_for_many_documents(monkeypatch):
    lengths = [3] * 600
    index = ExactIndex([f"d{i}" for i in range(600)], [vectors(n, 16, seed=i) for i, n in enumerate(lengths)], "t")
    monkeypatch.setattr(ExactIndex, "scores", lambda *_: pytest.fail("every document was scored in float32"))
    queries = [vectors(4, 16, seed=1000 + i) for i in range(3)]
    assert all(len(found) == 10 for found in index.search(queries, 10))


def test_where_all_look_alike_every_document_is_scored():
    """600 documents within the bound of each other: the best is found nevertheless."""
    base = torch.nn.functional.normalize(vectors(1, 64), dim=-1)
    documents = [base + 1e-6 * vectors(1, 64, seed=i + 1) for i in range(600)]
    (found,) = ExactIndex([f"d{i}" for i in range(600)], documents, "t").search([base], 3)
    exact = [(base.double() @ document.double().T).item() for document in documents]
    assert [s for _, s in found] == pytest.approx(sorted(exact, reverse=True)[:3], abs=1e-7)


@pytest.mark.parametrize("value", [1e30, 3e38])
def test_values_that_no_bound_holds_for_are_scored_in_float32(value):
    documents = [vectors(2, 4, seed=i) for i in range(600)]
    documents[77] = torch.full((2, 4), value)
    (found,) = ExactIndex([f"d{i}" for i in range(600)], documents, "t").search([torch.ones(1, 4) * 0.2], 2)
    assert not int8_scan.fits_int8(1)  # torch._int_mm returns nonsense then
    assert found[0] == ("d77", pytest.approx(value * 0.8))


@pytest.mark.parametrize(
    "broken", [lambda *_: (_ for _ in ()).throw(RuntimeError("not here")), lambda a, b: (a.int() @ b.int()) // 2]
)
def test_without_a_right_product_the_search_is_in_float32(monkeypatch, broken):
    monkeypatch.setattr(torch, "_int_mm", broken)
    assert not int8_is_faster.__wrapped__()
    monkeypatch.setattr(exact_index, "int8_is_faster", int8_scan.int8_is_faster.__wrapped__)
    index = ExactIndex([f"d{i}" for i in range(600)], [vectors(2, 4, seed=i) for i in range(600)], "t")
    assert len(index.search([vectors(2, 4)], 10)[0]) == 10


@given(
    portions=st.lists(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 2)), max_size=8), max_size=5),
    k=st.integers(1, 10),
)
def test_no_document_that_could_be_among_the_best_is_lost(portions, k):
    candidates, first = Candidates(1, k), 0
    for portion in portions:
        rows = torch.tensor(portion).reshape(-1, 2).T
        candidates.add(first, rows[:1], rows[1:])
        first += len(portion)
    flat = [entry for portion in portions for entry in portion]
    least = sorted((score - bound for score, bound in torch.tensor(flat).reshape(-1, 2).tolist()), reverse=True)
    threshold = least[k - 1] if len(least) >= k else -torch.inf
    (kept,) = candidates.positions
    wanted = {i for i, (score, bound) in enumerate(flat) if score + bound > threshold + 1e-5}
    assert wanted <= set(kept.tolist())
    assert kept.tolist() == sorted(kept.tolist())
