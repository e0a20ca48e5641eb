"""Which documents are to be found, by their metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Filter = Mapping[str, Any] | Callable[[dict[str, Any]], bool]


def matches(metadata: dict[str, Any], filter: Filter) -> bool:
    """Whether the metadata have these values (a list: any of them), or the function is true of them."""
    if callable(filter):
        return bool(filter(metadata))
    return all(
        name in metadata and (metadata[name] in wanted if isinstance(wanted, (list, tuple, set)) else metadata[name] == wanted)
        for name, wanted in filter.items()
    )
