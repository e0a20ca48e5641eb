"""The card templates: `model_cards/` of the repository, packaged beside this file in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData, ModelCard, ModelCardData

from .errors import HubError

_PLACES = (Path(__file__).parent / "model_cards", Path(__file__).parents[2] / "model_cards")


def template(name: str) -> Path:
    """Path of a template, such as `student.md`. Raises HubError where the installation lacks it."""
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise HubError(f"the card template {name} is missing: install hf_optical again.")


def table_cell(text: str) -> str:
    """Text that stays in its cell, and is no mark, link or element.

    Example:
        >>> table_cell("a|b <!-- c -->\\n[d]")
        'a\\\\|b &lt;!-- c --> \\\\[d\\\\]'
    """
    text = " ".join(text.split()).replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "|[]" else c for c in text)


def code_cell(text: str) -> str:
    """A name as code in a table; as plain text where code would show it otherwise than it is, or end before it does.

    Example:
        >>> code_cell("tico19"), code_cell("news|2024 <b>x</b>"), code_cell("a`b_c_")
        ('`tico19`', 'news\\\\|2024 &lt;b>x&lt;/b>', 'a\\\\`b\\\\_c\\\\_')
    """
    cell = table_cell(text)
    return f"`{cell}`" if cell == text and "`" not in text else "".join(f"\\{c}" if c in "`*_" else c for c in cell)


def link(text: str, url: str) -> str:
    """A link of Markdown in a table; the text alone where there is no address."""
    address = url.replace("(", "%28").replace(")", "%29")
    return f"[{table_cell(text)}]({address})" if url else table_cell(text)


def render(file: str, data: ModelCardData | DatasetCardData, /, **values: Any) -> str:
    """The card of a template: metadata `data`, and `values` for the text."""
    card = DatasetCard if isinstance(data, DatasetCardData) else ModelCard
    text = card.from_template(data, template_path=str(template(file)), **values).content
    lines = [line.rstrip() for line in text.strip().splitlines()]
    # an empty `if` leaves empty lines behind
    kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
    return "\n".join(kept) + "\n"
