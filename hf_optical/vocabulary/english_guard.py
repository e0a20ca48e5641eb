"""Keeps English words in the pieces they had: new tokens must not turn up in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set

from tokenizers import Tokenizer

from .extensible import ExtensibleVocabulary

_ROUNDS = 5


class EnglishGuard:
    """Compares how words are cut before and after.

    A new word may also be one that English has (`safari`, a name), a part of words turns up in English words as well. It is dropped
    if that would happen too often for the good it does.

    Args:
        vocabulary: before anything is added.
        english, foreign: forms of the two sides and how often each occurs.
        tolerance: a token may be used in English so often for each time that it is used in the other language.

    Attributes:
        before: pieces of each English form.
    """

    def __init__(
        self, vocabulary: ExtensibleVocabulary, english: Mapping[str, int], foreign: Mapping[str, int], tolerance: float = 0.05
    ) -> None:
        self.vocabulary, self.english, self.foreign, self.tolerance = vocabulary, english, foreign, tolerance
        self.before = vocabulary.spell(list(english))

    def changed(self, backend: Tokenizer) -> set[str]:
        """English forms that an extended tokenizer cuts otherwise."""
        after = self.vocabulary.spell(list(self.english), backend)
        return {form for form, old, new in zip(self.english, self.before, after, strict=True) if old != new}

    def rarely_english(self, uses: Mapping[str, int], tolerance: float) -> list[str]:
        """Of tokens there are already, with how often each is used in the other language, those used in English less often."""
        harm: Counter[str] = Counter()
        for pieces, count in zip(self.before, self.english.values(), strict=True):
            for piece in pieces:
                harm[piece] += count
        return [piece for piece, count in uses.items() if harm[piece] <= tolerance * count]

    def harmless(self, words: Sequence[str], parts: Sequence[str] = ()) -> tuple[list[str], list[str]]:
        """The new words and parts of words that may stay: used in the other language, and hardly ever in English."""
        words, parts = list(words), list(parts)
        sides = [_Side(self.vocabulary, forms, words, parts) for forms in (self.foreign, self.english)]
        for _ in range(_ROUNDS):  # where one is dropped, another may take its place
            uses, harm = (side.uses for side in sides)
            dropped = {token for token in (*words, *parts) if not uses[token] or harm[token] > self.tolerance * uses[token]}
            if not dropped:
                break
            words = [word for word in words if word not in dropped]
            parts = [part for part in parts if part not in dropped]
            backend = self.vocabulary.backend_with(words, parts)
            for side in sides:
                side.drop(dropped, backend)
        return words, parts


class _Side:
    """How often each new token is used in the words of a language."""

    def __init__(
        self, vocabulary: ExtensibleVocabulary, forms: Mapping[str, int], words: Sequence[str], parts: Sequence[str]
    ) -> None:
        self.vocabulary, self.forms, self.new = vocabulary, forms, {*words, *parts}
        self.found: dict[str, set[str]] = {}
        self.users: dict[str, list[str]] = {}
        self.uses: Counter[str] = Counter()
        self._spell(forms, vocabulary.backend_with(words, parts))

    def drop(self, dropped: Set[str], backend: Tokenizer) -> None:
        """Spell the words anew that these tokens were used in."""
        self._spell({form: self.forms[form] for piece in sorted(dropped) for form in self.users.pop(piece, ())}, backend)

    def _spell(self, forms: Mapping[str, int], backend: Tokenizer) -> None:
        for (form, count), found in zip(forms.items(), self.vocabulary.spell(list(forms), backend), strict=True):
            for piece in self.found.get(form, ()):
                self.uses[piece] -= count
            self.found[form] = self.new.intersection(found)
            for piece in self.found[form]:
                self.uses[piece] += count
                self.users.setdefault(piece, []).append(form)
