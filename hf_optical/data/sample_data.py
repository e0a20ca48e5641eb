"""The embedded sample: our own texts, for trying everything without a network.

200 English passages on East African everyday subjects, 1,997 English-Swahili sentence pairs, 160 Swahili questions with English
versions and judged passages (40 dev, 120 test), 600 English training questions. Written for this package; Apache-2.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .bitext import Bitext, load_bitext
from .retrieval import load_retrieval
from .triples import load_triples

if TYPE_CHECKING:
    from datasets import Dataset

    from .collection import RetrievalCollection

SAMPLE = Path(__file__).parent / "sample"


def sample_bitext() -> Bitext:
    """English-Swahili sentence pairs; no dev or test question is among them."""
    return load_bitext(SAMPLE / "bitext.tsv", language="sw")


def sample_collection(split: str = "test") -> RetrievalCollection:
    """Passages, and the Swahili questions of a split: "dev" or "test"."""
    return load_retrieval(SAMPLE, split=split)


def sample_triples() -> Dataset:
    """English questions with their passage, and titles and sentences of every passage as further queries (arXiv 1906.00300, ICT)."""
    from datasets import Dataset, concatenate_datasets

    collection = sample_collection()
    given = load_triples(SAMPLE / "teacher.jsonl", collection.corpus)
    queries, positives = [], []
    for text in collection.corpus_texts:
        for sentence in text.split(". "):
            queries.append(sentence)
            positives.append(text)
    cloze = Dataset.from_dict(
        {"query": queries, "positive": positives, "negatives": [[] for _ in queries]}, features=given.features
    )
    return concatenate_datasets([given, cloze])
