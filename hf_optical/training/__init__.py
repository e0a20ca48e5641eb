"""Trainers of teacher and student."""

from .arguments import OpticalTrainingArguments, TeacherTrainingArguments
from .bitext_examples import idf_weights, tokenize_bitext
from .collators import BitextCollator, RetrievalCollator
from .embedding_cache import EmbeddingCache
from .optical_trainer import OpticalTrainer
from .teacher_trainer import TeacherTrainer

__all__ = [
    "BitextCollator",
    "EmbeddingCache",
    "OpticalTrainer",
    "OpticalTrainingArguments",
    "RetrievalCollator",
    "TeacherTrainer",
    "TeacherTrainingArguments",
    "idf_weights",
    "tokenize_bitext",
]
