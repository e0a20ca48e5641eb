"""Cards that people edit: what is generated stands between marks, and only that is written anew, and metadata that nobody edited.

Whether somebody edited metadata shows in what the last push generated, its *record*:

- **Ours, always:** results, and the files of a data set (`_ONLY_GENERATED`); our tags beside theirs.
- **All other metadata:** what is there and differs from the record was changed by a person, and stays; what the record has and the
  card has not was removed by a person, and stays away until we have another value.
- **A licence** is changed with its name and link, as one; `unknown` replaces none that is stated of these weights.
- **Without a record** what we generate is taken to be unedited in a card with our marks; all of another card is a person's.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.utils import yaml_dump

from .errors import HubError

logger = logging.getLogger(__name__)

_SECTION = re.compile(r"<!-- generated:(?P<name>[\w-]+) -->\n.*?<!-- /generated:(?P=name) -->", re.DOTALL)
_FRONT = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FORM = (
    "This is the model card of a 🤗 transformers model that has been pushed on the Hub. This model card has been automatically "
    "generated."
)
# Written from what was measured, or not at all: an old value must not stay when there is no new one.
_OF_WEIGHTS = ("base_model", "datasets")
_ONLY_GENERATED = ("model-index", "configs", "dataset_info")
_LICENCE = ("license", "license_name", "license_link")
_NO_LICENCE = (None, "unknown")


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


def card_record(rendered: str) -> dict[str, Any]:
    """Metadata of a card as it was generated, for the next push to tell what a person changed."""
    return {key: _plain(value) for key, value in split_card(rendered)[0].items() if key not in _ONLY_GENERATED}


def merge_card(existing: str, rendered: str, *, record: Mapping[str, Any] | None = None, other_weights: bool = False) -> str:
    """The existing card with its generated sections as in the rendered one, and metadata by the rule of the module.

    A section that a person has removed with its marks stays away; in a card without any mark everything is a person's, and the
    rendered one is put below it. Where the card was of other weights, what those were made from goes from the metadata.
    """
    old_data, old_body = split_card(existing, "README.md on the Hub")
    new_data, new_body = split_card(rendered)
    sections = {found["name"]: found.group(0) for found in _SECTION.finditer(new_body)}
    if _SECTION.search(old_body):
        body = _SECTION.sub(lambda found: sections.get(found["name"], ""), old_body)
    else:
        body = f"{old_body.strip()}\n\n{new_body.strip()}" if old_body.strip() else new_body
    if record is None:  # what is not generated any more may be a person's
        ours = [key for key in (*new_data, *_LICENCE) if key != "tags" and _SECTION.search(old_body)]
        record = {key: value for key, value in card_record(existing).items() if key in ours}
    return join_card(_merged_metadata(new_data, old_data, record, other_weights=other_weights), body)


def _merged_metadata(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], was: Mapping[str, Any], *, other_weights: bool
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    licence = theirs if _licence_stays(ours, theirs, was, other_weights=other_weights) else ours
    for key in dict.fromkeys([*theirs, *ours]):
        changed = key in theirs and _plain(theirs[key]) != was.get(key)
        # whoever removed all metadata has written a card of their own, and meant none of it
        removed = bool(theirs) and key not in theirs and key in was and _plain(ours[key]) == was[key]
        if key in _LICENCE:
            source = licence
        elif key in _ONLY_GENERATED or (other_weights and key in _OF_WEIGHTS):
            source = ours
        elif key == "tags" and isinstance(ours.get(key), list) and isinstance(theirs.get(key), list):
            own = [tag for tag in theirs[key] if tag not in (was.get(key) or []) or tag in ours[key]]
            source = {key: list(dict.fromkeys([*ours[key], *own]))}
        elif changed or (key == "base_model" and key not in ours):  # who does not name the teacher again has not changed it
            source = theirs
        else:
            source = {} if removed else ours
        if key in source:
            merged[key] = source[key]
    return merged


def _licence_stays(ours: Mapping[str, Any], theirs: Mapping[str, Any], was: Mapping[str, Any], *, other_weights: bool) -> bool:
    """Whether the licence that is there stays: a person stated it, or nobody states one for these weights now."""
    if theirs.get("license") in _NO_LICENCE:
        removed = bool(theirs) and "license" not in theirs and was.get("license") not in _NO_LICENCE
        return removed and all(_plain(ours.get(key)) == was.get(key) for key in _LICENCE)
    by_person = any(_plain(theirs.get(key)) != was.get(key) for key in _LICENCE)
    none_now = ours.get("license") in _NO_LICENCE
    if by_person and not none_now and theirs["license"] != ours["license"]:
        logger.warning(
            "README.md on the Hub has the license %s, which a person stated there: it stays, though that of the data is %s",
            *(theirs["license"], ours.get("license_name") or ours["license"]),
        )
    return by_person or (none_now and not other_weights)


def _plain(value: Any) -> Any:
    """As it comes back from JSON, so that dates and the like can be compared."""
    return json.loads(json.dumps(value, default=str))


def _is_form(card: str) -> bool:
    """Whether it is the empty form that `push_to_hub` of transformers leaves: nobody wrote it."""
    form = ModelCard.from_template(ModelCardData(), model_description=_FORM).content
    return split_card(card)[1].split() == split_card(form)[1].split()


def choose_card(
    local: str | None,
    remote: str | None,
    rendered: str,
    *,
    record: Mapping[str, Any] | None = None,
    other_weights: bool = False,
) -> str:
    """The card to send: edits made on the Hub or in the folder are kept.

    Args:
        local, remote: the cards that are there, None where there is none.
        rendered: the new one.
        record: what `card_record` said at the push that the remote one is of, None if that is not known.
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
        (local_data, body), remote_data = split_card(local), split_card(remote, "README.md on the Hub")[0]
        remote = join_card({key: value for key, value in local_data.items() if key not in (record or {})} | remote_data, body)
    return merge_card(remote, rendered, record=record, other_weights=other_weights)
