"""Data: sentence pairs, retrieval collections, and (query, positive, negatives) triples, read with clear errors.

Names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "bitext": ("Bitext", "load_bitext"),
    "bitext_readers": ("read_bitext",),
    "errors": ("DataError",),
    "filters": ("BitextFilter",),
    "languages": ("check_language", "language_name", "pair"),
    "passages": ("load_passages",),
    "report": ("BitextReport",),
    "retrieval": ("RetrievalCollection", "load_questions", "load_retrieval"),
    "text": ("comparison_key", "normalise_text"),
    "triples": ("load_triples",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
