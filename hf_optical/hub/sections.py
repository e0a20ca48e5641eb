"""Cards that people edit: what is generated stands between marks, and only that, and the metadata, is written anew."""

from __future__ import annotations

import re
from typing import Any

import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.utils import yaml_dump

from .errors import HubError

_SECTION = re.compile(r"<!-- generated:(?P<name>[\w-]+) -->\n.*?<!-- /generated:(?P=name) -->", re.DOTALL)
_FRONT = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FORM = (
    "This is the model card of a 🤗 transformers model that has been pushed on the Hub. This model card has been automatically "
    "generated."
)
# Written from what was measured, or not at all: an old value must not stay when there is no new one.
_OF_WEIGHTS = ("base_model", "datasets")
_ONLY_GENERATED = ("model-index", "license_name", "license_link", "configs", "dataset_info")


def split_card(text: str, where: str = "README.md") -> tuple[dict[str, Any], str]:
    """Metadata and body of a card. Raises HubError where the metadata is no YAML mapping."""
    found = _FRONT.match(text)
    if not found:
        return {}, text
    try:
        data = yaml.safe_load(found.group(1)) or {}
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 2 if getattr(error, "problem_mark", None) else 1
        raise HubError(f"{where}:{line}: the metadata between the --- lines is no YAML: mend it by hand.") from None
    if not isinstance(data, dict):
        raise HubError(f"{where}:1: the metadata between the --- lines is no mapping: mend it by hand.")
    return data, text[found.end() :]


def join_card(data: dict[str, Any], body: str) -> str:
    """A card of metadata and body."""
    return f"---\n{yaml_dump(data, sort_keys=False).strip()}\n---\n\n{body.strip()}\n"


def own_text(text: str) -> str:
    """What people may have written: the body with every generated section emptied.

    Example:
        >>> own_text("Mine.\\n<!-- generated:use -->\\ncode\\n<!-- /generated:use -->\\n")
        'Mine.\\n<!-- generated:use -->'
    """
    return _SECTION.sub(lambda found: f"<!-- generated:{found['name']} -->", split_card(text)[1]).strip()


def merge_card(existing: str, rendered: str, *, other_weights: bool = False) -> str:
    """The existing card with its generated sections as in the rendered one.

    A section that a person has removed with its marks stays away; in a card without any mark everything is a person's, and the
    rendered one is put below it. Metadata: our keys win, others stay, tags are joined; where the card was of other weights, what
    those were made from goes.
    """
    old_data, old_body = split_card(existing, "README.md on the Hub")
    new_data, new_body = split_card(rendered)
    sections = {found["name"]: found.group(0) for found in _SECTION.finditer(new_body)}
    if _SECTION.search(old_body):
        body = _SECTION.sub(lambda found: sections.get(found["name"], ""), old_body)
    else:
        body = f"{old_body.strip()}\n\n{new_body.strip()}" if old_body.strip() else new_body
    gone = (*_ONLY_GENERATED, *(_OF_WEIGHTS if other_weights else ()))
    data = {key: value for key, value in old_data.items() if key in new_data or key not in gone}
    data |= new_data
    if isinstance(old_data.get("tags"), list) and isinstance(new_data.get("tags"), list):
        data["tags"] = list(dict.fromkeys([*new_data["tags"], *old_data["tags"]]))
    return join_card(data, body)


def _is_form(card: str) -> bool:
    """Whether it is the empty form that `push_to_hub` of transformers leaves: nobody wrote it."""
    form = ModelCard.from_template(ModelCardData(), model_description=_FORM).content
    return split_card(card)[1].split() == split_card(form)[1].split()


def choose_card(local: str | None, remote: str | None, rendered: str, *, other_weights: bool = False) -> str:
    """The card to send: edits made on the Hub or in the folder are kept.

    Args:
        local, remote: the cards that are there, None where there is none.
        rendered: the new one.
        other_weights: the remote one is of other weights than those that are sent now.

    Raises:
        HubError: people edited it in both places.
    """
    local, remote = (None if card is None or _is_form(card) else card for card in (local, remote))
    fresh = own_text(rendered)
    edited_here = local is not None and own_text(local) != fresh
    if remote is None:
        return merge_card(local, rendered) if local is not None else rendered
    if edited_here and own_text(local) != own_text(remote):
        if own_text(remote) != fresh:
            raise HubError(
                "README.md was edited here and on the Hub, in different ways: put both into one, and make the two the same or "
                "remove the one here."
            )
        return merge_card(local, rendered, other_weights=other_weights)
    return merge_card(remote, rendered, other_weights=other_weights)
