"""BM25, the lexical baseline: on an untranslated query it finds shared names and numbers only."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

# Function words of English: a foreign word that happens to be spelt like one of them should not find half the collection.
_STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by did do does for from how in is it of on or that the to was were what when where which who with",
    )
)


class Bm25Index:
    """BM25 (k1 0.9, b 0.4) over lower-cased words without stemming, by bm25s.

    The score of a document is the sum over the words of the query of `idf * tf / (tf + k1 (1 - b + b length / mean length))` with
    `idf = ln(1 + (N - df + 0.5) / (df + 0.5))`, as Lucene has it; a word that a query repeats counts each time.

    Args:
        ids: document ids. texts: their texts.

    Raises:
        ValueError: numbers of ids and texts differ, or an id occurs twice.

    Example:
        >>> Bm25Index(["a", "b"], ["maize and beans", "a bus to Mombasa"]).search(["basi la Mombasa"], 1)[0][0][0]
        'b'
    """

    def __init__(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.INFO)  # it shows its lines for debugging unless told otherwise

        self.ids = list(ids)
        if len(self.ids) != len(texts):
            raise ValueError(f"{len(self.ids)} ids, but {len(texts)} texts.")
        if len(set(self.ids)) != len(self.ids):
            twice = next(i for i, count in Counter(self.ids).items() if count > 1)
            raise ValueError(f"document ids must be unique, but {twice!r} occurs twice.")
        vocabulary: dict[str, str] = {}  # a word that stands in many texts is held once
        tokens = [[vocabulary.setdefault(word, word) for word in words(text)] for text in texts]
        self._vocabulary = vocabulary
        self._engine = bm25s.BM25(k1=0.9, b=0.4)
        if self._vocabulary:  # bm25s cannot index nothing
            self._engine.index(tokens, show_progress=False)

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: Sequence[str], k: int = 10, *, keep: Callable[[str], bool] | None = None
    ) -> list[list[tuple[str, float]]]:
        """The k best documents of every query, best first; documents that share no word with it are not found.

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
            known = [word for word in words(query) if word in self._vocabulary]
            scores = self._engine.get_scores(known) if known else np.zeros(len(self.ids))
            if kept is not None:
                scores = np.where(kept, scores, 0.0)
            # only what can be among the first k is sorted, in the order of the documents where scores are equal
            least = np.partition(scores, -k)[-k] if k < len(scores) else 0.0
            best = np.flatnonzero(scores >= least)
            order = best[np.argsort(-scores[best], kind="stable")][:k]
            results.append([(self.ids[i], float(scores[i])) for i in order if scores[i] > 0])
        return results


def words(text: str) -> list[str]:
    """Lower-cased words without English stopwords."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _STOPWORDS]
