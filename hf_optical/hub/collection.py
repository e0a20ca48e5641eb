"""Tie models, bitext, metric and Space together in a collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import Collection, HfApi, get_token

from .errors import HubError
from .uploading import KINDS, again, connect

_KEYS = {"title", "description", "items"}


@dataclass(frozen=True)
class Item:
    """An entry of a collection."""

    repo: str
    kind: str
    note: str | None = None


def read_collection(path: str | Path) -> tuple[str, str, list[Item]]:
    """Title, description and items of a YAML file.

    The file has `title`, `description` (optional) and `items`, each `{model: owner/name}`, `{dataset: ...}` or `{space: ...}`, with
    a `note` if wanted.

    Raises:
        HubError: the file is missing or not of this form.
    """
    file = Path(path)
    if not file.is_file():
        raise HubError(f"collection {path}: there is no such file: write a YAML file with title and items.")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 1 if getattr(error, "problem_mark", None) else 1
        raise HubError(f"{path}:{line}: not valid YAML: mend this line.") from None
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise HubError(f"{path}: no `items`: write a list of `- model: owner/name`.")
    if unknown := sorted(set(content) - _KEYS):
        raise HubError(f"{path}: unknown key {unknown[0]!r}: there are {', '.join(sorted(_KEYS))}.")
    return (
        str(content.get("title") or ""),
        str(content.get("description") or ""),
        [_item(path, entry) for entry in content["items"]],
    )


def _item(path: str | Path, entry: Any) -> Item:
    kinds = [kind for kind in KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1 or set(entry) - {kinds[0], "note"}:
        raise HubError(
            f"{path}: {entry!r} is no item: write `- model: owner/name` (or dataset, space), with `note: text` if wanted."
        )
    note = entry.get("note")
    return Item(str(entry[kinds[0]]), kinds[0], None if note is None else str(note))


def push_collection(
    path: str | Path, repo: str, *, private: bool = False, dry_run: bool = False, token: str | None = None
) -> dict[str, Any]:
    """Make or complete a collection; what is in it already stays.

    Args:
        path: see `read_collection`.
        repo: `owner/name`; the name is the title where the file has none.
        private: of a new collection; one that is public already is refused.
        dry_run: say what would be done, and ask nothing.
        token: default: that of `hf auth login` or HF_TOKEN.

    Returns:
        `collection` (its slug), `url`, `title` and `items`.

    Raises:
        HubError: one line; an item that is not on the Hub, found before anything is made.
    """
    title, description, items = read_collection(path)
    owner, _, name = repo.rpartition("/")
    title = title or name
    outcome = {"collection": "", "url": "", "title": title, "items": [{"type": i.kind, "repo": i.repo} for i in items]}
    if dry_run:
        return outcome | {"dry_run": True}
    api, user = connect(token or get_token())
    owner = owner or user
    for item in items:
        if not again(lambda item=item: api.repo_exists(item.repo, repo_type=item.kind), item.repo, item.kind, user):
            raise HubError(f"{path}: there is no {item.kind} {item.repo} on the Hub: push it first.")
    made = again(lambda: _complete(api, owner, title, description, items, private), f"{owner}/{name}", "collection", user)
    return outcome | {"collection": made.slug, "url": made.url}


def _complete(api: HfApi, owner: str, title: str, description: str, items: list[Item], private: bool) -> Collection:
    """One try; every step may be done already."""
    known = next((c for c in api.list_collections(owner=owner) if c.title == title), None)
    if known is not None and private and not known.private:
        raise HubError(
            f"collection {known.slug} is there already and public: make it private in its settings, or leave out --private."
        )
    found = known or api.create_collection(
        title=title, namespace=owner, description=description or None, private=private, exists_ok=True
    )
    if known is not None and description and known.description != description:
        api.update_collection_metadata(found.slug, description=description)
    there = {(entry.item_type, entry.item_id): entry for entry in api.get_collection(found.slug).items}
    for item in items:
        entry = there.get((item.kind, item.repo))
        if entry is None:
            api.add_collection_item(found.slug, item_id=item.repo, item_type=item.kind, note=item.note, exists_ok=True)
        elif item.note is not None and entry.note != item.note:
            api.update_collection_item(found.slug, entry.item_object_id, note=item.note)
    return api.get_collection(found.slug)
