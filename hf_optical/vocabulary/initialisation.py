"""Where new tokens start: at the embeddings of the English words that translate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set

import torch
from torch import Tensor

from ..lexicon.words import word_key
from .extensible import ExtensibleVocabulary


def mix(distributions: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Sum of weighted distributions, the largest value first; equal ones in alphabetical order.

    Example:
        >>> mix([(3, {"water": 0.5}), (1, {"sea": 0.5, "water": 0.25})])
        {'water': 1.75, 'sea': 0.5}
    """
    total: Counter[str] = Counter()
    for weight, distribution in distributions:
        for key, share in distribution.items():
            total[key] += weight * share
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


class EnglishEmbeddings:
    """Input embeddings of English words: each the mean of its pieces'.

    Args:
        vocabulary: of the tokenizer that the embeddings belong to.
        table: `(tokens, hidden_size)` input embeddings.
        forms: English forms and their numbers: of the spellings of a word, the most frequent stands for it.
    """

    def __init__(self, vocabulary: ExtensibleVocabulary, table: Tensor, forms: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._table = table.detach().to("cpu", torch.float32)
        spellings: dict[str, Counter[str]] = {}
        for form, count in forms.items():
            spellings.setdefault(word_key(form.strip()), Counter())[f" {form.strip()}"] += count
        self._form = {key: min(found, key=lambda form: (-found[form], form)) for key, found in spellings.items()}

    def weighted_means(self, translations: Sequence[Mapping[str, float]], top: int) -> Tensor:
        """Mean of the embeddings of each one's `top` translations, by their weights.

        Args:
            translations: for each new token English word keys and their weights, best first.

        Returns:
            `(new tokens, hidden_size)` float32; zero where no translation has a piece that the tokenizer knows.
        """
        chosen = [dict(list(one.items())[:top]) for one in translations]
        vectors = self._vectors({key for one in chosen for key in one})
        result = torch.zeros(len(chosen), self._table.shape[1])
        for row, one in zip(result, chosen, strict=True):
            known = {key: weight for key, weight in one.items() if key in vectors}
            for key, weight in known.items():
                row += vectors[key] * (weight / sum(known.values()))
        return result

    def known(self, keys: Set[str]) -> set[str]:
        """Those of the words that have a piece which the tokenizer knows."""
        return set(self._vectors(keys))

    def _vectors(self, keys: Set[str]) -> dict[str, Tensor]:
        ordered = sorted(keys)
        ids = self._vocabulary.ids([self._form.get(key, f" {key}") for key in ordered])
        return {key: self._table[found].mean(0) for key, found in zip(ordered, ids, strict=True) if found}
