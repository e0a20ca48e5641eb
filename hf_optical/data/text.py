"""Text of a sentence: normalised for use, reduced for comparison, and checked for a broken encoding."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache

# Zero-width space and no-break space, word joiner, soft hyphen, direction marks.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# The zero-width (non-)joiner spells words in Persian, Sorani and Indic scripts: it stays between two such letters.
_JOINER = re.compile("(?<![\u0590-\u1cff])[\u200c\u200d]|[\u200c\u200d](?![\u0590-\u1cff])")
# Code points that no UTF-8 text can hold or show: they would break a file, so they become U+FFFD.
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")

_NOT_ALPHANUMERIC = re.compile("[^a-z0-9]+")

# What UTF-8 bytes 80-BF look like when read as Windows-1252 or Latin-1.
_LETTERLIKE = "\u0080-\u00bf\u20ac\u0192\u201e\u2020\u2021\u02c6\u2030\u0160\u0152\u017d\u02dc\u2122\u0161\u0153\u017e\u0178"
_QUOTELIKE = "\u201a\u2026\u2039\u203a\u2018\u2019\u201c\u201d\u2022\u2013\u2014"
_BROKEN = re.compile(
    "[\ufffd\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"  # replacement, control, surrogate, non-character
    f"|[\u00c2\u00c3][{_LETTERLIKE}]|[\u00c2\u00c3][{_QUOTELIKE}](?=\\w)"  # é read as Ã©, Ö as Ã–
    f"|\u00e2\u20ac|\u00e2\u201a\u00ac|\u00ef\u00bf\u00bd|\u00ef\u00bb\u00bf"  # quotes and dashes, euro, U+FFFD, BOM
    f"|[\u00d0\u00d1][{_LETTERLIKE}{_QUOTELIKE}](?:[\u00d0\u00d1][{_LETTERLIKE}{_QUOTELIKE}])+"  # Cyrillic
    f"|[\u00d8-\u00db][{_LETTERLIKE}{_QUOTELIKE}](?:[\u00d8-\u00db][{_LETTERLIKE}{_QUOTELIKE}])+"  # Arabic
    f"|\u00e1[\u00ba\u00bb][{_LETTERLIKE}{_QUOTELIKE}]|\u00c6\u2122"  # ẹ and ọ (Yoruba, Igbo, Vietnamese), ƙ (Hausa)
)


def normalise_text(text: str) -> str:
    """NFC; zero-width characters, soft hyphens and direction marks removed; white space collapsed and trimmed.

    Idempotent. The result has no line break and no tab. NUL and lone surrogates, which no file can hold, become U+FFFD.

    Example:
        >>> normalise_text("  ku\\u200bsoma\\u00a0 vi\\u00adtabu\\n")
        'kusoma vitabu'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", _UNWRITABLE.sub("\ufffd", text)))
        # Taking a joiner away can bring marks together, and their new order can set another joiner free.
        while ("\u200c" in text or "\u200d" in text) and (shorter := unicodedata.normalize("NFC", _JOINER.sub("", text))) != text:
            text = shorter
    elif "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return " ".join(text.split())


def has_bad_encoding(text: str) -> bool:
    """Whether the text, before it is normalised, shows a broken encoding.

    Signs are U+FFFD, control characters other than white space, lone surrogates, and mojibake: UTF-8 read as
    Windows-1252 or Latin-1.

    Example:
        >>> has_bad_encoding("cafÃ©"), has_bad_encoding("café, IRMÃ, Spaß“")
        (True, False)
    """
    if text.isascii() and text.isprintable():
        return False
    return _BROKEN.search(text) is not None


@cache
def _not_compared() -> dict[int, None]:
    """Translation table that deletes everything but letters, marks and numbers."""
    return {c: None for c in range(0x110000) if unicodedata.category(chr(c))[0] not in "LMN"}


def comparison_key(text: str) -> str:
    """Text with case, punctuation and spacing taken away: two sentences with one key are the same sentence.

    Text without a letter or number is its own key.

    Example:
        >>> comparison_key("Who founded FORD-Kenya?") == comparison_key("who founded ford kenya")
        True
    """
    text = normalise_text(text)
    if text.isascii():
        return _NOT_ALPHANUMERIC.sub("", text.lower()) or text
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_not_compared()) or text


def digest(*texts: str) -> bytes:
    """16 bytes that stand for these texts in a set: collisions are out of reach up to 10^15 entries."""
    hasher = hashlib.blake2b(digest_size=16)
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        hasher.update(len(encoded).to_bytes(8, "little"))
        hasher.update(encoded)
    return hasher.digest()
