"""From tokens to words: which words of a passage the words of a question found."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ..lexicon.words import split_words
from ..search import Hit
from ..search.token_spans import NO_SPAN, Span


@dataclass(frozen=True)
class Word:
    """A word of a text. Attributes: `text` as it stands there; `start`, `end` in characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class WordMatch:
    """A word of the query, the word of the passage that one of its tokens found, and how similar the two tokens are (at most 1).

    Attributes:
        query: index of the query's word, counted from 0.
        passage: start and end of the passage's word in characters.
        similarity: the largest of the tokens of this pair of words.
    """

    query: int
    passage: Span
    similarity: float


def words_of(text: str) -> list[Word]:
    """The words of a text with their places; punctuation is none.

    Example:
        >>> words_of("Maji, safi?")
        [Word(text='Maji', start=0, end=4), Word(text='safi', start=6, end=10)]
    """
    found, start = [], 0
    for piece, is_word in split_words(text):
        if is_word:
            found.append(Word(piece, start, start + len(piece)))
        start += len(piece)
    return found


def word_at(words: Sequence[Word], span: Span) -> int | None:
    """Index of the word in which a token begins; None if it stands in none (punctuation, [CLS])."""
    if span == NO_SPAN:
        return None
    # a token may hold the space before its word: its last character decides
    last = span[1] - 1
    index = bisect_right(words, last, key=lambda word: word.start) - 1
    return index if index >= 0 and last < words[index].end else None


def word_matches(query_words: Sequence[Word], hit: Hit) -> list[WordMatch]:
    """The matches of a hit, by words: of every pair of words its best pair of tokens, in the order of the passage.

    Args:
        query_words: `words_of` the query that found it.
    """
    passage_words = words_of(hit.text)
    best: dict[tuple[int, int], float] = {}
    for match in hit.matches:
        if match.document is None:
            continue
        query, passage = word_at(query_words, match.query), word_at(passage_words, match.document)
        if query is not None and passage is not None:
            best[query, passage] = max(match.similarity, best.get((query, passage), -1.0))
    ordered = sorted(best.items(), key=lambda entry: (entry[0][1], -entry[1]))
    return [WordMatch(query, (passage_words[p].start, passage_words[p].end), value) for (query, p), value in ordered]
