"""Likely English words for the words of a question, read from a transport plan: no translation system takes part.

How it is made: the token vectors of the question are transported (Sinkhorn, small epsilon) to token vectors of the best passages.
Every token of the question carries the same mass. A token of a passage has room in proportion to how near it is to tokens of the
question, and only the nearest have any, since most of a passage is not about the question. The mass that flows from a word's tokens
to an English word, out of all that leaves the word, is that gloss's weight. It is a guess from the passages that were found, not a
dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..models import OpticalPreTrainedModel
from ..search.document import Document
from ..search.token_spans import query_spans
from ..transport import cosine_cost, marginals, sinkhorn
from .words import word_at, words_of

# Nearest tokens of the passages that every token of the question brings in.
_NEAREST = 6
# Similarity by which room falls off (of a softmax), and the weight of the plan's entropy: smaller, so that tokens compete for room.
_TEMPERATURE = 0.05
_EPSILON = 0.03
_ITERATIONS = 300
# Of pairs of tokens that are less alike the mass tells nothing: it had to go somewhere.
_LEAST_SIMILARITY = 0.5
# Weaker glosses than this share of what leaves the word are noise.
_LEAST_SHARE = 0.25


class Gloss(NamedTuple):
    """A word of the question, and English words with their weights, at most 1 together, strongest first."""

    word: str
    english: list[tuple[str, float]]


@torch.no_grad()
def glosses_of(query: str, student: OpticalPreTrainedModel, documents: Sequence[Document], most: int = 2) -> list[Gloss]:
    """The `most` likeliest English words of each word of the query; none where the documents do not know where their tokens stand.

    Args:
        documents: English passages found for the query, with embeddings.
    """
    query_words = words_of(query)
    sources = [word_at(query_words, span) for span in query_spans(student.processor, [query])[0]]
    rows = [i for i, word in enumerate(sources) if word is not None]
    vectors, names = _english(documents)
    if not rows or not names:
        return [Gloss(word.text, []) for word in query_words]
    tokens = student.encode_query([query], show_progress_bar=False)[0].float()[rows]
    nearest = (tokens @ vectors.T).topk(min(_NEAREST, len(names)), dim=1).indices.unique()
    similar = tokens @ vectors[nearest].T >= _LEAST_SIMILARITY
    # every word sends a mass of 1, in equal parts from its tokens
    pieces = Tensor([sum(sources[other] == sources[row] for other in rows) for row in rows])
    mass = _plan(tokens, vectors[nearest]) * len(rows) / pieces[:, None] * similar
    totals: list[dict[str, float]] = [{} for _ in query_words]
    for row, source in zip(mass.tolist(), (sources[i] for i in rows), strict=True):
        for column, share in zip(nearest.tolist(), row, strict=True):
            totals[source][names[column]] = totals[source].get(names[column], 0.0) + share
    return [Gloss(word.text, _strongest(found, most)) for word, found in zip(query_words, totals, strict=True)]


def _english(documents: Sequence[Document]) -> tuple[Tensor, list[str]]:
    """Vectors of all tokens that stand in a word of a document, and these words in lower case."""
    vectors, names = [], []
    for document in documents:
        words = words_of(document.text)
        for vector, span in zip(document.embeddings, document.spans, strict=False):
            word = word_at(words, span)
            if word is not None:
                vectors.append(vector)
                names.append(words[word].text.lower())
    return (torch.stack(vectors).float() if vectors else torch.empty(0, 0)), names


def _plan(tokens: Tensor, vectors: Tensor) -> Tensor:
    cost = cosine_cost(tokens[None], vectors[None])
    wanted = (-cost / _TEMPERATURE).softmax(-1).sum(1)
    a, b = marginals(torch.ones(1, len(tokens))), marginals(torch.ones(1, len(vectors)), wanted)
    return sinkhorn(cost, a, b, epsilon=_EPSILON, max_iterations=_ITERATIONS).plan[0]


def _strongest(found: dict[str, float], most: int) -> list[tuple[str, float]]:
    ordered = sorted(found.items(), key=lambda entry: -entry[1])[:most]
    return [(word, min(1.0, mass)) for word, mass in ordered if mass >= _LEAST_SHARE]
