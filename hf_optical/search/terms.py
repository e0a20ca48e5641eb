"""What BM25 counts: words, or the n-grams of words written in Latin letters."""

from __future__ import annotations

import re

# Function words of English: a foreign word that happens to be spelt like one of them should not find half the collection.
_STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by did do does for from how in it is of on or that the to was were what when where which who with",
    )
)
# Stands before and behind a word, so that beginnings and ends are n-grams of their own.
_EDGE = "_"


def words(text: str) -> list[str]:
    """Lower-cased words without English stopwords."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _STOPWORDS]


def latin(text: str) -> str:
    """The text in small ASCII letters, letter by letter as anyascii has them (https://github.com/anyascii/anyascii).

    Example:
        >>> latin("Ẹ̀kọ́ Варшава")
        'eko varshava'
    """
    if text.isascii():
        return text.lower()
    from anyascii import anyascii

    return anyascii(text).lower()


def character_ngrams(word: str, n: int) -> list[str]:
    """The n-grams of a word with its edges; a word that has no more than n characters with them is one.

    Character n-gram tokenisation (McNamee and Mayfield, Information Retrieval 2004): languages that write a loan or a name a little
    otherwise share most of its n-grams.

    Example:
        >>> character_ngrams("somalia", 4)
        ['_som', 'soma', 'omal', 'mali', 'alia', 'lia_']
    """
    edged = f"{_EDGE}{word}{_EDGE}"
    return [edged[i : i + n] for i in range(max(1, len(edged) - n + 1))]
