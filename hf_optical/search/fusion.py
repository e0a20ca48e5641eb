"""Rankings of one query by several systems, made into one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

# Ranks count from here: the larger, the less the first places count more than those behind them (60 in the paper).
RANK_CONSTANT = 60
# What BM25 of the untranslated question counts beside a student: chosen on the Hausa and Igbo development questions.
LEXICAL_WEIGHT = 0.5
# How deep the rankings are that are joined, at least.
FUSION_DEPTH = 100


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[tuple[str, float]]],
    weights: Sequence[float] | None = None,
    *,
    k: int | None = None,
    constant: float = RANK_CONSTANT,
) -> list[tuple[str, float]]:
    """One ranking of several: a document scores the sum of `weight / (constant + rank)` over the rankings that have it.

    Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), with a weight for each system. Only ranks count, so scores
    need not be of one kind: MaxSim and BM25 can be joined.

    Args:
        rankings: `(document id, score)` of each system, best first.
        weights: of each; default: 1.
        k: how many documents to return; default: all.
        constant: what is added to a rank, which counts from 1.

    Returns:
        `(document id, fused score)`, best first; equal scores in the order of first appearance.

    Raises:
        ValueError: numbers of rankings and weights differ, a weight is negative or not finite, all are zero, the constant is
            negative, k is less than 1, or a ranking holds a document twice.

    Example:
        >>> reciprocal_rank_fusion([[("a", 9.1), ("b", 8.7)], [("b", 3.2)]], [1, 0.5])[0][0]
        'b'
    """
    weights = [1.0] * len(rankings) if weights is None else list(weights)
    if len(weights) != len(rankings):
        raise ValueError(f"{len(rankings)} rankings, but {len(weights)} weights.")
    if any(not math.isfinite(weight) or weight < 0 for weight in weights) or (weights and not any(weights)):
        raise ValueError(f"weights must be finite, none negative and not all zero, got {weights}.")
    if constant < 0:
        raise ValueError(f"the constant must not be negative, got {constant}.")
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    scores: dict[str, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        if len({document for document, _ in ranking}) < len(ranking):
            twice = next(document for document, count in Counter(d for d, _ in ranking).items() if count > 1)
            raise ValueError(f"a ranking holds document {twice} twice.")
        if weight:
            for rank, (document, _) in enumerate(ranking, 1):
                scores[document] = scores.get(document, 0.0) + weight / (constant + rank)
    return sorted(scores.items(), key=lambda item: -item[1])[:k]
