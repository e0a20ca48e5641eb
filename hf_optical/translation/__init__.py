"""Baselines that translate the query and leave the English retriever as it is.

Each translator has a `name` and `translate(texts) -> list[str]`. torch and transformers are imported when they are needed.
"""

from .names_only import NamesOnly
from .seq2seq import Seq2SeqTranslator
from .train_translator import train_translator
from .word_by_word import WordByWord

__all__ = ["NamesOnly", "Seq2SeqTranslator", "WordByWord", "train_translator"]
