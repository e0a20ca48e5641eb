"""BM25, the lexical baseline: on an untranslated query it finds shared names and numbers only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from .terms import character_ngrams, latin, words

# Length of the n-grams: a good choice for European languages in McNamee and Mayfield 2004, and the best of three on development
# questions (configs/tune_cpu.yaml).
NGRAMS = 4


class Bm25Index:
    """BM25 (k1 0.9, b 0.4) over lower-cased words without stemming, or over the n-grams of words in Latin letters, by bm25s.

    The score of a document is the sum over the words of the query of `idf * tf / (tf + k1 (1 - b + b length / mean length))` with
    `idf = ln(1 + (N - df + 0.5) / (df + 0.5))`, as Lucene has it; a word that a query repeats counts each time.

    Args:
        ids: document ids. texts: their texts.
        ngrams: 0: words. n: the n-grams of each word (`character_ngrams`), in Latin letters: a question in another language then
            also finds what is spelt almost alike in English.

    Raises:
        ValueError: numbers of ids and texts differ, an id occurs twice, or ngrams is 1 or negative.

    Example:
        >>> Bm25Index(["a", "b"], ["maize and beans", "a bus to Mombasa"]).search(["basi la Mombasa"], 1)[0][0][0]
        'b'
        >>> Bm25Index(["a", "b"], ["maize and beans", "a bus to Mombasa"], ngrams=4).search(["момбаса"], 1)[0][0][0]
        'b'
    """

    def __init__(self, ids: Sequence[str], texts: Sequence[str], *, ngrams: int = 0) -> None:
        import bm25s

        if ngrams < 0 or ngrams == 1:
            raise ValueError(f"ngrams must be 0 (words) or 2 and more, got {ngrams}.")
        self.ngrams = ngrams

        logging.getLogger("bm25s").setLevel(logging.INFO)  # it shows its lines for debugging unless told otherwise

        self.ids = list(ids)
        if len(self.ids) != len(texts):
            raise ValueError(f"{len(self.ids)} ids, but {len(texts)} texts.")
        if len(set(self.ids)) != len(self.ids):
            twice = next(i for i, count in Counter(self.ids).items() if count > 1)
            raise ValueError(f"document ids must be unique, but {twice!r} occurs twice.")
        self._vocabulary: dict[str, int] = {}
        pieces: dict[str, list[int]] = {}  # of a word, once for all texts that have it
        rows = [[term for word in self._words(text) for term in pieces.get(word) or self._learn(word, pieces)] for text in texts]
        self._engine = bm25s.BM25(k1=0.9, b=0.4)
        if self._vocabulary:  # bm25s cannot index nothing
            self._engine.index((rows, dict(self._vocabulary)), show_progress=False)

    def _words(self, text: str) -> list[str]:
        return words(latin(text) if self.ngrams else text)

    def _terms(self, word: str) -> list[str]:
        return character_ngrams(word, self.ngrams) if self.ngrams else [word]

    def _learn(self, word: str, pieces: dict[str, list[int]]) -> list[int]:
        pieces[word] = [self._vocabulary.setdefault(term, len(self._vocabulary)) for term in self._terms(word)]
        return pieces[word]

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: Sequence[str], k: int = 10, *, keep: Callable[[str], bool] | None = None
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query, best first; documents that share no term with it are not found.

        Args:
            keep: whether a document, told by its id, is to be found. The others still count for how rare a word is.

        Raises:
            ValueError: k is less than 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}.")
        kept = None if keep is None else np.fromiter(map(keep, self.ids), dtype=bool, count=len(self.ids))
        results = []
        for query in queries:
            asked = [term for word in self._words(query) for term in self._terms(word)]
            known = [self._vocabulary[term] for term in asked if term in self._vocabulary]
            scores = self._engine.get_scores_from_ids(known) if known else np.zeros(len(self.ids))
            if kept is not None:
                scores = np.where(kept, scores, 0.0)
            # only what can be among the first k is sorted, in the order of the documents where scores are equal
            least = np.partition(scores, -k)[-k] if k < len(scores) else 0.0
            best = np.flatnonzero(scores >= least)
            order = best[np.argsort(-scores[best], kind="stable")][:k]
            results.append([(self.ids[i], float(scores[i])) for i in order if scores[i] > 0])
        return results
