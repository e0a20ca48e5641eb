"""Distil an English late-interaction retriever into a query encoder for a low-resource language, by optimal transport.

Importing the package registers `OpticalTeacherModel` and `OpticalStudentModel` with transformers' Auto classes.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .models import (
    OpticalStudentConfig,
    OpticalStudentModel,
    OpticalTeacherConfig,
    OpticalTeacherModel,
    TeacherMismatchError,
    maxsim,
)

try:
    __version__ = version("hf_optical")
except PackageNotFoundError:  # run from a folder without being installed
    __version__ = "0+unknown"

# imported when first used: the trainers take seconds to import
_LAZY = {
    "GreedyLoss": "losses",
    "OpticalLoss": "losses",
    "SentenceMSELoss": "sentence_losses",
    "OpticalTrainer": "training",
    "OpticalTrainingArguments": "training",
    "TeacherTrainer": "training",
    "TeacherTrainingArguments": "training",
    "load_bitext": "data",
    "load_retrieval": "data",
    "ExactIndex": "search",
    "evaluate_model": "evaluation",
    "results_table": "evaluation",
}

__all__ = [
    "OpticalStudentConfig",
    "OpticalStudentModel",
    "OpticalTeacherConfig",
    "OpticalTeacherModel",
    "TeacherMismatchError",
    "maxsim",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
