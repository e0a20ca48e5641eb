"""Words that a student does not know, beside the English words that are spelt almost alike."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..lexicon.words import split_words
from ..models import OpticalPreTrainedModel
from .disk_index import DiskIndex
from .exact_index import ExactIndex
from .from_texts import check_texts
from .terms import in_latin_letters, latin
from .token_spans import NO_SPAN, Span

logger = logging.getLogger(__name__)

_CACHED = 65_536
# A question of any length, in tokens; a word before another.
_ANY_LENGTH, _BEFORE = 1_000_000, "a"
# What joins the parts of a word.
_INNER = re.compile("['\u2018\u2019\u2010\u2011-]")


@dataclass(frozen=True)
class Respelling:
    """A query with spelling variants in it.

    Attributes:
        text: the query; behind each word that has a variant, the variant.
        variants: `(word, variant)` in order.
        added: `(start, end)` of each added piece in `text`, and the span of its word in the query as it was typed.
    """

    text: str
    variants: tuple[tuple[str, str], ...] = ()
    added: tuple[tuple[Span, Span], ...] = ()

    def typed(self, span: Span) -> Span:
        """Where a span of `text` stands in the query as it was typed; a variant stands where its word does."""
        if span == NO_SPAN:
            return span
        before = 0
        for (start, end), word in self.added:
            if span[0] >= end:
                before += end - start
            elif span[0] >= start:
                return word
        return span[0] - before, span[1] - before


class SpellingVariants:
    """The English words of a collection, by their spelling.

    A student with an adapted vocabulary has no token for a word that its sentence pairs do not have (one without has none for
    nearly any word of its language: not for it). Names and loans among such words are often in the collection, written a little
    otherwise (Hausa `Tanzaniya`, Russian `Бронкос`, Spanish `vegetación`). The nearest word within `max_edits` is taken for a
    variant and asked for as well: fuzzy translation of spelling variants (Pirkola, Toivonen, Keskustalo, Visala and Järvelin,
    SIGIR 2003), by edit distance over Latin letters.

    Args:
        texts: English passages.

    Example:
        >>> variants = SpellingVariants(["The Denver Broncos won.", "A stadium in Tanzania."])
        >>> variants.variant("bronkos"), variants.variant("tanzaniya")
        ('broncos', 'tanzania')
        >>> student = OpticalStudentModel.from_pretrained("runs/ru")  # doctest: +SKIP
        >>> variants.respell("Бронкос выиграли?", Reader(student)).text  # doctest: +SKIP
        'Бронкос Broncos выиграли?'
    """

    def __init__(self, texts: Iterable[str]) -> None:
        forms: dict[str, Counter[str]] = {}
        for text in texts:
            for word in set(re.findall(r"[A-Za-z]+", in_latin_letters(text))):
                forms.setdefault(word.lower(), Counter())[word] += 1
        counts = {word: own.total() for word, own in forms.items()}
        self._counts = counts
        self._shown = {word: min(own, key=lambda form: (-own[form], not form.islower(), form)) for word, own in forms.items()}
        words = sorted(counts, key=lambda word: (-counts[word], word))  # of equally near ones the first is taken
        by_length: dict[int, list[str]] = {}
        for word in words:
            by_length.setdefault(len(word), []).append(word)
        self._by_length = {length: (np.array(own, dtype=object), _letters(own)) for length, own in by_length.items()}
        self.variant = lru_cache(_CACHED)(self._variant)

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, word: str) -> bool:
        """Whether the word, in small Latin letters, is one of them."""
        return word in self._counts

    def respell(self, query: str, reader: Reader) -> Respelling:
        """The query with a variant behind each word that has one, as far as the student has room for it.

        Args:
            query: in any language whose words are parted by spaces.
            reader: what the student knows; words that it does have no variant.
        """
        room = reader.room(query)
        pieces, variants, added, typed, length = [], [], [], 0, 0
        for piece, is_word in split_words(query):
            found = self._variants_of(piece, reader) if room > 0 and is_word else []
            shown = "".join(f" {variant}" for variant in found)
            pieces.append(piece)
            length += len(piece)
            # what was typed is never pushed out of a question that is cut at so many tokens
            if shown and (needed := reader.tokens(shown)) <= room:
                room -= needed
                variants.append((piece, shown[1:]))
                added.append(((length, length + len(shown)), (typed, typed + len(piece))))
                pieces.append(shown)
                length += len(shown)
            typed += len(piece)
        return Respelling("".join(pieces), tuple(variants), tuple(added))

    def _variants_of(self, word: str, reader: Reader) -> list[str]:
        """Of the unknown parts of a word (`al-Qahira`, `jam'iya`), as the collection mostly writes them."""
        if reader.knows(word):
            return []
        parts = [part for part, is_word in split_words(_INNER.sub(" ", word)) if is_word]
        found = [self.variant(latin(part)) for part in parts if len(parts) == 1 or not reader.knows(part)]
        return [self._shown[variant] for variant in found if variant]

    def _variant(self, word: str) -> str | None:
        """The nearest English word within `max_edits`; None if there is none, or the word is one itself."""
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import extractOne

        edits = max_edits(len(word))
        if not edits or word in self._counts or not (word.isascii() and word.isalpha()):
            return None
        own, found = _letters([word]), []
        for length in range(len(word) - edits, len(word) + edits + 1):
            if length not in self._by_length:
                continue
            words, letters = self._by_length[length]
            # an edit takes one letter away from those that a word has, or brings one, or both: few words are left to compare
            near = words[np.bitwise_count(letters ^ own) <= 2 * edits].tolist()
            if best := extractOne(word, near, scorer=Levenshtein.distance, score_cutoff=edits):
                found.append((best[1], -self._counts[best[0]], best[0]))
        return min(found)[2] if found else None


def spelling_variants(index: ExactIndex | DiskIndex) -> SpellingVariants:
    """The English words of the texts of an index. Raises ValueError if the texts are not known here."""
    check_texts(index)
    logger.info("spelling variants: reading the words of %s passages", f"{len(index):,}")
    return SpellingVariants(index.stored_texts())


def max_edits(length: int) -> int:
    """How many letters of a word may be other in its variant: one of six, and one more for every further three.

    Of the variants within it, 30 to 68 % stand in the English sentence where that can be told: of words that the sentence pairs of
    seven languages have once or twice (`benchmarks/spelling_variants.py`).

    Example:
        >>> [max_edits(n) for n in (5, 6, 8, 9, 12)]
        [0, 1, 1, 2, 3]
    """
    return max(0, length // 3 - 1)


class Reader:
    """What a model reads of a question: the words that it knows, and how many tokens.

    Args:
        model: a student, or a teacher.
    """

    def __init__(self, model: OpticalPreTrainedModel) -> None:
        self._processor, self._tokenizer = model.processor, model.processor.tokenizer
        self._before = len(self._tokenizer.tokenize(_BEFORE))
        self.knows = lru_cache(_CACHED)(self._knows)

    def tokens(self, text: str) -> int:
        """Number of tokens of a text, without special ones."""
        return len(self._tokenizer.tokenize(text))

    def room(self, query: str) -> int:
        """How many tokens may be added to a question before its end is cut off; negative if it is already."""
        (row,) = self._processor.token_ids([query], self._processor.query_marker, _ANY_LENGTH)
        return self._processor.config.query_length - len(row)

    def _knows(self, word: str) -> bool:
        """Whether a word is one token: the words of English, and those that the vocabulary was adapted to."""
        return any(self._is_whole(form) for form in dict.fromkeys((word, word.lower())))

    def _is_whole(self, word: str) -> bool:
        # some tokenizers have a token for a word only behind a space
        pieces = self._tokenizer.tokenize(word), self._tokenizer.tokenize(f"{_BEFORE} {word}")[self._before :]
        return any(len(own) < 2 and self._tokenizer.unk_token not in own for own in pieces)


def _letters(words: Iterable[str]) -> np.ndarray:
    """For each word, which of the letters a to z it has: a bit for each, `uint32`."""
    sets = (sum(1 << (ord(letter) - ord("a")) for letter in set(word)) for word in words)
    return np.fromiter(sets, dtype=np.uint32)
