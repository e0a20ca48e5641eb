"""Search of English documents: exact MaxSim in memory or on disk, and BM25 to compare with."""

from .bm25 import Bm25Index
from .disk_index import DiskIndex
from .exact_index import ExactIndex
from .fusion import reciprocal_rank_fusion
from .index_error import IndexFormatError
from .searcher import Hit, Searcher, TokenMatch

__all__ = ["Bm25Index", "DiskIndex", "ExactIndex", "Hit", "IndexFormatError", "Searcher", "TokenMatch", "reciprocal_rank_fusion"]
