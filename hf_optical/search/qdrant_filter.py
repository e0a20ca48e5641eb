"""Filters of the metadata in Qdrant's terms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def metadata_filter(wanted: Mapping[str, Any] | None) -> Any:
    """The Qdrant filter for documents whose metadata has these values; a list: any of them.

    Unlike `DiskIndex`, Qdrant finds a value inside a list of the metadata too, and keeps `1` and `true` apart.

    Raises:
        ValueError: a function, which cannot travel to the engine, or a value that is no string, number, true, false or null.
    """
    from qdrant_client import models

    if wanted is None:
        return None
    if not isinstance(wanted, Mapping):
        raise ValueError("a filter function cannot run in the search engine: give {name: value} or {name: [value, ...]}.")
    return models.Filter(must=[_condition(name, value) for name, value in wanted.items()])


def field_path(name: str) -> str:
    """Where a field of the metadata is in the payload; quoted, so that dots and brackets in it are its own."""
    if '"' in name:
        raise ValueError(f'the metadata field {name!r} has a " in it: it cannot be filtered by in Qdrant.')
    return f"metadata.{json.dumps(name, ensure_ascii=False)}"


def _condition(name: str, value: Any) -> Any:
    from qdrant_client import models

    key = field_path(name)
    if isinstance(value, (list, tuple, set, frozenset)):
        choices = list(value)
        for kind in (str, int):
            if choices and all(isinstance(choice, kind) and not isinstance(choice, bool) for choice in choices):
                return models.FieldCondition(key=key, match=models.MatchAny(any=choices))
        if not choices:
            return models.HasIdCondition(has_id=[])  # none of no values: nothing matches
        return models.Filter(should=[_condition(name, choice) for choice in choices])
    if value is None:
        return models.IsNullCondition(is_null=models.PayloadField(key=key))
    if isinstance(value, float):
        return models.FieldCondition(key=key, range=models.Range(gte=value, lte=value))
    if isinstance(value, (str, int)):
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))
    raise ValueError(f"filter {name!r}: {type(value).__name__} cannot be compared: give a string, a number, true, false or null.")
