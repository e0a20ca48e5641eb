"""Rank fusion: by hand, against Qdrant's, and what must hold of any rankings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.search import reciprocal_rank_fusion

_rankings = st.lists(
    st.lists(st.sampled_from("abcdefgh"), unique=True).map(lambda ids: [(i, 1.0 - n) for n, i in enumerate(ids)]),
    min_size=1,
    max_size=4,
)


def test_a_document_that_both_have_comes_first() -> None:
    fused = reciprocal_rank_fusion([[("a", 9.0), ("b", 8.0)], [("c", 3.0), ("b", 2.0)]], [1, 0.5])
    assert [document for document, _ in fused] == ["b", "a", "c"]
    assert dict(fused) == pytest.approx({"b": 1.5 / 62, "a": 1 / 61, "c": 0.5 / 61})


@given(_rankings)
def test_as_qdrant_has_it(rankings: list[list[tuple[str, float]]]) -> None:
    fusion = pytest.importorskip("qdrant_client.hybrid.fusion")
    models = pytest.importorskip("qdrant_client.models")
    points = [[models.ScoredPoint(id=ord(i), version=0, score=score) for i, score in ranking] for ranking in rankings]
    theirs = fusion.reciprocal_rank_fusion(points, limit=100, ranking_constant_k=61)  # they count ranks from 0
    ours = reciprocal_rank_fusion(rankings)
    assert {chr(point.id): point.score for point in theirs} == pytest.approx(dict(ours))
    assert [score for _, score in ours] == pytest.approx([point.score for point in theirs])


@given(_rankings, st.integers(1, 10))
def test_what_is_in_no_other_ranking_keeps_its_order(rankings: list[list[tuple[str, float]]], k: int) -> None:
    assert reciprocal_rank_fusion(rankings[:1]) == [
        (document, 1 / (60 + rank)) for rank, (document, _) in enumerate(rankings[0], 1)
    ]
    fused = reciprocal_rank_fusion(rankings)
    assert {document for document, _ in fused} == {document for ranking in rankings for document, _ in ranking}
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)
    assert reciprocal_rank_fusion(rankings, k=k) == fused[:k]
    alone = reciprocal_rank_fusion(rankings, [1.0] + [0.0] * (len(rankings) - 1))
    assert [document for document, _ in alone] == [document for document, _ in rankings[0]]


@pytest.mark.parametrize(
    ("rankings", "options", "message"),
    [
        ([[("a", 1.0)]], {"weights": [1, 1]}, "1 rankings, but 2 weights"),
        ([[("a", 1.0)]], {"weights": [-1]}, "none negative"),
        ([[("a", 1.0)]], {"weights": [math.nan]}, "finite"),
        ([[("a", 1.0)]], {"weights": [0]}, "not all zero"),
        ([[("a", 1.0)]], {"constant": -1}, "constant"),
        ([[("a", 1.0)]], {"k": 0}, "k must be at least 1"),
        ([[("a", 1.0), ("a", 0.5)]], {}, "holds document a twice"),
    ],
)
def test_bad_arguments_are_refused(rankings: list, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reciprocal_rank_fusion(rankings, **options)
