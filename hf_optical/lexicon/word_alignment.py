"""Which word translates which, learned from sentence pairs alone: IBM Model 1 in both directions."""

from __future__ import annotations

import json
import logging
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from os import PathLike

import numpy as np

from ..data.errors import DataError
from ..data.files import atomic_write, open_bytes
from .ibm_model import Bags, IBMModel
from .lexicon import Lexicon
from .words import word_key, words

logger = logging.getLogger(__name__)

_TOP = 10
_LEAST = 0.01


@dataclass
class WordAlignment:
    """Translation probabilities of words, and how often words were linked.

    Attributes:
        english_given_foreign: foreign key -> {English key: probability}, best first; at most 10, each at least 0.01. What is
            missing to 1 went to other words.
        foreign_given_english: the other direction.
        english_counts, foreign_counts: occurrences of every word in the pairs used.
        links: English key -> {foreign key: number of places where each is the other's most probable word of its sentence}.
        log_likelihood: direction -> natural log likelihood of the words of all pairs before every iteration.
        pairs: how many pairs were "read", "used", left out as "too long" or "without words" on a side.
    """

    english_given_foreign: dict[str, dict[str, float]]
    foreign_given_english: dict[str, dict[str, float]]
    english_counts: Counter[str]
    foreign_counts: Counter[str]
    links: dict[str, dict[str, int]]
    log_likelihood: dict[str, list[float]]
    pairs: dict[str, int]

    @classmethod
    def fit(cls, pairs: Iterable[tuple[str, str]], *, iterations: int = 5, max_words: int = 80) -> WordAlignment:
        """Learn from (English, non-English) sentences by expectation maximisation from uniform probabilities.

        The result does not depend on the order of the pairs.

        Args:
            pairs: read once.
            iterations: of EM, in each direction.
            max_words: pairs with more words than this on a side are left out.

        Raises:
            DataError: an argument is out of range, an element is not a pair of texts, or no pair is left.

        Example:
            >>> pairs = [("the house", "nyumba"), ("the big house", "nyumba kubwa"), ("the big farm", "shamba kubwa")]
            >>> alignment = WordAlignment.fit(pairs, iterations=20)
            >>> {word: next(iter(found)) for word, found in alignment.english_given_foreign.items()}
            {'kubwa': 'big', 'nyumba': 'house', 'shamba': 'farm'}
        """
        _at_least_one(iterations=iterations, max_words=max_words)
        english, foreign, report = _read(pairs, max_words)
        model = IBMModel(english, foreign)
        likelihood = [model.iterate() for _ in range(iterations)]
        logger.info("words aligned: %s", ", ".join(f"{count:,} pairs {name}" for name, count in report.items()))
        return cls(
            english_given_foreign=model.table(1, top=_TOP, least=_LEAST),
            foreign_given_english=model.table(0, top=_TOP, least=_LEAST),
            english_counts=english.counts(),
            foreign_counts=foreign.counts(),
            links=model.links(),
            log_likelihood={
                "foreign_given_english": [before for before, _ in likelihood],
                "english_given_foreign": [before for _, before in likelihood],
            },
            pairs=report,
        )

    def lexicon(self, language: str, *, min_count: int = 2, top: int = 5) -> Lexicon:
        """English words and their translations: those linked at least `min_count` times, the `top` most frequent of each.

        The weight of a translation is its share of all links of the English word.

        Raises:
            DataError: an argument is out of range, or there is no such language.
        """
        return Lexicon.from_counts(self.links, language, min_count=min_count, top=top)

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything as JSON, whole or not at all; compressed where the name ends with `.gz`."""
        with atomic_write(path) as file:
            file.write(json.dumps(vars(self), ensure_ascii=False, separators=(",", ":")).encode())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> WordAlignment:
        """What `save` wrote.

        Raises:
            DataError: the file is missing, broken, or something else.
        """
        with open_bytes(path) as file:
            try:
                found = json.load(file)
            except (ValueError, RecursionError) as error:
                raise DataError(f"not JSON ({error})", path=path, fix="write it again with WordAlignment.save") from error
        names = [field.name for field in fields(cls)]
        lacking = [name for name in names if not isinstance(found, dict) or not isinstance(found.get(name), dict)]
        if lacking:
            raise DataError(f"not a word alignment: no {', '.join(lacking)}", path=path, fix="write it with WordAlignment.save")
        counters = {name: Counter(found[name]) for name in ("english_counts", "foreign_counts")}
        return cls(**{name: found[name] for name in names} | counters)


def _at_least_one(**arguments: int) -> None:
    for name, value in arguments.items():
        if value < 1:
            raise DataError(f"{name} is {value}", fix="give at least 1")


def _read(pairs: Iterable[tuple[str, str]], max_words: int) -> tuple[Bags, Bags, dict[str, int]]:
    report = {"read": 0, "used": 0, "too long": 0, "without words": 0}
    sides = _Side(), _Side()
    for number, pair in enumerate(pairs, start=1):
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise DataError(f"pair {number} is not two texts", fix="give (English, non-English) tuples")
        split = [words(text) for text in pair]
        lengths = [len(found) for found in split]
        outcome = "too long" if max(lengths) > max_words else "used" if min(lengths) else "without words"
        report["read"] += 1
        report[outcome] += 1
        if outcome == "used":
            for side, found in zip(sides, split, strict=True):
                side.add(found)
    if not report["used"]:
        problem = f"none of the {report['read']} pairs can be used"
        raise DataError(problem, fix=f"give pairs of sentences with 1 to {max_words} words a side")
    return sides[0].bags(), sides[1].bags(), report


class _Side:
    """Collects the sentences of one side as numbers."""

    def __init__(self) -> None:
        self.id_of_key: dict[str, int] = {}
        self.id_of_word: dict[str, int] = {}
        self.ids = array("i")
        self.lengths = array("i")

    def add(self, found: list[str]) -> None:
        for word in found:
            known = self.id_of_word.get(word)
            if known is None:
                known = self.id_of_word[word] = self.id_of_key.setdefault(word_key(word), len(self.id_of_key))
            self.ids.append(known)
        self.lengths.append(len(found))

    def bags(self) -> Bags:
        vocabulary = sorted(self.id_of_key)
        rank = np.empty(len(vocabulary), np.int64)
        rank[[self.id_of_key[key] for key in vocabulary]] = np.arange(1, len(vocabulary) + 1)
        return Bags.build(vocabulary, rank[np.frombuffer(self.ids, np.intc)], np.frombuffer(self.lengths, np.intc))
