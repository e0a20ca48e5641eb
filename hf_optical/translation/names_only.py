"""The least of all translations: what is spelt alike in English, and nothing else."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence

from ..data.errors import DataError
from ..lexicon.words import split_words, word_key

_SENTENCE_ENDS = frozenset(".?!…:;\u00bf\u00a1\u0964\u061f\u1362")


class NamesOnly:
    """Strips queries to their names and numbers: what an English retriever understands of them without any translation.

    Kept are words with a digit in them, and words that occur in English and are written with a capital. At the beginning of a
    sentence, and in a query without lower-case letters, a capital says little: there a word must be one that English never writes
    in lower case. So German nouns go (`Stadt` does not occur in English) and German names stay. In a query of another script,
    words of Latin letters that occur in English are kept, whatever their case.

    A query may have nothing of the kind: its translation is empty. An empty query finds nothing, and counts as zero recall.

    Args:
        english_vocabulary: words of the English passages as they are written there (`Rose` and `rose`), for instance a set of
            `hf_optical.lexicon.words` of each.
        unknown_names: words with a capital inside a sentence are kept even if English has no such word (`Afrika`, misspelt
            names). Recall on held-out Swahili questions was hardly better; in German they would be all nouns.

    Raises:
        DataError: the vocabulary is empty, or a text instead of a collection of words.

    Example:
        >>> names = NamesOnly({"Kenya", "KANU", "rose", "Rose", "je"})
        >>> names.translate(["Je, KANU ilianzishwa Kenya mwaka wa 1960?", "Rose ni nani?", "Nani?"])
        ['KANU Kenya 1960', '', '']
    """

    name = "names and digits only"

    def __init__(self, english_vocabulary: Collection[str], *, unknown_names: bool = False) -> None:
        if isinstance(english_vocabulary, str) or not len(english_vocabulary):
            found = "a text" if isinstance(english_vocabulary, str) else "empty"
            raise DataError(f"the English vocabulary is {found}", fix="give the set of words of the English passages")
        self.unknown_names = unknown_names
        self._english = {word_key(word) for word in english_vocabulary}
        self._lower = {word_key(word) for word in english_vocabulary if word == word.lower()}

    def translate(self, texts: Sequence[str]) -> list[str]:
        """What is kept of each text, in order, joined by spaces."""
        return [" ".join(self._kept(text)) for text in texts]

    def _kept(self, text: str) -> Iterator[str]:
        capitals_tell = any(character.islower() for character in text)
        other_script = _mostly_another_script(text)
        initial = True
        for piece, is_word in split_words(text):
            if not is_word:
                initial = initial or not _SENTENCE_ENDS.isdisjoint(piece)
            elif self._is_name(piece, capitals_tell and not initial, other_script):
                yield piece
            if is_word:
                initial = False

    def _is_name(self, word: str, capital_tells: bool, other_script: bool) -> bool:
        if any(character.isdigit() for character in word):
            return True
        key, is_latin = word_key(word), _is_latin(word[0])
        is_english, has_capital = key in self._english, any(character.isupper() for character in word)
        if other_script and is_latin:
            return is_english
        if capital_tells:
            return has_capital and (is_english or (self.unknown_names and is_latin))
        return has_capital and is_english and key not in self._lower


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _mostly_another_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(_is_latin, letters)) < len(letters)
