"""The translated questions of a run, beside its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..data.files import write_atomically

TRANSLATIONS = "translations.jsonl"


def save_translations(folder: Path, queries: Mapping[str, str], translated: Mapping[str, str]) -> None:
    """Write the questions and what was made of them, by id, atomically."""
    rows = ({"_id": query, "text": text, "translation": translated[query]} for query, text in queries.items())
    write_atomically(folder / TRANSLATIONS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_translations(folder: Path) -> dict[str, str]:
    """Id -> translation, without the questions of which nothing was left."""
    rows = map(
        json.loads, (folder / TRANSLATIONS).read_text(encoding="utf-8").rstrip("\n").split("\n")
    )  # splitlines would part a text
    return {row["_id"]: row["translation"] for row in rows if row["translation"].strip()}
