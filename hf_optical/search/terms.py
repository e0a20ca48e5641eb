"""What BM25 counts: words, or the n-grams of words written in Latin letters."""

from __future__ import annotations

import re
from functools import lru_cache

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

    Signs that it writes for letters without a sound of their own (the Russian soft sign, the Arabic hamza) are left out: they would
    part words.

    Example:
        >>> latin("Ẹ̀kọ́ Варшава, Альберт")
        'eko varshava, albert'
    """
    return in_latin_letters(text).lower()


def in_latin_letters(text: str) -> str:
    """As `latin`, with capitals."""
    return text if text.isascii() else "".join(map(_latin, text))


@lru_cache(65_536)
def _latin(letter: str) -> str:
    from anyascii import anyascii

    spelt = anyascii(letter)
    return "".join(filter(str.isalnum, spelt)) if letter.isalpha() else spelt


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
