"""Give a student tokens of its own for the words of its language, each started at its English translations."""

from .adaptation import adapt_vocabulary
from .report import VocabularyReport
from .romanisation import romanise

__all__ = ["VocabularyReport", "adapt_vocabulary", "romanise"]
