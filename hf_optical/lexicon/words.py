"""Words of a text, in any script that parts words by spaces, and the key under which a word is looked up."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# What joins two letters into one word and is punctuation anywhere else: apostrophes, hyphens, zero-width (non-)joiners.
_APOSTROPHES = "'\u2018\u2019"
_HYPHENS = "\\-\u2010\u2011"
_INNER = f"[{_APOSTROPHES}{_HYPHENS}\u200c\u200d]"
# One spelling of each, so that ng’ombe and ng'ombe are one word.
_ONE_SPELLING = str.maketrans({"\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2011": "-"})


@cache
def _word() -> re.Pattern[str]:
    r"""A word: letters and digits, each with its combining marks (which `\w` leaves out), joined by inner signs."""
    codes = [code for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)) if unicodedata.category(chr(code))[0] == "M"]
    runs = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    marks = "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)
    run = rf"[^\W_]+(?:[{marks}]+[^\W_]*)*"
    return re.compile(rf"{run}(?:{_INNER}{run})*")


def split_words(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text and whether each is a word; joined again, they are the text.

    A word is a run of letters and digits of any script with their combining marks (Yoruba `ọ̀` has no precomposed form).
    An apostrophe or hyphen belongs to the word when a letter or digit stands on both sides of it (Swahili `ng'ombe`), and is
    punctuation otherwise. Scripts written without spaces must be segmented before.

    Example:
        >>> split_words("'Ng’ombe wa Amina!'")
        [("'", False), ('Ng’ombe', True), (' ', False), ('wa', True), (' ', False), ('Amina', True), ("!'", False)]
    """
    pieces, end = [], 0
    for match in _word().finditer(text):
        if match.start() > end:
            pieces.append((text[end : match.start()], False))
        pieces.append((match.group(), True))
        end = match.end()
    if end < len(text):
        pieces.append((text[end:], False))
    return pieces


def words(text: str) -> list[str]:
    """The words of a text, in order.

    Example:
        >>> words("Ọ̀rọ̀ 2, 'yan-uwa.")
        ['Ọ̀rọ̀', '2', 'yan-uwa']
    """
    return _word().findall(text)


def word_key(word: str) -> str:
    """The word as it is looked up: case folded, NFC, apostrophes and hyphens in their ASCII form.

    Example:
        >>> word_key("NG’OMBE"), word_key("STRASSE") == word_key("Straße")
        ("ng'ombe", True)
    """
    if word.isascii():
        return word.lower()
    # Decomposed before folding, as Unicode's canonical caseless matching has it (The Unicode Standard, D145).
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", word).casefold())
    return unicodedata.normalize("NFC", folded.translate(_ONE_SPELLING))


def text_key(text: str) -> str:
    """The keys of the text's words, joined by one space: the key of an entry of several words.

    Example:
        >>> text_key("  Health-care,  WORKER ")
        'health-care worker'
    """
    return " ".join(map(word_key, words(text)))
