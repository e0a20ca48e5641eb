"""Documents as they are given to an index, before they are encoded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Rows:
    """Ids, texts and metadata of documents.

    Raises:
        ValueError: they differ in number, an id is there twice, or one holds what no file can (half of a surrogate pair).
    """

    def __init__(self, ids: Sequence[str], texts: Sequence[str], metadata: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.ids, self.texts = list(ids), list(texts)
        self.metadata = [dict(entry) for entry in metadata] if metadata is not None else [{} for _ in self.ids]
        for name, values in (("texts", self.texts), ("entries of metadata", self.metadata)):
            if len(values) != len(self.ids):
                raise ValueError(f"{len(self.ids)} ids, but {len(values)} {name}.")
        seen: set[str] = set()
        for i in self.ids:
            if i in seen:
                raise ValueError(f"document ids must be unique, but {i!r} occurs twice.")
            seen.add(i)
        self._check_characters()

    def parts(self, size: int) -> Iterator[Rows]:
        for start in range(0, len(self.ids), size):
            part = slice(start, start + size)
            yield Rows(self.ids[part], self.texts[part], self.metadata[part])

    def _check_characters(self) -> None:
        """Before hours of encoding, not when they are written."""
        for i, text, entry in zip(self.ids, self.texts, self.metadata, strict=True):
            metadata = json.dumps(entry, ensure_ascii=False) if entry else ""
            for name, value in (("id", i), ("text", text), ("metadata", metadata)):
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise ValueError(
                        f"document {i!r}: its {name} holds half of a surrogate pair, which is not a character: export it again."
                    ) from None
