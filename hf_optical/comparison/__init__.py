"""Methods side by side: one configuration, many runs, a table with intervals and significance, and an answer in words."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "ComparisonConfig": "config",
    "export_results": "archive",
    "import_results": "archive",
    "load_config": "config",
    "run_comparison": "runner",
    "write_report": "report",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
