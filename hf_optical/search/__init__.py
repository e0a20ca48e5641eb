"""Search of documents, most of them English: exact MaxSim in memory or on disk, and BM25 to compare with."""

from .bm25 import Bm25Index
from .disk_index import DiskIndex
from .exact_index import ExactIndex
from .fusion import reciprocal_rank_fusion
from .hit import Hit, TokenMatch
from .index_error import IndexFormatError
from .searcher import Searcher
from .spelling_variants import SpellingVariants

__all__ = [
    "Bm25Index",
    "DiskIndex",
    "ExactIndex",
    "Hit",
    "IndexFormatError",
    "Searcher",
    "SpellingVariants",
    "TokenMatch",
    "reciprocal_rank_fusion",
]
