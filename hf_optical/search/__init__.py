"""Search of English documents: exact MaxSim, and BM25 to compare with."""

from .bm25 import Bm25Index
from .exact_index import ExactIndex

__all__ = ["Bm25Index", "ExactIndex"]
