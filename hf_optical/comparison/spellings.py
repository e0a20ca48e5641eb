"""What finds passages by their letters, held for one collection at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .passages import collection_key

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..search import Bm25Index, SpellingVariants

Made = TypeVar("Made")


class Spellings:
    """BM25 over words and n-grams and the English words of a collection, made when they are first asked for."""

    def __init__(self) -> None:
        self._of, self._held = "", {}

    def lexical_index(self, collection: RetrievalCollection, ngrams: int) -> Bm25Index:
        from ..search import Bm25Index

        return self._get(collection, ngrams, lambda: Bm25Index(collection.corpus_ids, collection.corpus_texts, ngrams=ngrams))

    def variants(self, collection: RetrievalCollection) -> SpellingVariants:
        from ..search import SpellingVariants

        return self._get(collection, "variants", lambda: SpellingVariants(collection.corpus_texts))

    def _get(self, collection: RetrievalCollection, name: int | str, make: Callable[[], Made]) -> Made:
        if (key := collection_key(collection)) != self._of:
            self._of, self._held = key, {}
        if name not in self._held:
            self._held[name] = make()
        return self._held[name]
