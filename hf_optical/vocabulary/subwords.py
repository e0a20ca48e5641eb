"""Pieces of words: neighbouring pieces that occur together in many words, joined step by step."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from .english_guard import EnglishGuard
from .extensible import ExtensibleVocabulary
from .initialisation import mix
from .units import Unit


def learn_subwords(
    words: Mapping[tuple[str, ...], int],
    protected: Mapping[tuple[str, ...], int],
    count: int,
    join: Callable[[Sequence[str]], str],
    known: Iterable[str],
    *,
    min_count: int = 2,
    tolerance: float = 0.0,
) -> list[str]:
    """Byte-pair encoding (Sennrich et al., ACL 2016, arXiv 1508.07909) that starts from the pieces which words have already.

    Args:
        words: pieces of a word -> weight.
        protected: pieces of words that are to stay as they are -> weight: no pair is joined that has more than `tolerance` of its
            weight in these.
        count: how many pieces to learn.
        join: the token for two neighbouring pieces.
        known: tokens that are in the vocabulary: joined, but not counted as learnt.
        min_count: the weight that a pair must have.

    Returns:
        New tokens, the first learnt first; fewer than `count` if no pair is left.
    """
    kept: Counter[tuple[str, str]] = Counter()
    for pieces, weight in protected.items():
        for pair in pairwise(pieces):
            kept[pair] += weight
    known = set(known)
    split = [list(pieces) for pieces in words]
    weights = list(words.values())
    pairs: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for i, pieces in enumerate(split):
        for pair in pairwise(pieces):
            pairs[pair] += weights[i]
            where[pair].add(i)
    forbidden = {pair for pair, weight in kept.items() if weight > tolerance * pairs[pair]}
    queue = [(-weight, pair) for pair, weight in pairs.items() if pair not in forbidden]
    heapq.heapify(queue)
    learnt: dict[str, None] = {}
    while queue and len(learnt) < count:
        weight, pair = heapq.heappop(queue)
        if -weight != pairs[pair]:  # it has changed since: once more, with its present weight
            if pairs[pair] >= min_count:
                heapq.heappush(queue, (-pairs[pair], pair))
            continue
        if -weight < min_count:
            break
        token = join(pair)
        if token not in known:
            learnt[token] = None
        changed: set[tuple[str, str]] = set()
        for i in sorted(where.pop(pair)):
            before, after = split[i], _joined(split[i], pair, token)
            if len(after) == len(before):
                continue
            for old in pairwise(before):
                pairs[old] -= weights[i]
            for new in pairwise(after):
                pairs[new] += weights[i]
                where[new].add(i)
                changed.add(new)
            split[i] = after
        pairs[pair] = 0
        for new in changed:
            if new not in forbidden and pairs[new] >= min_count:
                heapq.heappush(queue, (-pairs[new], new))
    return list(learnt)


def _joined(pieces: list[str], pair: tuple[str, str], token: str) -> list[str]:
    result: list[str] = []
    i = 0
    while i < len(pieces):
        if tuple(pieces[i : i + 2]) == pair:
            result.append(token)
            i += 2
        else:
            result.append(pieces[i])
            i += 1
    return result


def learn_parts(
    vocabulary: ExtensibleVocabulary, units: Mapping[str, Unit], guard: EnglishGuard, words: Iterable[str], count: int
) -> list[str]:
    """At most `count` parts of words beside the whole words that are added, learnt from words that have a translation and no names.

    Every word counts once: what is wanted is parts of the many rare words.
    """
    spelt: Counter[tuple[str, ...]] = Counter()
    for unit in units.values():
        if unit.translations and not unit.is_name:
            spelt[tuple(unit.pieces)] += 1
    protected: Counter[tuple[str, ...]] = Counter()
    for pieces in guard.before:
        protected[tuple(pieces)] += 1
    known = {*vocabulary.tokenizer.get_vocab(), *words}
    return learn_subwords(spelt, protected, count, vocabulary.join, known, tolerance=guard.tolerance)


def translations_of_parts(
    vocabulary: ExtensibleVocabulary, units: Mapping[str, Unit], parts: Sequence[str]
) -> dict[str, dict[str, float]]:
    """For each part the translations of the words that have it, by how often they occur; parts that none has are left out."""
    found: dict[str, list[tuple[float, Mapping[str, float]]]] = {part: [] for part in parts}
    if parts:
        told = [unit for unit in units.values() if unit.translations and not unit.is_name]
        spelt = vocabulary.spell([unit.form for unit in told], vocabulary.backend_with([], parts))
        for unit, pieces in zip(told, spelt, strict=True):
            for piece in sorted(found.keys() & set(pieces)):
                found[piece].append((unit.count, unit.translations))
    return {part: mix(told) for part, told in found.items() if told}
