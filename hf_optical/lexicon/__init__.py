"""Bilingual lexicons: read from files, or induced from sentence pairs or from a trained student."""

from __future__ import annotations

from typing import Any

from .lexicon import Lexicon
from .word_alignment import WordAlignment
from .words import split_words, text_key, word_key, words

__all__ = ["Lexicon", "WordAlignment", "align_by_plans", "split_words", "text_key", "word_key", "words"]


def __getattr__(name: str) -> Any:
    if name == "align_by_plans":  # needs torch, which nothing else here does
        from .plan_alignment import align_by_plans

        return align_by_plans
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
