"""The embedded sample: our own texts, for trying everything without a network.

200 English passages on East African everyday subjects, 1,997 English-Swahili sentence pairs, 160 Swahili questions with English
versions and judged passages (40 dev, 120 test), 600 English training questions. Written for this package; Apache-2.0.
"""

from __future__ import annotations

import json
import re
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
    """English questions with their passage; then titles and sentences of passages as further queries (ICT, arXiv 1906.00300)."""
    from datasets import Dataset

    passages = sample_collection().corpus
    given = load_triples(SAMPLE / "teacher.jsonl", passages)
    cloze = [
        {"query": query, "positive": passages[record["_id"]], "negatives": []}
        for record in map(json.loads, (SAMPLE / "corpus.jsonl").read_text(encoding="utf-8").splitlines())
        for query in (record["title"], *re.split(r"(?<=[.!?]) ", record["text"]))
    ]
    return Dataset.from_list([*given, *cloze], features=given.features)
