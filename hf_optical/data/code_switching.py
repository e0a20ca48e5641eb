"""Code-switching: English text in which words are replaced by their translations, at random but reproducibly.

Source: Litschko, Artemova, Plank, "Boosting Zero-shot Cross-lingual Retrieval by Training on Artificially Code-Switched Data",
Findings of ACL 2023, arXiv 2305.05295, section 2: every word is switched with probability p; with lexicons of several languages
("multilingual"), the target language is sampled word by word.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from ..lexicon.lexicon import Lexicon
from ..lexicon.words import split_words, word_key
from .errors import DataError


class Switched(NamedTuple):
    """A code-switched text: how many of its `words` (of the English text) were `switched`."""

    text: str
    switched: int
    words: int


class _Choice(NamedTuple):
    """The translations of an entry into one language, and the running sums of their weights."""

    language: str
    translations: list[str]
    sums: list[float]

    def sample(self, draw: random.Random) -> str:
        """A translation, by weight. (Of all that `Random` offers, `random` alone is promised to stay the same.)"""
        return self.translations[min(bisect(self.sums, draw.random() * self.sums[-1]), len(self.translations) - 1)]


class CodeSwitcher:
    """Replaces words of English texts by translations from one or more lexicons.

    From left to right, the longest entry (of one or more words with white space between them) that any lexicon has is switched
    with the probability given, as a whole. Its language is sampled evenly from the lexicons that know it, its translation by
    weight. Lower, Title and UPPER case carry over; spaces and punctuation stay. Words that no lexicon knows stay.

    Args:
        lexicons: one, or one for each language.
        probability: of a known word to be switched, 0 to 1 (0.5 in the paper).
        seed: of the random choices.

    Raises:
        DataError: no lexicon, two of one language, or a probability outside 0 to 1.

    Example:
        >>> lexicon = Lexicon("sw", {"water": {"maji": 1.0}, "health worker": {"mhudumu wa afya": 1.0}})
        >>> switcher = CodeSwitcher(lexicon, probability=1.0, seed=0)
        >>> switcher.switch("Where is WATER for the Health Workers' health worker?", key=7)
        Switched(text="Where is MAJI for the Health Workers' mhudumu wa afya?", switched=3, words=9)
    """

    def __init__(self, lexicons: Lexicon | Sequence[Lexicon], probability: float, seed: int) -> None:
        lexicons = [lexicons] if isinstance(lexicons, Lexicon) else list(lexicons)
        if not lexicons:
            raise DataError("no lexicon to switch words with", fix="give at least one")
        twice = [code for code, count in Counter(lexicon.language for lexicon in lexicons).items() if count > 1]
        if twice:
            raise DataError(f"two lexicons of {twice[0]!r}", fix="merge them (Lexicon.merge)")
        if not 0 <= probability <= 1:
            raise DataError(f"the probability to switch a word is {probability}", fix="give a number from 0 to 1")
        self.languages = [lexicon.language for lexicon in lexicons]
        self.probability = probability
        self.seed = seed
        self._choices: dict[str, list[_Choice]] = {}
        # first word of an entry -> words of the longest entry that begins with it
        self._longest: dict[str, int] = {}
        for lexicon in sorted(lexicons, key=lambda lexicon: lexicon.language):
            for key, translations in lexicon.entries.items():
                choice = _Choice(lexicon.language, list(translations), list(accumulate(translations.values())))
                self._choices.setdefault(key, []).append(choice)
                first, count = key.split(" ", 1)[0], key.count(" ") + 1
                self._longest[first] = max(count, self._longest.get(first, 0))
        self._counts: Counter[tuple[str, str]] = Counter()

    def switch(self, text: str, key: int) -> Switched:
        """The text with words switched. The same seed, key and text give the same result, whatever was switched before.

        Args:
            key: number of the text, so that a text that comes twice is switched in two ways.
        """
        draw = random.Random(hashlib.blake2b(f"{self.seed} {key} {text}".encode("utf-8", "surrogatepass"), digest_size=8).digest())
        pieces = split_words(text)
        keys = [word_key(piece) if is_word else "" for piece, is_word in pieces]
        out: list[str] = []
        switched = words = at = 0
        while at < len(pieces):
            if not pieces[at][1]:
                out.append(pieces[at][0])
                at += 1
                continue
            end, count, choices = self._entry(pieces, keys, at)
            words += count
            self._counts["words", ""] += count
            source = [piece for piece, is_word in pieces[at:end] if is_word]
            unit = "".join(piece for piece, _ in pieces[at:end])
            at = end
            if choices:
                for choice in choices:
                    self._counts["known_words", choice.language] += count
                self._counts["known_words", ""] += count
                if draw.random() < self.probability:
                    choice = choices[int(draw.random() * len(choices))]
                    translation = with_case_of(source, choice.sample(draw))
                    switched += count
                    for language in ("", choice.language):
                        self._counts["switched_words", language] += count
                    self._counts["spelt_alike_words", ""] += count * (translation == unit)
                    unit = translation
            out.append(unit)
        self._counts["texts", ""] += 1
        return Switched("".join(out), switched, words)

    def _entry(self, pieces: list[tuple[str, bool]], keys: list[str], at: int) -> tuple[int, int, list[_Choice]]:
        """End and number of words of the longest entry at a word, and its translations; of the word alone if there is none."""
        found = at + 1, 1, self._choices.get(keys[at], [])
        joined, position = keys[at], at
        for count in range(2, self._longest.get(keys[at], 0) + 1):
            position += 2
            if position >= len(pieces) or not pieces[position][1] or not pieces[position - 1][0].isspace():
                break
            joined += " " + keys[position]
            if joined in self._choices:
                found = position + 1, count, self._choices[joined]
        return found

    def switch_all(self, texts: Iterable[str]) -> list[str]:
        """Every text switched; its place in the list is its key."""
        return [self.switch(text, key).text for key, text in enumerate(texts)]

    def report(self) -> dict[str, Any]:
        """What was met and switched so far, by this object in this process.

        Returns:
            `texts`, `words`, `known_words` (in an entry of any lexicon), `switched_words`, `spelt_alike_words` (switched to a
            translation that is spelt like the English), `known_share` and `switched_share` (of all words), and `languages`: code ->
            `known_words`, `switched_words` and their shares. Words are those of the English text.
        """
        total = self._counts["words", ""]

        def of(language: str) -> dict[str, Any]:
            known, switched = self._counts["known_words", language], self._counts["switched_words", language]
            shares = {"known_share": known / total if total else 0.0, "switched_share": switched / total if total else 0.0}
            return {"known_words": known, "switched_words": switched, **shares}

        counts = {"texts": self._counts["texts", ""], "words": total, **of("")}
        counts["spelt_alike_words"] = self._counts["spelt_alike_words", ""]
        return counts | {"languages": {language: of(language) for language in self.languages}}


def with_case_of(words: Sequence[str], translation: str) -> str:
    """The translation in the case of the English words: UPPER, Title (of the first or of every word), else as it is.

    Example:
        >>> with_case_of(["HEALTH", "WORKER"], "mhudumu wa afya"), with_case_of(["Health", "worker"], "mhudumu wa afya")
        ('MHUDUMU WA AFYA', 'Mhudumu wa afya')
    """
    cased = [c for c in "".join(words) if c.isupper() or c.islower()]
    if len(cased) > 1 and all(c.isupper() for c in cased):
        return translation.upper()
    if not words[0][0].isupper():
        return translation
    every = len(words) > 1 and all(word[0].isupper() for word in words)
    pieces, first = [], True
    for piece, is_word in split_words(translation):
        pieces.append(piece[0].title() + piece[1:] if is_word and (first or every) else piece)
        first = first and not is_word
    return "".join(pieces)
