"""Evaluation: rankings, metrics, tables."""

from .fused import evaluate_fused
from .ranking import per_query_metrics, ranking_metrics, standard_error
from .retrieval import RetrievalResult, evaluate_bm25, evaluate_model, score_run
from .table import results_table

__all__ = [
    "RetrievalResult",
    "evaluate_bm25",
    "evaluate_fused",
    "evaluate_model",
    "per_query_metrics",
    "ranking_metrics",
    "results_table",
    "score_run",
    "standard_error",
]
