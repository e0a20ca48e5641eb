"""README.md of a Space: what people changed on the Hub, and what was changed in the folder, in one card.

A Space's card is not rendered from a template, it is a text of the folder. So what is generated in it cannot stand between marks as
in the cards of models (`sections`). Instead every push leaves a record of the card that the folder had, in `optical.json`: its
metadata, and a hash of the text under each heading. Whatever differs from the record was changed since then, by a person on the
Hub or here:

- **Ours, always:** what the files need to run (`sdk`, `sdk_version`, `python_version`, `app_file`, `app_port`,
  `app_build_command`), our tags beside theirs, and the revision that pins `evaluate.load` in the card of a metric, wherever it
  stands.
- **All other metadata, and the text under each heading:** changed on the Hub only, it stays; changed here only, it is sent; changed
  on both sides, in different ways, the push is refused. A section that a person removed stays away, and one that a person wrote
  stays in its place.
- **Without a record,** in a Space that was made by hand: everything on the Hub is a person's and stays, but for what is ours
  always, and keys that are not there yet. The card that the Hub itself puts into an empty Space is nobody's.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from .errors import HubError
from .sections import join_card, split_card

logger = logging.getLogger(__name__)

# Follows from the files.
_OURS = ("sdk", "sdk_version", "python_version", "app_file", "app_port", "app_build_command")
# The text of the card that the Hub makes for an empty Space.
_FORM = "Check out the configuration reference at "
_PINNED = r"evaluate\.load\(\s*([\"']){}\1(?:\s*,\s*revision\s*=\s*([\"'])[^\"']*\2)?"


def card_record(text: str) -> dict[str, Any]:
    """What `merge_space_card` wants to know at the next push of the card that is in the folder now."""
    data, body = split_card(text)
    return {"metadata": _plain(data), "sections": {name: _digest(part) for name, part in sections(body).items()}}


def merge_space_card(here: str, there: str | None, record: Mapping[str, Any] | None, *, metric: str = "") -> str:
    """The card to send; the rule is that of the module.

    Args:
        here: of the folder.
        there: on the Hub, None if there is none.
        record: what `card_record` said at the last push, None if that is not known.
        metric: `owner/name` of a metric, whose pins are no change of a person.

    Raises:
        HubError: the same was changed on both sides, in different ways; metadata that cannot be read.
    """
    if there is None:
        return here
    there = pinned(there, metric, "") if metric else there
    (our_data, our_body), (their_data, their_body) = split_card(here), split_card(there, "README.md on the Hub")
    is_form = their_body.strip().startswith(_FORM) and len(their_body.strip().splitlines()) == 1
    if is_form and record is None:
        their_data = {key: value for key, value in their_data.items() if key in our_data or key not in _OURS}
        their_body = our_body
        record = {"metadata": {key: value for key, value in _plain(their_data).items() if key in our_data}, "sections": {}}
    data = _merged_metadata(our_data, their_data, record and record["metadata"])
    if record is not None:
        body = _merged_body(sections(our_body), sections(their_body), record["sections"])
    else:
        body = their_body
        if _digest(our_body) != _digest(their_body):
            logger.warning("README.md on the Hub is not of an earlier push: its text stays, and that of the one here is not sent")
    if _plain(data) == _plain(our_data) and list(sections(body).items()) == list(sections(our_body).items()):
        return here
    return join_card(data, body)


def pinned(text: str, repo: str, revision: str) -> str:
    """The text with every `evaluate.load` of a metric at this revision; "" for none.

    Example:
        >>> pinned('evaluate.load("org/recall", revision="old", seed=1)', "org/recall", "new")
        'evaluate.load("org/recall", revision="new", seed=1)'
    """
    return re.sub(
        _PINNED.format(re.escape(repo)), f'evaluate.load("{repo}"' + (f', revision="{revision}"' if revision else ""), text
    )


def sections(body: str) -> dict[str, str]:
    """Text by heading, with the heading; what stands before the first has the name "". Lines in code blocks are no headings.

    Example:
        >>> sections("# A\\n\\n```\\n# code\\n```\\n\\n## B\\nb\\n")
        {'# A': '# A\\n\\n```\\n# code\\n```', '## B': '## B\\nb'}
    """
    found: dict[str, list[str]] = {"": []}
    name, fence = "", ""
    for line in body.splitlines():
        mark = re.match(r"\s{0,3}(```+|~~~+)", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence and re.match(r"#{1,6}\s", line):
            name = line.strip()
            while name in found:
                name += " (again)"
            found[name] = []
        found[name].append(line)
    parts = {name: "\n".join(lines).strip() for name, lines in found.items()}
    return {name: part for name, part in parts.items() if part or name}


def _merged_body(ours: Mapping[str, str], theirs: Mapping[str, str], record: Mapping[str, str]) -> str:
    kept: dict[str, str] = {}
    for name, text in theirs.items():
        was = record.get(name)
        if name in ours:
            kept[name] = _one(f"the section {name!r}", ours[name], text, _digest(ours[name]) == was, _digest(text) == was)
        elif _digest(text) != was:  # written or edited by a person; else removed here
            kept[name] = text
    order = list(kept)
    before = None
    for name, text in ours.items():
        if name not in kept and name not in theirs and name not in record:  # new here
            kept[name] = text
            order.insert(order.index(before) + 1 if before else 0, name)
        before = name if name in kept else before
    return "\n\n".join(kept[name] for name in order)


def _merged_metadata(ours: dict[str, Any], theirs: dict[str, Any], record: Mapping[str, Any] | None) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other, was = (_plain(side or {}).get(key) for side in (ours, theirs, record))
        if key in _OURS:
            if key in ours:
                merged[key] = ours[key]
            elif theirs.get("sdk") == ours.get("sdk") and was is None:  # else it was ours, or of another sdk
                merged[key] = theirs[key]
        elif key == "tags" and isinstance(mine, list) and isinstance(other, list):
            merged[key] = list(dict.fromkeys([*mine, *(tag for tag in other if tag not in (was or []))]))
        elif key in ours and key in theirs:
            known = record is not None
            merged[key] = _one(repr(key), ours[key], theirs[key], not known or mine == was, known and other == was)
        elif (key in theirs and (was is None or other != was)) or (key in ours and was is None):
            merged[key] = theirs[key] if key in theirs else ours[key]
    return merged


def _one(what: str, ours: Any, theirs: Any, ours_is_old: bool, theirs_is_old: bool) -> Any:
    """Of two sides the one that has changed. Raises HubError where both have."""
    if theirs_is_old or _plain(ours) == _plain(theirs):
        return ours
    if ours_is_old:
        return theirs
    raise HubError(f"README.md: {what} was edited here and on the Hub, in different ways: make the two the same, and push again.")


def _plain(value: Any) -> Any:
    """As it comes back from JSON, so that dates and the like can be compared."""
    return json.loads(json.dumps(value, default=str))


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
