"""BM25, the lexical baseline: on an untranslated query it finds shared names and numbers only."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

# Function words of English: a foreign word that happens to be spelt like one of them should not find half the collection.
_STOPWORDS = frozenset(
    ["a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that", "the", "to", "was", "were", "what", "when", "where", "which", "who", "with"]
)


class Bm25Index:
    """BM25 (k1 0.9, b 0.4) over lower-cased words without stemming, by bm25s.

    Args:
        ids: document ids. texts: their texts.

    Example:
        >>> Bm25Index(["a", "b"], ["maize and beans", "a bus to Mombasa"]).search(["basi la Mombasa"], 1)[0][0][0]
        'b'
    """

    def __init__(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        import bm25s

        self.ids = list(ids)
        tokens = [words(text) for text in texts]
        self._vocabulary = {word: i for i, word in enumerate(sorted({word for text in tokens for word in text}))}
        self._engine = bm25s.BM25(k1=0.9, b=0.4)
        self._engine.index(tokens, show_progress=False)

    def search(self, queries: Sequence[str], k: int = 10) -> list[list[tuple[str, float]]]:
        """The k best documents of every query, best first; documents that share no word with it are not found."""
        results = []
        for query in queries:
            known = [word for word in words(query) if word in self._vocabulary]
            scores = self._engine.get_scores(known) if known else np.zeros(len(self.ids))
            order = np.argsort(-scores, kind="stable")[:k]
            results.append([(self.ids[i], float(scores[i])) for i in order if scores[i] > 0])
        return results


def words(text: str) -> list[str]:
    """Lower-cased words without English stopwords."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _STOPWORDS]
