"""Translation word by word: every word is replaced by its most likely English word, the order stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..data.errors import DataError
from ..lexicon.words import split_words, word_key

if TYPE_CHECKING:
    from ..lexicon import Lexicon, WordAlignment


class WordByWord:
    """Looks every word up; words that are not known (most are names) stay as they are, as does punctuation.

    From an alignment, the translation of `f` is the English word `e` with the highest `p(e|f) * p(f|e) ** reverse_weight`. A word
    written with a capital inside a sentence is a name and kept if its own spelling is among its translations.

    The defaults were chosen on held-out Swahili questions: dropping function words costs recall, all
    other variants are within the noise.

    Args:
        alignment: learned from the bitext.
        reverse_weight: see above; 0: the most likely word.
        min_count: words that the bitext has fewer times are kept as they are.
        min_linked: share of a word's occurrences that must be linked to an English word; words with less are function words
            (`ya`) and dropped. 0: none is.
        lexicon: a dictionary, whose entries may be several words long and come before the alignment.

    Raises:
        DataError: there is neither alignment nor lexicon, or an argument is out of range.

    Example:
        >>> from hf_optical.lexicon import WordAlignment
        >>> pairs = [("big house", "nyumba kubwa"), ("house", "nyumba"), ("big water", "maji makubwa"), ("water", "maji")]
        >>> WordByWord(WordAlignment.fit(pairs)).translate(["Nyumba kubwa ya Amina?"])
        ['house big ya Amina?']
    """

    name = "word by word"

    def __init__(
        self,
        alignment: WordAlignment | None,
        *,
        reverse_weight: float = 0.0,
        min_count: int = 1,
        min_linked: float = 0.0,
        lexicon: Lexicon | None = None,
    ) -> None:
        if alignment is None and lexicon is None:
            raise DataError("there is neither an alignment nor a lexicon to translate by", fix="give one of them")
        for argument, value in (("reverse_weight", reverse_weight), ("min_count", min_count), ("min_linked", min_linked)):
            if not value >= 0:
                raise DataError(f"{argument} is {value}", fix="give 0 or more")
        self._english: dict[str, str] = {}
        self._names: set[str] = set()
        if alignment is not None:
            self._english = _most_likely(alignment, reverse_weight, min_count)
            self._english |= dict.fromkeys(self._english.keys() & _rarely_linked(alignment, min_linked), "")
            self._names = {word for word in self._english if word in alignment.english_given_foreign[word]}
        if lexicon is not None:
            entries = {foreign: next(iter(english)) for foreign, english in lexicon.invert().items() if foreign}
            self._english |= entries
            self._names -= entries.keys()
        self._longest = max((foreign.count(" ") + 1 for foreign in self._english), default=1)

    @classmethod
    def from_lexicon(cls, lexicon: Lexicon) -> WordByWord:
        """Translate by a dictionary alone.

        Example:
            >>> from hf_optical.lexicon import Lexicon
            >>> entries = {"health care": {"huduma ya afya": 1.0}, "health": {"afya": 1.0}, "service": {"huduma": 1.0}}
            >>> WordByWord.from_lexicon(Lexicon("sw", entries)).translate(["Huduma ya afya, huduma nyingine"])
            ['health care, service nyingine']
        """
        return cls(None, lexicon=lexicon)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """The texts with their words replaced; of the entries that begin at a word, the longest is taken."""
        return [self._translated(text) for text in texts]

    def _translated(self, text: str) -> str:
        pieces = split_words(text)
        positions = [i for i, (_, is_word) in enumerate(pieces) if is_word]
        keys = [word_key(pieces[i][0]) for i in positions]
        out = [piece for piece, _ in pieces]
        word = 0
        while word < len(keys):
            length = self._entry_length(pieces, positions, keys, word)
            if length:
                first, last = positions[word], positions[word + length - 1]
                key = " ".join(keys[word : word + length])
                if not (word and key in self._names and any(map(str.isupper, out[first]))):
                    out[first : last + 1] = [
                        out[first] if self._english[key] == key else self._english[key],
                        *[""] * (last - first),
                    ]
            word += length or 1
        return " ".join("".join(out).split())

    def _entry_length(self, pieces: list[tuple[str, bool]], positions: list[int], keys: list[str], word: int) -> int:
        """Words of the longest entry that begins at this word, 0 if none does. Only white space may stand between its words."""
        found, key = 0, ""
        for length in range(1, min(self._longest, len(keys) - word) + 1):
            at = word + length - 1
            if length > 1 and any(not piece.isspace() for piece, _ in pieces[positions[at - 1] + 1 : positions[at]]):
                break
            key = f"{key} {keys[at]}" if key else keys[at]
            if key in self._english:
                found = length
        return found


def _most_likely(alignment: WordAlignment, reverse_weight: float, min_count: int) -> dict[str, str]:
    def score(foreign: str, english: str, probability: float) -> float:
        back = alignment.foreign_given_english.get(english, {}).get(foreign, 0.0)
        return probability * max(back, 1e-4) ** reverse_weight  # improbable ones are left out of the table

    return {
        foreign: max(english, key=lambda e: score(foreign, e, english[e]))
        for foreign, english in alignment.english_given_foreign.items()
        if english and alignment.foreign_counts[foreign] >= min_count
    }


def _rarely_linked(alignment: WordAlignment, least: float) -> set[str]:
    linked = Counter()
    for translations in alignment.links.values():
        linked.update(translations)
    return {word for word, count in alignment.foreign_counts.items() if linked[word] < least * count}
