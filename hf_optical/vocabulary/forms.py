"""The words of texts as a tokenizer meets them, and how often each occurs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Set

import numpy as np

from ..lexicon.words import split_words


def text_forms(text: str) -> Iterator[str]:
    """The words of a text in order, each with a space before it if the text has one there.

    Example:
        >>> list(text_forms("Maji safi (kunywa)."))
        ['Maji', ' safi', 'kunywa']
    """
    space = ""
    for piece, is_word in split_words(text):
        if is_word:
            yield space + piece
            space = ""
        else:
            space = " " if piece[-1].isspace() else ""


class TextForms:
    """The forms of many texts.

    Attributes:
        counts: form -> how often it occurs, in order of first occurrence.

    Example:
        >>> TextForms(["maji safi", "safi maji safi"]).counts
        {'maji': 1, ' safi': 2, 'safi': 1, ' maji': 1}
    """

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        found, lengths = array("i"), array("i")
        for text in texts:
            before = len(found)
            for form in text_forms(text):
                found.append(numbers.setdefault(form, len(numbers)))
            lengths.append(len(found) - before)
        self._found, self._lengths = np.array(found, np.int32), np.array(lengths, np.int32)
        totals = np.bincount(self._found, minlength=len(numbers))
        self.counts: dict[str, int] = dict(zip(numbers, totals.tolist(), strict=True))

    def __len__(self) -> int:
        """Number of running words."""
        return len(self._found)

    def share_of_words(self, forms: Set[str]) -> float:
        """Share of the running words that are one of these forms."""
        return sum(self.counts[form] for form in forms) / len(self) if len(self) else 0.0

    def share_of_texts(self, forms: Set[str]) -> float:
        """Share of the texts in which one of these forms occurs."""
        if not len(self._lengths):
            return 0.0
        hit = np.fromiter((form in forms for form in self.counts), bool, len(self.counts))
        texts = np.repeat(np.arange(len(self._lengths)), self._lengths)
        return len(np.unique(texts[hit[self._found]])) / len(self._lengths)
